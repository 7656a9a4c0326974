#include "history/mongo/document.h"

#include <bson/bson.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace cronfleet::history::mongo {
namespace {

int length(std::string_view text) { return static_cast<int>(text.size()); }

// Key of an element of an array.
std::string index_key(std::size_t index) { return std::to_string(index); }

}  // namespace

Document::Document() : bson_(bson_new()) {}
Document::~Document() {
  if (bson_ != nullptr) bson_destroy(bson_);
}
Document& Document::operator=(Document&& other) noexcept {
  std::swap(bson_, other.bson_);
  return *this;
}

Document& Document::text(std::string_view key, std::string_view value) {
  if (!is_utf8(value)) return text(key, repair_utf8(value));
  const char* start = value.data() == nullptr ? "" : value.data();
  CHECK(bson_append_utf8(bson_, key.data(), length(key), start, length(value)));
  return *this;
}
Document& Document::number(std::string_view key, std::int64_t value) {
  CHECK(bson_append_int64(bson_, key.data(), length(key), value));
  return *this;
}
Document& Document::flag(std::string_view key, bool value) {
  CHECK(bson_append_bool(bson_, key.data(), length(key), value));
  return *this;
}
Document& Document::nothing(std::string_view key) {
  CHECK(bson_append_null(bson_, key.data(), length(key)));
  return *this;
}
Document& Document::binary(std::string_view key, std::string_view bytes) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(bytes.data() == nullptr ? "" : bytes.data());
  CHECK(bson_append_binary(bson_, key.data(), length(key), BSON_SUBTYPE_BINARY, start,
                           static_cast<std::uint32_t>(bytes.size())));
  return *this;
}
Document& Document::object_id(std::string_view key, const std::string& hex) {
  CHECK(bson_oid_is_valid(hex.c_str(), hex.size()));
  bson_oid_t id;
  bson_oid_init_from_string(&id, hex.c_str());
  CHECK(bson_append_oid(bson_, key.data(), length(key), &id));
  return *this;
}
Document& Document::document(std::string_view key, const Document& value) {
  CHECK(bson_append_document(bson_, key.data(), length(key), value.bson_));
  return *this;
}
Document& Document::texts(std::string_view key, const std::vector<std::string>& values) {
  Document array;
  for (std::size_t i = 0; i < values.size(); ++i) array.text(index_key(i), values[i]);
  CHECK(bson_append_array(bson_, key.data(), length(key), array.bson_));
  return *this;
}
Document& Document::documents(std::string_view key, const std::vector<Document>& values) {
  Document array;
  for (std::size_t i = 0; i < values.size(); ++i) array.document(index_key(i), values[i]);
  CHECK(bson_append_array(bson_, key.data(), length(key), array.bson_));
  return *this;
}

std::size_t Document::size() const { return bson_->len; }
std::string_view Document::bytes() const { return {reinterpret_cast<const char*>(bson_get_data(bson_)), bson_->len}; }

struct Members::State {
  bson_t bson;
  bson_iter_t iterator;
};

Members::Members(std::string_view bson) : state_(new State) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bson.data());
  const bool valid = bson.size() >= 5 && bson_init_static(&state_->bson, data, bson.size()) &&
                     bson_iter_init(&state_->iterator, &state_->bson);
  if (valid) return;
  damaged_ = true;
  delete std::exchange(state_, nullptr);
}
Members::~Members() { delete state_; }

bool Members::next(Member& member) {
  if (state_ == nullptr) return false;
  bson_iter_t& at = state_->iterator;
  if (!bson_iter_next(&at)) {
    damaged_ = damaged_ || at.err_off != 0;
    return false;
  }
  member = {};
  member.key = bson_iter_key(&at);
  std::uint32_t size = 0;
  const std::uint8_t* data = nullptr;
  const auto take_bytes = [&](Member::Kind kind) {
    member.kind = kind;
    if (data != nullptr) member.bytes = {reinterpret_cast<const char*>(data), size};
  };
  switch (bson_iter_type(&at)) {
    case BSON_TYPE_UTF8:
      data = reinterpret_cast<const std::uint8_t*>(bson_iter_utf8(&at, &size));
      take_bytes(Member::Kind::Text);
      break;
    case BSON_TYPE_BINARY: {
      bson_subtype_t subtype;
      bson_iter_binary(&at, &subtype, &size, &data);
      take_bytes(Member::Kind::Binary);
      break;
    }
    case BSON_TYPE_DOCUMENT:
      bson_iter_document(&at, &size, &data);
      take_bytes(Member::Kind::Document);
      break;
    case BSON_TYPE_ARRAY:
      bson_iter_array(&at, &size, &data);
      take_bytes(Member::Kind::Array);
      break;
    case BSON_TYPE_INT32:
      member.kind = Member::Kind::Integer;
      member.integer = bson_iter_int32(&at);
      break;
    case BSON_TYPE_INT64:
      member.kind = Member::Kind::Integer;
      member.integer = bson_iter_int64(&at);
      break;
    case BSON_TYPE_DOUBLE: {
      const double value = bson_iter_double(&at);
      if (std::trunc(value) != value || std::fabs(value) > 9e15) break;  // also: not a number
      member.kind = Member::Kind::Integer;
      member.integer = static_cast<std::int64_t>(value);
      break;
    }
    case BSON_TYPE_BOOL:
      member.kind = Member::Kind::Flag;
      member.integer = bson_iter_bool(&at) ? 1 : 0;
      break;
    case BSON_TYPE_NULL: member.kind = Member::Kind::Null; break;
    case BSON_TYPE_OID: {
      char hex[25];
      bson_oid_to_string(bson_iter_oid(&at), hex);
      member.kind = Member::Kind::ObjectId;
      member.object_id = hex;
      break;
    }
    default: break;
  }
  return true;
}

std::optional<Member> member_of(std::string_view bson, std::string_view key) {
  std::optional<Member> found;
  Members members(bson);
  for (Member member; members.next(member);) {
    if (member.key == key) found = member;
  }
  return found;
}
std::optional<std::int64_t> integer_of(std::string_view bson, std::string_view key) {
  const auto member = member_of(bson, key);
  if (!member || member->kind != Member::Kind::Integer) return std::nullopt;
  return member->integer;
}
std::optional<std::string_view> text_in(std::string_view bson, std::string_view key) {
  const auto member = member_of(bson, key);
  if (!member || member->kind != Member::Kind::Text) return std::nullopt;
  return member->bytes;
}

}  // namespace cronfleet::history::mongo

// history/mongo/document.h: BSON documents as values: built member by member, read as bytes.
//
// Only the .cc files of this folder know the library behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

typedef struct _bson_t bson_t;

namespace cronfleet::history::mongo {

inline constexpr std::size_t kDocumentBytesMax = 16 << 20;  // what a server takes

// A document under construction. Keys are literals of ours; a text that is no UTF-8 is repaired.
class Document {
 public:
  Document();
  ~Document();
  Document(Document&& other) noexcept : bson_(other.bson_) { other.bson_ = nullptr; }
  Document& operator=(Document&& other) noexcept;
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  Document& text(std::string_view key, std::string_view value);
  Document& number(std::string_view key, std::int64_t value);
  Document& flag(std::string_view key, bool value);
  Document& nothing(std::string_view key);  // null, which also matches where the member is missing
  Document& binary(std::string_view key, std::string_view bytes);
  Document& object_id(std::string_view key, const std::string& hex);  // 24 hex digits
  Document& document(std::string_view key, const Document& value);
  Document& texts(std::string_view key, const std::vector<std::string>& values);
  Document& documents(std::string_view key, const std::vector<Document>& values);

  std::size_t size() const;
  std::string_view bytes() const;
  const bson_t* get() const { return bson_; }

 private:
  bson_t* bson_;
};

// One member of a document that came from outside.
struct Member {
  enum class Kind { Text, Integer, Flag, Null, Binary, ObjectId, Document, Array, Other };
  std::string_view key;
  Kind kind = Kind::Other;
  std::string_view bytes;    // Text, Binary; of a Document or an Array: its own bytes
  std::int64_t integer = 0;  // Integer (also of a double that is whole), Flag
  std::string object_id;     // ObjectId: 24 hex digits
};

// Walks the members of `bson` in order; whatever the bytes are, it ends.
class Members {
 public:
  explicit Members(std::string_view bson);
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  bool next(Member& member);
  bool damaged() const { return damaged_; }  // once next() has answered false

 private:
  struct State;
  State* state_;
  bool damaged_ = false;
};

// The last member of that key.
std::optional<Member> member_of(std::string_view bson, std::string_view key);
std::optional<std::int64_t> integer_of(std::string_view bson, std::string_view key);
std::optional<std::string_view> text_in(std::string_view bson, std::string_view key);

}  // namespace cronfleet::history::mongo

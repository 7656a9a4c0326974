#include "api/url.h"

#include "base/utf8.h"

namespace cronfleet::api {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, Plus plus, std::size_t begin) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::IsSpace) c = ' ';
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return fail(Code::InvalidArgument, "'%' at position {} is not followed by two hex digits", begin + i + 1);
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return fail(Code::InvalidArgument, "a zero byte is not allowed");
    out += c;
  }
  if (!is_utf8(out)) return fail(Code::InvalidArgument, "the decoded text is not valid UTF-8");
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (unreserved(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

tl::expected<QueryPairs, BadPair> parse_query(std::string_view text) {
  QueryPairs pairs;
  // As sent, in what can be shown to a client: the bytes themselves may be anything.
  const auto refuse = [](std::string_view raw, std::string detail) {
    return tl::unexpected(BadPair{is_utf8(raw) ? std::string(raw) : percent_encode(raw), std::move(detail)});
  };
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty()) continue;
    if (pairs.size() == kQueryPairsMax)
      return refuse(part.substr(0, part.find('=')), fmt::format("a query has at most {} parameters", kQueryPairsMax));
    const auto equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), Plus::IsSpace);
    if (!name)
      return refuse(part.substr(0, equals),
                    fmt::format("the name of query parameter {}: {}", pairs.size() + 1, name.error().message()));
    if (name->empty()) return refuse(part, fmt::format("query parameter {} has no name", pairs.size() + 1));
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), Plus::IsSpace);
    if (!value) return refuse(*name, fmt::format("query parameter '{}': {}", *name, value.error().message()));
    pairs.emplace_back(*std::move(name), *std::move(value));
  }
  return pairs;
}

}  // namespace cronfleet::api

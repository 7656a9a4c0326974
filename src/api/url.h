// api/url.h: percent-encoding and query texts, read strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/status.h"

namespace cronfleet::api {

enum class Plus { IsPlus, IsSpace };  // '+' means a space in a query, itself in a path

// InvalidArgument: a '%' without two hex digits, a zero byte, or bytes that are no UTF-8. `text` begins at byte `begin`
// of what the client sent: a position is told as one in that.
Result<std::string> percent_decode(std::string_view text, Plus plus = Plus::IsPlus, std::size_t begin = 0);
// Everything but letters, digits and -._~ encoded: safe in any part of an address.
std::string percent_encode(std::string_view text);

// Pairs in the order of the text. "a" and "a=" both mean an empty value; an empty part ("&&") is passed over.
using QueryPairs = std::vector<std::pair<std::string, std::string>>;
constexpr std::size_t kQueryPairsMax = 100;
// A pair that percent_decode refuses, one without a name, or more than kQueryPairsMax.
struct BadPair {
  std::string parameter;  // its name, as sent where that cannot be read; never empty
  std::string detail;
};
tl::expected<QueryPairs, BadPair> parse_query(std::string_view text);

}  // namespace cronfleet::api

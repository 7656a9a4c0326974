#include "api/query.h"

#include <algorithm>
#include <charconv>

#include "domain/json_reader.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::int64_t kNoBound = 1'000'000'000'000;  // what lies past it is no bound that helps anybody

}  // namespace

std::optional<std::string> Query::text(std::string_view name) {
  take(name);
  std::optional<std::string> found;
  for (const auto& [key, value] : pairs_) {
    if (key != name) continue;
    if (found) {
      refuse(name, "given twice");
      return found;
    }
    found = value;
  }
  return found;
}

std::vector<std::string> Query::words(std::string_view name, std::string_view expected) {
  take(name);
  std::vector<std::string> words;
  for (const auto& [key, value] : pairs_) {
    if (key != name) continue;
    for (std::string_view rest = value;;) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (comma == 0) {
        refuse(name, fmt::format("empty: expected {}, or no such parameter", expected));
        break;
      }
      words.emplace_back(rest.substr(0, comma));
      if (comma == rest.size()) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return words;
}

std::vector<std::string> Query::texts(std::string_view name) {
  take(name);
  std::vector<std::string> texts;
  for (const auto& [key, value] : pairs_)
    if (key == name) texts.push_back(value);
  return texts;
}

std::optional<std::int64_t> Query::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const auto found = text(name);
  if (!found) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(found->data(), found->data() + found->size(), number);
  if (error != std::errc() || end != found->data() + found->size() || number < least || number > most) {
    refuse(name, most > kNoBound
                     ? fmt::format("expected a whole number from {}, found {}", least, domain::quoted(*found))
                     : fmt::format("{} is not a whole number from {} to {}", domain::quoted(*found), least, most));
    return std::nullopt;
  }
  return number;
}

bool Query::flag(std::string_view name) {
  const auto found = text(name);
  if (!found || *found == "0" || *found == "false") return false;
  if (*found != "1" && *found != "true" && !found->empty())
    refuse(name, fmt::format("{} is neither true nor false", domain::quoted(*found)));
  return true;
}

std::optional<WallTime> Query::instant(std::string_view name) {
  const auto found = text(name);
  if (!found) return std::nullopt;
  const auto at = parse_rfc3339(*found);
  if (at) return *at;
  // "…T02:00:00+01:00" as it stands in an address: its plus means a space.
  std::string with_plus = *found;
  std::replace(with_plus.begin(), with_plus.end(), ' ', '+');
  refuse(name, with_plus != *found && parse_rfc3339(with_plus) ? "a + in an address means a space: write it as %2B"
                                                               : at.error().message());
  return std::nullopt;
}

std::optional<std::string> Query::choice(std::string_view name, const std::vector<std::string_view>& allowed) {
  auto found = text(name);
  if (!found || std::find(allowed.begin(), allowed.end(), *found) != allowed.end()) return found;
  if (allowed.size() == 1) {
    refuse(name, fmt::format("expected {}, found {}", allowed.front(), domain::quoted(*found)));
    return std::nullopt;
  }
  refuse(name, fmt::format("{} is not one of {}", domain::quoted(*found), fmt::join(allowed, ", ")),
         std::string(domain::nearest(*found, allowed)));
  return std::nullopt;
}

void Query::refuse(std::string_view name, std::string detail, std::string suggestion, int column, int length) {
  mistakes_.push_back({.parameter = std::string(name),
                       .column = column,
                       .length = length,
                       .code = "invalid_parameter",
                       .detail = std::move(detail),
                       .suggestion = std::move(suggestion)});
}

std::optional<Problem> Query::problem() {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const auto& [key, value] : pairs_) {
    if (known_.contains(key)) continue;
    mistakes_.push_back({.parameter = key,
                         .code = "unknown_parameter",
                         .detail = known.empty() ? "this address takes no parameters"
                                                 : fmt::format("unknown; known are {}", fmt::join(known, ", ")),
                         .suggestion = std::string(domain::nearest(key, known))});
  }
  if (mistakes_.empty()) return std::nullopt;
  Problem problem{.status = 400, .code = "invalid_query", .errors = std::move(mistakes_)};
  const Mistake& first = problem.errors.front();
  problem.detail = fmt::format("query parameter '{}': {}{}", first.parameter,
                               first.column > 0 ? fmt::format("column {}: ", first.column) : "", first.detail);
  return problem;
}

}  // namespace cronfleet::api

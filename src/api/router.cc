#include "api/router.h"

#include <algorithm>

#include "api/url.h"
#include "base/check.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kSegmentsMax = 16;

using Parts = AddressParts<std::string_view>;
using Pattern = AddressParts<std::string>;

bool is_verb(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

Parts split(std::string_view path) {
  Parts parts;
  for (std::string_view rest = path.substr(1);;) {
    const auto slash = std::min(rest.find('/'), rest.size());
    parts.segments.push_back(rest.substr(0, slash));
    if (slash == rest.size()) break;
    rest.remove_prefix(slash + 1);
  }
  std::string_view& last = parts.segments.back();
  const auto colon = last.rfind(':');
  if (colon != std::string_view::npos && is_verb(last.substr(colon + 1))) {
    parts.verb = last.substr(colon + 1);
    last = last.substr(0, colon);
  }
  return parts;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

bool matches(const Pattern& pattern, const Parts& path) {
  if (pattern.segments.size() != path.segments.size()) return false;
  for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
    if (is_parameter(pattern.segments[i]) ? path.segments[i].empty() : pattern.segments[i] != path.segments[i])
      return false;
  }
  return true;
}

tl::expected<RouteMatch, Problem> match_of(const Route& route, const Pattern& pattern, const Parts& path) {
  RouteMatch match{.route = &route, .parameters = {}};
  for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
    if (!is_parameter(pattern.segments[i])) continue;
    auto value = percent_decode(path.segments[i]);
    if (!value) return refuse(400, "invalid_address", "the address cannot be read: {}", value.error().message());
    match.parameters.emplace(pattern.segments[i].substr(1, pattern.segments[i].size() - 2), *std::move(value));
  }
  return match;
}

}  // namespace

const std::string& Call::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  CHECK(found != parameters.end());
  return found->second;
}

void Router::add(Route route) {
  CHECK(route.pattern.starts_with('/'));
  for (const Route& other : routes_) CHECK(other.method != route.method || other.pattern != route.pattern);
  const Parts parts = split(route.pattern);
  patterns_.push_back({{parts.segments.begin(), parts.segments.end()}, std::string(parts.verb)});
  routes_.push_back(std::move(route));
}

tl::expected<RouteMatch, Problem> Router::find(Method method, std::string_view path) const {
  if (!path.starts_with('/')) return refuse(400, "invalid_address", "the address of a request begins with '/'");
  const Parts parts = split(path);
  if (parts.segments.size() > kSegmentsMax) return refuse(404, "no_such_address", "nothing stands under this address");
  std::optional<Result<std::string>> decoded;
  const Method wanted = method == Method::Head ? Method::Get : method;
  std::vector<std::string_view> methods, verbs;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    const Pattern& pattern = patterns_[i];
    if (route.address == Address::AsSent) {
      if (!decoded) decoded = percent_decode(path);
      if (!*decoded || **decoded != route.pattern) continue;
    } else if (!matches(pattern, parts)) {
      continue;
    } else if (pattern.verb != parts.verb) {
      if (!pattern.verb.empty()) verbs.push_back(pattern.verb);
      continue;
    }
    if (route.method == wanted) return match_of(route, pattern, parts);
    methods.push_back(to_string(route.method));
    if (route.method == Method::Get) methods.push_back("HEAD");
  }
  if (!methods.empty()) {
    Problem problem{.status = 405,
                    .code = "method_not_allowed",
                    .detail = fmt::format("this address takes {}", fmt::join(methods, ", "))};
    problem.headers.add("Allow", fmt::format("{}", fmt::join(methods, ", ")));
    return Refusal(std::move(problem));
  }
  if (!parts.verb.empty() && !verbs.empty()) {
    return refuse(404, "no_such_action", "no action '{}' here; there is {}", parts.verb, fmt::join(verbs, ", "));
  }
  return refuse(404, "no_such_address", "nothing stands under this address");
}

}  // namespace cronfleet::api

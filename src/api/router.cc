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

std::string address_of(const Parts& parts) {
  std::string address;
  for (const std::string_view segment : parts.segments) address.append("/").append(segment);
  if (!parts.verb.empty()) address.append(":").append(parts.verb);
  return address;
}

// `path` without one slip of the pen in a word of `pattern`; nothing where there are more, or none is near enough.
std::optional<std::string> corrected(const Pattern& pattern, Parts path) {
  if (pattern.segments.size() != path.segments.size() || pattern.verb != path.verb) return std::nullopt;
  int slips = 0;
  for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
    const std::string& segment = pattern.segments[i];
    if (is_parameter(segment) ? !path.segments[i].empty() : segment == path.segments[i]) continue;
    if (++slips > 1 || is_parameter(segment) || domain::nearest(path.segments[i], {segment}).empty())
      return std::nullopt;
    path.segments[i] = segment;
  }
  return address_of(path);
}

// No action of this name, though `actions` of the method, or else those of `others`, stand there.
Problem no_such_action(std::string_view wanted, const std::vector<std::string_view>& actions,
                       const std::vector<std::string>& others) {
  Problem problem{.status = 404, .code = "no_such_action"};
  const std::string_view meant = domain::nearest(wanted, actions);
  const std::string there =
      actions.empty() ? fmt::format("{}", fmt::join(others, ", ")) : fmt::format("{}", fmt::join(actions, ", "));
  problem.detail = meant.empty()
                       ? fmt::format("no action '{}' here; there is {}", wanted, there)
                       : fmt::format("no action '{}' here; did you mean '{}'? There is {}", wanted, meant, there);
  problem.errors.push_back(
      {.parameter = "action", .code = problem.code, .detail = problem.detail, .suggestion = std::string(meant)});
  return problem;
}

tl::expected<RouteMatch, Problem> match_of(const Route& route, const Pattern& pattern, const Parts& path,
                                           std::string_view address) {
  RouteMatch match{.route = &route, .parameters = {}};
  for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
    if (!is_parameter(pattern.segments[i])) continue;
    std::string name = pattern.segments[i].substr(1, pattern.segments[i].size() - 2);
    const auto begin = static_cast<std::size_t>(path.segments[i].data() - address.data());
    auto value = percent_decode(path.segments[i], Plus::IsPlus, begin);
    if (!value)
      return refuse_parameter(name, 400, "invalid_address", "the address cannot be read: {}", value.error().message());
    match.parameters.emplace(std::move(name), *std::move(value));
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
  std::vector<std::string_view> methods, actions;
  std::vector<std::string> other_actions;  // of other methods
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    const Pattern& pattern = patterns_[i];
    if (route.address == Address::AsSent) {
      if (!decoded) decoded = percent_decode(path);
      if (!*decoded || **decoded != route.pattern) continue;
    } else if (!matches(pattern, parts)) {
      continue;
    } else if (pattern.verb != parts.verb) {
      if (pattern.verb.empty()) continue;
      if (route.method == wanted) actions.push_back(pattern.verb);
      if (route.method != wanted) other_actions.push_back(fmt::format("{} {}", to_string(route.method), pattern.verb));
      continue;
    }
    if (route.method == wanted) return match_of(route, pattern, parts, path);
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
  if (!parts.verb.empty() && !(actions.empty() && other_actions.empty()))
    return Refusal(no_such_action(parts.verb, actions, other_actions));
  return Refusal(no_such_address(path));
}

std::string Router::meant(std::string_view path) const {
  Parts parts = split(path);
  std::erase(parts.segments, std::string_view());  // "/api/v1/jobs/", "/api//v1/jobs"
  if (parts.segments.empty()) return {};
  Parts under_api = parts;
  under_api.segments.insert(under_api.segments.begin(), {"api", "v1"});
  for (const Parts& wanted : {parts, under_api})
    for (const Pattern& pattern : patterns_)
      if (matches(pattern, wanted) && pattern.verb == wanted.verb) return address_of(wanted);
  for (const Pattern& pattern : patterns_)
    if (auto address = corrected(pattern, parts)) return *std::move(address);
  return {};
}

Problem Router::no_such_address(std::string_view path) const {
  Problem problem{.status = 404, .code = "no_such_address", .detail = "nothing stands under this address"};
  if (const std::string address = meant(path); !address.empty()) {
    problem.detail = fmt::format("nothing stands under this address; did you mean {}?", address);
    problem.errors.push_back(
        {.parameter = "address", .code = problem.code, .detail = problem.detail, .suggestion = address});
  } else if (path == "/api" || path.starts_with("/api/")) {
    problem.detail = "nothing stands under this address; GET /api/v1/openapi.json lists those of the API";
  }
  return problem;
}

}  // namespace cronfleet::api

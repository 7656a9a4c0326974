#include "coord/etcd/endpoints.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace cronfleet::coord {
namespace {

enum class Scheme { None, Http, Https };

Scheme take_scheme(std::string_view& text) {
  for (const auto& [start, scheme] : {std::pair("http://", Scheme::Http), std::pair("https://", Scheme::Https)}) {
    if (!text.starts_with(start)) continue;
    text.remove_prefix(std::string_view(start).size());
    return scheme;
  }
  return Scheme::None;
}

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_name(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
  });
}

// "host:port" → gRPC's target, empty when it is not of that form.
std::string target_of(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  unsigned port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() || port < 1 || port > 65535) return {};
  if (is_ipv4(host)) return fmt::format("ipv4:{}:{}", host, port);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed ? is_ipv6(host.substr(1, host.size() - 2)) : is_name(host))
    return fmt::format("dns:///{}:{}", host, port);
  return {};
}

}  // namespace

Result<std::vector<Endpoint>> parse_endpoints(const EtcdOptions& options) {
  const std::string key = options.key_prefix + "endpoints";
  if (options.endpoints.empty())
    return fail(Code::InvalidArgument, "{}: is empty, expected at least one \"host:port\"", key);
  const bool files = !options.ca_file.empty() || !options.cert_file.empty() || !options.key_file.empty();
  std::vector<Endpoint> endpoints;
  for (std::size_t i = 0; i < options.endpoints.size(); ++i) {
    const std::string& text = options.endpoints[i];
    std::string_view rest = text;
    const Scheme scheme = take_scheme(rest);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    Endpoint endpoint{text, target_of(rest), scheme == Scheme::Https || (scheme == Scheme::None && files)};
    if (endpoint.target.empty())
      return fail(Code::InvalidArgument, "{}[{}]: '{}' is not an endpoint, expected for example \"10.0.0.1:2379\"", key,
                  i, text);
    if (scheme == Scheme::Http && files)
      return fail(Code::InvalidArgument, "{}[{}]: '{}' asks for plain text, but TLS files are set: write https://", key,
                  i, text);
    if (!endpoints.empty() && endpoints.front().tls != endpoint.tls)
      return fail(Code::InvalidArgument, "{}[{}]: '{}' and '{}' mix TLS and plain text", key, i, text,
                  endpoints.front().text);
    const bool twice = std::any_of(endpoints.begin(), endpoints.end(),
                                   [&](const Endpoint& other) { return other.target == endpoint.target; });
    if (twice) return fail(Code::InvalidArgument, "{}[{}]: '{}' stands there twice", key, i, text);
    endpoints.push_back(std::move(endpoint));
  }
  if (!options.server_name.empty() && !endpoints.front().tls)
    return fail(Code::InvalidArgument, "{}server_name: '{}' is set, but no endpoint uses TLS", options.key_prefix,
                options.server_name);
  if (options.user.empty() && !options.password.empty())
    return fail(Code::InvalidArgument, "{}password: is set, but {}user is empty", options.key_prefix,
                options.key_prefix);
  return endpoints;
}

}  // namespace cronfleet::coord

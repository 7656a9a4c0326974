#include "api/guard.h"

#include <algorithm>

#include "api/url.h"

namespace cronfleet::api {
namespace {

bool is_host_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Problem> check_size(const Request& head) {
  const std::size_t line = to_string(head.method).size() + 1 + head.target.size() + sizeof(" HTTP/1.1") - 1;
  if (line > HeadLimits::kRequestLineBytes)
    return Problem{.status = 414,
                   .code = "address_too_long",
                   .detail = fmt::format("a request line has at most {} bytes", HeadLimits::kRequestLineBytes)};
  if (head.headers.all().size() > HeadLimits::kHeaderCount)
    return Problem{.status = 431,
                   .code = "too_many_headers",
                   .detail = fmt::format("a request has at most {} header fields", HeadLimits::kHeaderCount)};
  std::size_t bytes = 0;
  for (const auto& [name, value] : head.headers.all()) bytes += name.size() + 2 + value.size() + 2;
  if (bytes > HeadLimits::kHeaderBytes)
    return Problem{.status = 431,
                   .code = "headers_too_large",
                   .detail = fmt::format("the header fields have at most {} bytes", HeadLimits::kHeaderBytes)};
  return std::nullopt;
}

Problem bad_request(std::string_view header, std::string detail) {
  return at_header(header, {.status = 400, .code = "invalid_request", .detail = std::move(detail)});
}

// Two readers of one request must never disagree about where its body ends.
std::optional<Problem> check_framing(const Request& head) {
  const std::size_t lengths = head.headers.count("Content-Length");
  const std::size_t codings = head.headers.count("Transfer-Encoding");
  if (lengths > 1) return bad_request("Content-Length", "Content-Length is given more than once");
  if (lengths + codings > 1)
    return bad_request("Transfer-Encoding", "Content-Length and Transfer-Encoding exclude each other");
  if (lengths == 1) {
    const auto text = *head.headers.get("Content-Length");
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit))
      return bad_request("Content-Length", "Content-Length is not a number");
  }
  if (codings == 0) return std::nullopt;
  if (head.version < 11) return bad_request("Transfer-Encoding", "HTTP/1.0 has no Transfer-Encoding");
  if (!equal_ignoring_case(*head.headers.get("Transfer-Encoding"), "chunked"))
    return Problem{.status = 501, .code = "unknown_coding", .detail = "the only Transfer-Encoding known is chunked"};
  return std::nullopt;
}

Problem forbidden(std::string_view header, std::string_view detail) {
  Problem problem{.status = 403, .code = "foreign_origin", .detail = std::string(detail)};
  problem.errors.push_back({.header = std::string(header), .code = "foreign_origin", .detail = problem.detail});
  return problem;
}

std::optional<Problem> check_origin(const Request& head) {
  const auto site = head.headers.get("Sec-Fetch-Site");
  const bool foreign = site && *site != "same-origin" && *site != "none";
  // A link on another page may lead here; nothing else may.
  const bool follows_link = is_safe(head.method) && head.headers.get("Sec-Fetch-Mode").value_or("") == "navigate";
  if (foreign && !follows_link) return forbidden("Sec-Fetch-Site", "requests from other sites are refused");
  if (is_safe(head.method)) return std::nullopt;
  if (site && *site != "same-origin") return forbidden("Sec-Fetch-Site", "a change must come from this server's pages");
  if (head.headers.count("Origin") > 1) return forbidden("Origin", "Origin is given more than once");
  const auto origin = head.headers.get("Origin");
  if (!origin) return std::nullopt;
  const auto host = head.headers.get("Host").value_or("");
  if (equal_ignoring_case(*origin, fmt::format("http://{}", host))) return std::nullopt;
  return forbidden("Origin", "a change must come from this server's pages");
}

std::optional<Problem> check_content(const Request& head) {
  if (is_safe(head.method) || head.method == Method::Other) return std::nullopt;
  if (head.headers.count("Content-Type") > 1)
    return bad_request("Content-Type", "Content-Type is given more than once");
  if (head.headers.count("Content-Encoding") > 0)
    return at_header("Content-Encoding",
                     {.status = 415, .code = "unsupported_encoding", .detail = "bodies are taken uncompressed only"});
  const std::string type = media_type(head);
  const auto length = head.headers.get("Content-Length");
  const bool has_body = (length && *length != "0") || head.headers.count("Transfer-Encoding") > 0;
  const bool is_json = type == "application/json" || type == "application/merge-patch+json";
  if (is_json) return std::nullopt;
  if (has_body)
    return at_header("Content-Type", {.status = 415,
                                      .code = "unsupported_media_type",
                                      .detail = "a body is taken as Content-Type: application/json"});
  for (const std::string_view own : {"X-Cronfleet-Client", "Idempotency-Key", "If-Match", "If-None-Match"})
    if (head.headers.get(own)) return std::nullopt;
  return at_header("Content-Type",
                   {.status = 415,
                    .code = "unsupported_media_type",
                    .detail = "a change needs Content-Type: application/json or the header X-Cronfleet-Client"});
}

}  // namespace

std::optional<std::string> host_of(std::string_view authority) {
  std::size_t end = 0;
  if (authority.starts_with('[')) {
    end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    ++end;
    const auto inner = authority.substr(1, end - 2);
    if (inner.empty() || inner.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return std::nullopt;
  } else {
    while (end < authority.size() && is_host_character(authority[end])) ++end;
    if (end == 0) return std::nullopt;
  }
  const std::string_view port = authority.substr(end);
  if (!port.empty()) {
    if (port.front() != ':' || port.size() < 2 || port.size() > 6) return std::nullopt;
    if (!std::all_of(port.begin() + 1, port.end(), is_digit)) return std::nullopt;
  }
  return lower_case(authority.substr(0, end));
}

Guard::Guard(GuardOptions options)
    : hosts_{"localhost", "127.0.0.1", "[::1]"}, form_paths_(std::move(options.form_paths)) {
  for (const std::string& host : options.hosts) hosts_.push_back(lower_case(host));
}

std::optional<Problem> Guard::check_host(const Request& head) const {
  const std::size_t count = head.headers.count("Host");
  if (count == 0 && head.version >= 11) return bad_request("Host", "the Host header is missing");
  if (count > 1) return bad_request("Host", "Host is given more than once");
  const auto host = host_of(head.headers.get("Host").value_or(""));
  if (count == 1 && !host) return bad_request("Host", "Host is not a name with or without a port");
  if (host && std::find(hosts_.begin(), hosts_.end(), *host) != hosts_.end()) return std::nullopt;
  return at_header("Host",
                   {.status = 421,
                    .code = "unknown_host",
                    .detail = "this server does not go by the name in the Host header; use localhost, 127.0.0.1 or "
                              "[::1], or add the name to http.hosts"});
}

std::optional<Problem> Guard::check(const Request& head) const {
  if (auto problem = check_size(head)) return problem;
  if (auto problem = check_framing(head)) return problem;
  if (auto problem = check_host(head)) return problem;
  if (auto problem = check_origin(head)) return problem;
  if (!form_paths_.empty()) {
    const auto path = percent_decode(head.path());
    if (path && std::find(form_paths_.begin(), form_paths_.end(), *path) != form_paths_.end()) return std::nullopt;
  }
  return check_content(head);
}

const std::vector<Headers::Field>& security_headers() {
  static const std::vector<Headers::Field> kFields = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
  };
  return kFields;
}

std::optional<std::string> request_id_of(const Request& head) {
  const auto sent = head.headers.get("X-Request-Id");
  if (!sent || sent->empty() || sent->size() > 64) return std::nullopt;
  const bool usable =
      std::all_of(sent->begin(), sent->end(), [](char c) { return (is_host_character(c) && c != ' ') || c == '_'; });
  if (!usable) return std::nullopt;
  return std::string(*sent);
}

}  // namespace cronfleet::api

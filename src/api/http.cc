#include "api/http.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace cronfleet::api {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kMethods = {{{Method::Get, "GET"},
                                                                          {Method::Head, "HEAD"},
                                                                          {Method::Post, "POST"},
                                                                          {Method::Put, "PUT"},
                                                                          {Method::Patch, "PATCH"},
                                                                          {Method::Delete, "DELETE"},
                                                                          {Method::Options, "OPTIONS"}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "0.8" in thousandths; what is no weight counts as 1.
int weight_of(std::string_view text) {
  const auto dot = text.find('.');
  int whole = 0;
  std::from_chars(text.data(), text.data() + std::min(dot, text.size()), whole);
  if (whole >= 1) return 1000;
  if (dot == std::string_view::npos) return text == "0" ? 0 : 1000;
  std::string digits(text.substr(dot + 1, 3));
  digits.resize(3, '0');
  int thousandths = 1000;
  std::from_chars(digits.data(), digits.data() + digits.size(), thousandths);
  return thousandths;
}

// How exactly a range of Accept names `type`: 3 itself, 2 its family, 1 anything, 0 not at all.
int match_rank(std::string_view range, std::string_view type) {
  if (equal_ignoring_case(range, type)) return 3;
  if (range == "*/*") return 1;
  const auto slash = type.find('/');
  return range.size() == slash + 2 && range.ends_with("/*") &&
                 equal_ignoring_case(range.substr(0, slash), type.substr(0, slash))
             ? 2
             : 0;
}

// Weight that Accept gives to `type`: by the most exact range that names it; 0: not wanted.
int acceptance(std::string_view accept, std::string_view type) {
  int best_rank = 0, weight = 0;
  while (!accept.empty()) {
    const auto comma = std::min(accept.find(','), accept.size());
    std::string_view item = trimmed(accept.substr(0, comma));
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const auto semicolon = std::min(item.find(';'), item.size());
    const int rank = match_rank(trimmed(item.substr(0, semicolon)), type);
    if (rank <= best_rank) continue;
    const auto q = item.find("q=", semicolon);
    best_rank = rank;
    weight = q == std::string_view::npos ? 1000 : weight_of(trimmed(item.substr(q + 2)));
  }
  return weight;
}

}  // namespace

std::string_view to_string(Method method) {
  for (const auto& [value, text] : kMethods)
    if (value == method) return text;
  return "";
}

Method parse_method(std::string_view text) {
  for (const auto& [value, name] : kMethods)
    if (name == text) return value;
  return Method::Other;
}

bool is_safe(Method method) { return method == Method::Get || method == Method::Head || method == Method::Options; }

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Field& field : fields_)
    if (equal_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const Field& field) { return equal_ignoring_case(field.name, name); }));
}

std::string_view Request::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

std::optional<std::string_view> negotiate(const Request& request, std::initializer_list<std::string_view> offered) {
  const auto accept = request.headers.get("Accept");
  if (!accept || trimmed(*accept).empty()) return *offered.begin();
  std::optional<std::string_view> best;
  int best_weight = 0;
  for (const std::string_view type : offered) {
    const int weight = acceptance(*accept, type);
    if (weight <= best_weight) continue;
    best = type;
    best_weight = weight;
  }
  return best;
}

std::string media_type(const Request& request) {
  const std::string_view value = request.headers.get("Content-Type").value_or("");
  return lower_case(trimmed(value.substr(0, value.find(';'))));
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

}  // namespace cronfleet::api

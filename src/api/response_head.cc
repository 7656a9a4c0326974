#include "api/response_head.h"

#include <fmt/format.h>

#include "api/guard.h"

namespace cronfleet::api {

std::string response_head(const Response& response, const Framing& framing, std::string_view request_id,
                          std::string_view date) {
  std::string head;
  head.reserve(1024);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", response.status, reason_phrase(response.status));
  const auto add = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  add("Date", date);
  add("X-Request-Id", request_id);
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body) add("Content-Type", response.content_type);
  if (framing.body == Framing::Body::Chunked) add("Transfer-Encoding", "chunked");
  if (framing.body == Framing::Body::Whole && has_body && !response.stream)
    add("Content-Length", std::to_string(response.body.size()));
  if (!framing.keep_alive) add("Connection", "close");
  if (framing.keep_alive && framing.version == 10) add("Connection", "keep-alive");
  for (const auto& [name, value] : response.headers.all()) add(name, value);
  if (!response.headers.get("Cache-Control")) add("Cache-Control", "no-store");
  for (const auto& [name, value] : security_headers()) add(name, value);
  head += "\r\n";
  return head;
}

std::string http_date(WallTime at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  const sys_time<microseconds> utc(at.time_since_epoch());
  const auto day = floor<days>(utc);
  const year_month_day date(day);
  const hh_mm_ss time(floor<seconds>(utc - day));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

}  // namespace cronfleet::api

// Any bytes as an expression: the parser must answer, a schedule must move forward and can be described, and an error
// must point into the text.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/utf8.h"
#include "cron/describe.h"
#include "cron/parse.h"

using namespace cronfleet;

namespace {

const cron::Zone& new_york() {
  static const cron::Zone zone("America/New_York", -5 * 3600,
                               {{1772953200, -4 * 3600}, {1793512800, -5 * 3600}, {1805007600, -4 * 3600}});
  return zone;
}

void check_schedule(const cron::Parsed& parsed, WallTime from) {
  const cron::Schedule schedule = parsed.schedule.anchored_at(from);
  WallTime at = from;
  for (int i = 0; i < 3; ++i) {
    const auto next = cron::next(schedule, new_york(), at);
    if (!next) break;
    CHECK(*next > at);
    at = *next;
  }
  for (const auto language : {cron::Language::English, cron::Language::Chinese}) {
    const cron::Description description = cron::describe(schedule, new_york(), language, from);
    CHECK(!description.sentence.empty());
  }
}

void check_error(const cron::ParseError& error, std::string_view text) {
  CHECK(!error.message.empty() && error.message.size() < 1000);
  CHECK(error.column >= 1 && error.length >= 0);
  CHECK(static_cast<std::size_t>(error.column - 1 + error.length) <= text.size());
  CHECK(!is_utf8(text) || is_utf8(error.message));
  CHECK((error.position == 0) == error.field.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::int64_t start = std::int64_t{data[0] | data[1] << 8 | data[2] << 16} * 256;  // 1970 to 2106
  const std::string_view text(reinterpret_cast<const char*>(data) + 4, size - 4);
  cron::ParseOptions options;
  if ((data[3] & 1) != 0) options.key = "backup";
  options.six_fields = static_cast<cron::SixFields>(data[3] / 2 % 3);
  const auto parsed = cron::parse(text, options);
  if (parsed)
    check_schedule(*parsed, from_seconds(start));
  else
    check_error(parsed.error(), text);
  return 0;
}

// Crontabs from outside: never a crash, mistakes have their place, and what is taken fires as cron would or says where
// not.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "crontab/translate.h"
#include "domain/job_json.h"

using namespace cronfleet;
using namespace cronfleet::crontab;

namespace {
struct OnlyUtc final : cron::ZoneSource {
  cron::ZonePtr find(std::string_view name) const override { return name == "UTC" ? cron::utc() : nullptr; }
  std::vector<std::string> names() const override { return {"UTC"}; }
  std::string version() const override { return "0"; }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 512) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Form form = data[0] % 2 == 0 ? Form::User : Form::System;
  const auto lines = read_crontab(text, form);
  for (const Line& line : lines) {
    const auto* mistake = std::get_if<Mistake>(&line.what);
    if (mistake)
      CHECK(mistake->column >= 1 && static_cast<std::size_t>(mistake->column) <= line.text.size() + 1 &&
            !mistake->message.empty());
  }
  std::map<std::string, int> taken;
  static const OnlyUtc kZones;
  const auto translation =
      translate(lines, {.form = form, .zone = "UTC", .from = from_seconds(1'700'000'000)}, kZones, taken);
  for (const Import& import : translation.imports) {
    CHECK(import.comparison.differing == 0);  // no clock changes in UTC
    const auto read = domain::decode_job(domain::encode_job(import.job));
    CHECK(!read || *read == import.job);  // not every environment is a job's
  }
  return 0;
}

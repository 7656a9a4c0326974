#include "domain/job.h"

#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include <algorithm>

#include "base/check.h"

namespace cronfleet::domain {
namespace {

constexpr std::size_t kNameCharactersMax = 128;

// Length of the UTF-8 sequence at the head of `text`, 0 where there is none. Overlong forms, surrogates and values past
// U+10FFFF are none.
std::size_t utf8_length(std::string_view text, char32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : (lead & 0xf0) == 0xe0       ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  point = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return 0;
  return length;
}

std::string instant_text(const std::optional<WallTime>& at) { return at ? std::to_string(to_ms(*at)) : "-"; }

}  // namespace

int Job::attempts_max() const {
  return std::max(1 + retry.count, delivery.mode == Delivery::Mode::AtLeastOnce ? delivery.attempts_max : 1);
}

Result<JobName> make_job_name(std::string_view text) {
  if (text.empty())
    return fail(Code::InvalidArgument, "a job name has 1 to {} characters, found none", kNameCharactersMax);
  if (text.front() == ' ' || text.back() == ' ')
    return fail(Code::InvalidArgument, "job name '{}' begins or ends with a space", text);
  std::size_t count = 0;
  for (std::string_view rest = text; !rest.empty(); ++count) {
    char32_t point = 0;
    const std::size_t length = utf8_length(rest, point);
    if (length == 0)
      return fail(Code::InvalidArgument, "job name is not valid UTF-8 at byte {}", text.size() - rest.size());
    if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029)
      return fail(Code::InvalidArgument, "job name has a control character U+{:04X} at byte {}",
                  static_cast<std::uint32_t>(point), text.size() - rest.size());
    if (length == 1 && std::string_view("/:@#?%").find(rest.front()) != std::string_view::npos)
      return fail(Code::InvalidArgument, "job name '{}' contains '{}': none of / : @ # ? % is allowed", text,
                  rest.front());
    rest.remove_prefix(length);
  }
  if (count > kNameCharactersMax)
    return fail(Code::InvalidArgument, "a job name has 1 to {} characters, found {}", kNameCharactersMax, count);
  return JobName(std::string(text));
}

std::string stamp_of(const Job& job) {
  // Lengths in front, so that no two different jobs give the same text.
  std::string text;
  for (const std::string& part : {job.name.text(), job.schedule, job.time_zone, instant_text(job.paused_until),
                                  instant_text(job.starts_at), instant_text(job.ends_at), instant_text(job.since)}) {
    text += fmt::format("{}:{};", part.size(), part);
  }
  text += job.enabled ? '1' : '0';
  unsigned char hash[16];
  crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  char hex[2 * sizeof hash + 1];
  sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
  return hex;
}

bool has_valid_stamp(const Job& job) { return job.since && job.stamp == stamp_of(job); }

bool changes_firings(const Job& before, const Job& after) {
  return before.schedule != after.schedule || before.time_zone != after.time_zone ||
         before.paused_until != after.paused_until || before.starts_at != after.starts_at ||
         before.ends_at != after.ends_at || before.enabled != after.enabled;
}

}  // namespace cronfleet::domain

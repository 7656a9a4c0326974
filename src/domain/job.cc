#include "domain/job.h"

#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>

#include <algorithm>

#include "base/utf8.h"

namespace cronfleet::domain {
namespace {

constexpr std::size_t kNameCharactersMax = 128;

std::string instant_text(const std::optional<WallTime>& at) { return at ? std::to_string(to_ms(*at)) : "-"; }

}  // namespace

int Job::attempts_max() const {
  return std::max(1 + retry->count, delivery.mode == Delivery::Mode::AtLeastOnce ? delivery.attempts_max : 1);
}

Job without_bookkeeping(Job job) {
  job.since.reset();
  job.stamp = {};
  job.schedule_set_at.reset();
  return job;
}

Stamp Stamp::from_text(std::string_view text) {
  std::array<unsigned char, 16> bits;
  std::size_t read = 0;
  if (text.size() != 2 * bits.size() ||
      sodium_hex2bin(bits.data(), bits.size(), text.data(), text.size(), nullptr, &read, nullptr) != 0 ||
      read != bits.size())
    return {};
  return Stamp(bits);
}

std::string Stamp::text() const {
  if (!set_) return {};
  char hex[2 * sizeof bits_ + 1];
  sodium_bin2hex(hex, sizeof hex, bits_.data(), bits_.size());
  return hex;
}

Result<JobName> make_job_name(std::string_view text) {
  if (text.empty())
    return fail(Code::InvalidArgument, "a job name has 1 to {} characters, found none", kNameCharactersMax);
  if (text.front() == ' ' || text.back() == ' ')
    return fail(Code::InvalidArgument, "job name '{}' begins or ends with a space", text);
  // Whoever follows an address takes these for steps in its path, even where they are written %2E.
  if (text == "." || text == "..")
    return fail(Code::InvalidArgument, "job name '{}' is a step in a path to whoever follows an address", text);
  std::size_t count = 0;
  for (std::string_view rest = text; !rest.empty(); ++count) {
    const auto [length, point] = utf8_head(rest);
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

Stamp stamp_of(const Job& job) {
  // Lengths in front, so that no two different jobs give the same text.
  std::string text;
  for (const std::string& part :
       {job.name.text(), job.schedule, *job.time_zone, instant_text(job.window->paused_until),
        instant_text(job.window->starts_at), instant_text(job.window->ends_at), instant_text(job.since)}) {
    text += fmt::format("{}:{};", part.size(), part);
  }
  text += job.enabled ? '1' : '0';
  std::array<unsigned char, 16> hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     nullptr, 0);
  return Stamp(hash);
}

bool has_valid_stamp(const Job& job) { return job.since && job.stamp == stamp_of(job); }

bool changes_firings(const Job& before, const Job& after) {
  return before.schedule != after.schedule || before.time_zone != after.time_zone || before.window != after.window ||
         before.enabled != after.enabled;
}

}  // namespace cronfleet::domain

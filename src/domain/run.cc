#include "domain/run.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "domain/job.h"

namespace cronfleet::domain {
namespace {

template <typename Enum>
struct Word {
  Enum value;
  std::string_view text;
};
constexpr Word<RunStatus> kStatuses[] = {
    {RunStatus::Waiting, "waiting"}, {RunStatus::Claimed, "claimed"},     {RunStatus::Running, "running"},
    {RunStatus::Failed, "failed"},   {RunStatus::Succeeded, "succeeded"}, {RunStatus::Signalled, "signalled"},
    {RunStatus::Killed, "killed"},   {RunStatus::TimedOut, "timed_out"},  {RunStatus::Skipped, "skipped"},
    {RunStatus::Missed, "missed"},   {RunStatus::Lost, "lost"},           {RunStatus::Refused, "refused"},
};
constexpr Word<Reason> kReasons[] = {
    {Reason::None, ""},
    {Reason::Overlap, "overlap"},
    {Reason::QueueFull, "queue_full"},
    {Reason::Replaced, "replaced"},
    {Reason::Disabled, "disabled"},
    {Reason::Late, "late"},
    {Reason::Edited, "edited"},
    {Reason::NoEligibleWorker, "no_eligible_worker"},
    {Reason::Shutdown, "shutdown"},
    {Reason::WorkerDied, "worker_died"},
    {Reason::Restored, "restored"},
    {Reason::SpawnFailed, "spawn_failed"},
    {Reason::Fenced, "fenced"},
};
constexpr Word<Trigger> kTriggers[] = {
    {Trigger::Schedule, "schedule"},     {Trigger::Manual, "manual"},    {Trigger::Retry, "retry"},
    {Trigger::Redelivery, "redelivery"}, {Trigger::CatchUp, "catch_up"},
};

template <typename Enum, std::size_t N>
std::string_view word_of(const Word<Enum> (&words)[N], Enum value) {
  const auto found = std::find_if(std::begin(words), std::end(words), [&](const auto& w) { return w.value == value; });
  CHECK(found != std::end(words));
  return found->text;
}
template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const Word<Enum> (&words)[N], std::string_view text) {
  const auto found = std::find_if(std::begin(words), std::end(words), [&](const auto& w) { return w.text == text; });
  if (found == std::end(words)) return std::nullopt;
  return found->value;
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

}  // namespace

std::string Firing::text() const {
  return job.text() + "@" + (scheduled() ? to_rfc3339(instant()) : std::get<RequestId>(which).text());
}

std::string RunId::text() const { return fmt::format("{}.{}", firing.text(), attempt); }

Result<RunId> parse_run_id(std::string_view text) {
  const auto refuse = [&] {
    return fail(Code::InvalidArgument, "'{}' is not a run id like nightly@2026-03-01T02:00:00Z.1", text);
  };
  const auto at = text.rfind('@');
  const auto dot = text.rfind('.');
  if (at == std::string_view::npos || dot == std::string_view::npos || dot < at) return refuse();
  const std::string_view digits = text.substr(dot + 1);
  RunId id;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id.attempt);
  if (error != std::errc() || end != digits.data() + digits.size() || id.attempt < 1 || digits.front() == '0')
    return refuse();
  auto name = make_job_name(text.substr(0, at));
  if (!name) return refuse();
  id.firing.job = std::move(*name);
  const std::string_view which = text.substr(at + 1, dot - at - 1);
  if (const auto instant = parse_rfc3339(which); instant && to_rfc3339(*instant) == which) {
    id.firing.which = *instant;
  } else if (is_request_id(which)) {
    id.firing.which = RequestId(std::string(which));
  } else {
    return refuse();
  }
  return id;
}

bool is_final(RunStatus status) {
  return status != RunStatus::Waiting && status != RunStatus::Claimed && status != RunStatus::Running;
}

std::string_view to_string(RunStatus status) { return word_of(kStatuses, status); }
std::string_view to_string(Reason reason) { return word_of(kReasons, reason); }
std::string_view to_string(Trigger trigger) { return word_of(kTriggers, trigger); }
std::optional<RunStatus> parse_run_status(std::string_view text) { return value_of(kStatuses, text); }
std::optional<Reason> parse_reason(std::string_view text) { return value_of(kReasons, text); }
std::optional<Trigger> parse_trigger(std::string_view text) { return value_of(kTriggers, text); }

}  // namespace cronfleet::domain

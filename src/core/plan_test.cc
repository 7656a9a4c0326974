#include "core/plan.h"

#include <gtest/gtest.h>
#include <array>

#include <functional>

namespace cronfleet::core {
namespace {

using domain::Misfire;
using domain::Overlap;
using Action = Plan::Action;

class NoZones final : public cron::ZoneSource {
 public:
  cron::ZonePtr find(std::string_view) const override { return nullptr; }
  std::vector<std::string> names() const override { return {}; }
  std::string version() const override { return "none"; }
};

domain::CompiledJob job(const std::function<void(domain::Job&)>& change = [](domain::Job&) {}) {
  auto document = std::make_shared<domain::Job>();
  document->name = JobName("backup");
  document->schedule = "*/5 * * * *";
  document->command = std::string("true");
  change(*document);
  return domain::compile(document, NoZones()).value();
}

WallTime at(std::string_view clock) { return parse_rfc3339(fmt::format("2026-03-01T{}Z", clock)).value(); }

std::string text(const Plan& p) {
  const auto hms = [](WallTime t) { return to_rfc3339(t).substr(11, 8); };
  std::string out;
  switch (p.action) {
    case Action::Never: return "never";
    case Action::Wait: return "wait " + hms(p.at);
    case Action::Account: out = "account"; break;
    case Action::Pass: return "pass " + hms(p.instant);
    case Action::Claim:
      out = "claim " + hms(p.instant) + (p.catch_up ? " catch-up" : "") + (p.more_due ? " more" : "");
      break;
  }
  if (p.passed) {
    out += fmt::format(" {}..{} x{} {}({})", hms(p.passed->range.from), hms(p.passed->range.to), p.passed->range.count,
                       to_string(p.passed->status), to_string(p.passed->reason));
  }
  return out;
}

struct PlanCase {
  const char* why;
  std::function<void(domain::Job&)> change;
  const char* accounted;
  const char* now;
  const char* want;
};

const PlanCase kCases[] = {
    {"nothing is due", [](auto&) {}, "02:00:00", "02:03:00", "wait 02:05:00"},
    {"due at its instant", [](auto&) {}, "02:00:00", "02:05:00", "claim 02:05:00"},
    {"a little late is in time", [](auto&) {}, "02:00:00", "02:05:59", "claim 02:05:00"},
    {"late: run_once catches up", [](auto&) {}, "02:00:00", "02:06:01", "claim 02:05:00 catch-up"},
    {"several: run_once runs the newest", [](auto&) {}, "02:00:00", "02:21:00",
     "claim 02:20:00 02:05:00..02:15:00 x3 missed(late)"},
    {"skip: the late ones are missed", [](auto& j) { j.misfire.mode = Misfire::Mode::Skip; }, "02:00:00", "02:20:30",
     "account 02:05:00..02:15:00 x3 missed(late)"},
    {"skip: what is in time runs", [](auto& j) { j.misfire.mode = Misfire::Mode::Skip; }, "02:15:00", "02:20:30",
     "claim 02:20:00"},
    {"run_all takes the oldest first", [](auto& j) { j.misfire = {Misfire::Mode::RunAll, 10}; }, "02:00:00", "02:16:00",
     "claim 02:05:00 catch-up more"},
    {"run_all above its cap", [](auto& j) { j.misfire = {Misfire::Mode::RunAll, 2}; }, "02:00:00", "02:21:00",
     "account 02:05:00..02:10:00 x2 skipped(queue_full)"},
    {"queue takes the oldest first", [](auto& j) { j.overlap = {Overlap::Mode::Queue, 5}; }, "02:00:00", "02:10:00",
     "claim 02:05:00 catch-up more"},
    {"queue above its cap", [](auto& j) { j.overlap = {Overlap::Mode::Queue, 1}; }, "02:00:00", "02:15:00",
     "account 02:05:00..02:10:00 x2 skipped(queue_full)"},
    {"replace: older ones are replaced", [](auto& j) { j.overlap.mode = Overlap::Mode::Replace; }, "02:00:00",
     "02:15:00", "claim 02:15:00 02:05:00..02:10:00 x2 skipped(replaced)"},
    {"older than the window", [](auto& j) { j.timing.edit().catch_up_window = std::chrono::minutes(8); }, "02:00:00",
     "02:20:00", "account 02:05:00..02:10:00 x2 missed(late)"},
    {"disabled", [](auto& j) { j.enabled = false; }, "02:00:00", "02:20:00", "never"},
    {"paused: instants before it are no firings", [](auto& j) { j.window.edit().paused_until = at("02:12:00"); },
     "02:00:00", "02:10:00", "wait 02:15:00"},
    {"window over", [](auto& j) { j.window.edit().ends_at = at("02:05:00"); }, "02:00:00", "02:10:00", "never"},
    {"window: the last instant before its end", [](auto& j) { j.window.edit().ends_at = at("02:05:01"); }, "02:00:00",
     "02:05:00", "claim 02:05:00"},
    {"window not begun", [](auto& j) { j.window.edit().starts_at = at("02:10:00"); }, "02:00:00", "02:05:00",
     "wait 02:10:00"},
};

TEST(Plan, FollowsThePolicies) {
  for (const PlanCase& c : kCases) {
    EXPECT_EQ(text(plan(job(c.change), at(c.accounted), at(c.now), at(c.now))), c.want) << c.why;
  }
}

TEST(Plan, TheHorizonLetsAClaimGoAhead) {
  const auto now = at("02:04:59") + std::chrono::milliseconds(985);
  EXPECT_EQ(text(plan(job(), at("02:00:00"), now, now + std::chrono::milliseconds(10))), "wait 02:05:00");
  EXPECT_EQ(text(plan(job(), at("02:00:00"), now, now + std::chrono::milliseconds(20))), "claim 02:05:00");
}

TEST(Plan, TheNextInstantMakesNoneLateBeforeItHasCome) {
  const auto secondly = job([](domain::Job& j) { j.schedule = "* * * * * *"; });
  const auto now = at("02:05:01") - std::chrono::milliseconds(400);  // a takeover
  const Plan ahead = plan(secondly, at("02:04:59"), now, now + std::chrono::milliseconds(800));
  EXPECT_EQ(text(ahead), "claim 02:05:00");
  EXPECT_FALSE(ahead.passed);
  const Plan later = plan(secondly, at("02:04:59"), at("02:05:01"), at("02:05:01"));
  EXPECT_EQ(later.instant, at("02:05:01"));
  EXPECT_TRUE(later.passed) << "by then it has been followed";
}

TEST(Plan, ALongGapTakesBoundedSteps) {
  const auto secondly = job([](domain::Job& j) { j.schedule = "* * * * * *"; });
  WallTime accounted = at("00:00:00") - std::chrono::hours(48);
  std::uint64_t missed = 0;
  Plan step = plan(secondly, accounted, at("00:00:00"), at("00:00:00"));
  while (step.action == Action::Account) {
    ASSERT_LE(step.passed->range.count, kPassedMax);
    missed += step.passed->range.count;
    accounted = step.passed->range.to;
    step = plan(secondly, accounted, at("00:00:00"), at("00:00:00"));
  }
  ASSERT_EQ(step.action, Action::Claim);
  EXPECT_EQ(missed + (step.passed ? step.passed->range.count : 0) + 1, 48u * 3600);
}

// A job every five minutes in a store that was set back to 02:00 and is meant since 02:20 (rule 30).
TEST(Plan, WhatAnOlderStoreKnowsNothingOfIsMissedButForRunsThatStandThere) {
  const std::array<WallTime, 1> in_hand{at("02:10:00")};
  const Forgotten restored{at("02:20:00"), in_hand};
  const auto next = [&](const char* accounted) {
    return text(plan(job(), at(accounted), at("02:21:00"), at("02:21:00"), restored));
  };
  EXPECT_EQ(next("02:00:00"), "account 02:05:00..02:05:00 x1 missed(restored)");
  EXPECT_EQ(next("02:05:00"), "pass 02:10:00");
  EXPECT_EQ(next("02:10:00"), "account 02:15:00..02:20:00 x2 missed(restored)");
  EXPECT_EQ(next("02:20:00"), "wait 02:25:00");
}

TEST(Plan, JitterStaysBelowTheNextInstant) {
  const auto jittered = job([](domain::Job& j) { j.timing.edit().jitter = std::chrono::hours(1); });
  WallTime instant = at("00:00:00");
  bool varied = false;
  for (int i = 0; i < 200; ++i) {
    const WallTime next = *domain::next_firing(jittered, instant);
    const auto jitter = domain::jitter_of(jittered, next);
    EXPECT_GE(jitter.count(), 0);
    EXPECT_LT(jitter, std::chrono::minutes(5));
    EXPECT_EQ(jitter, domain::jitter_of(jittered, next));
    varied = varied || jitter != domain::jitter_of(jittered, instant);
    instant = next;
  }
  EXPECT_TRUE(varied);
}

}  // namespace
}  // namespace cronfleet::core

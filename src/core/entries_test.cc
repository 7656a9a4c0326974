#include "core/entries.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace cronfleet::core {
namespace {

const WallTime kInstant = from_ms(1'772'323'200'123);

domain::RunId run_id(std::string_view text = "nightly@2026-03-01T02:00:00Z.2") { return *domain::parse_run_id(text); }

RunningEntry ended_entry() {
  RunningEntry entry;
  entry.run = run_id();
  entry.phase = Phase::Ended;
  entry.incarnation = Incarnation(std::string(32, 'a'));
  entry.token = Token(std::string(32, 'b'));
  entry.job_revision = 412;
  entry.fence = std::numeric_limits<std::int64_t>::max();
  entry.scheduled_at = kInstant;
  entry.claimed_at = kInstant + Millis(3);
  entry.safe_after = kInstant + Millis(60'000);
  entry.not_before = kInstant + Millis(1'000);
  entry.locked = true;
  entry.trigger = domain::Trigger::Retry;
  entry.triggered_by = "ann";
  entry.reason_text = "line\nbreak, \"quotes\", \\ and \x01";
  entry.parameters = {{"TABLE", "orders"}, {"NOTE", ""}};
  entry.command = "echo 每晚";
  entry.end.status = domain::RunStatus::Signalled;
  entry.end.reason = domain::Reason::Shutdown;
  entry.end.exit_code = -1;
  entry.end.signal = 15;
  entry.end.error = "e";
  entry.end.actor = "a";
  entry.end.started_at = kInstant + std::chrono::microseconds(7);
  entry.end.ended_at = kInstant + std::chrono::microseconds(1'000'007);
  entry.end.output_bytes = std::numeric_limits<std::uint64_t>::max();
  entry.end.output_bytes_dropped = 5;
  entry.end.usage = {std::chrono::microseconds(6), std::chrono::microseconds(7), 8};
  entry.final = false;
  entry.range = Range{kInstant, kInstant + Millis(60'000), 2, "* * * * *", "Europe/Berlin"};
  return entry;
}

TEST(Marker, ReadsWhatItWritesAndComparesAsText) {
  const Marker marker{kInstant, "saved"};
  EXPECT_EQ(marker.text(), "001772323200123 saved");
  EXPECT_EQ(*parse_marker(marker.text()), marker);
  EXPECT_GT(marker.text(), marker_floor(kInstant));
  EXPECT_LT(marker.text(), marker_floor(kInstant + Millis(1)));
  EXPECT_GT((Marker{kInstant, "00"}.text()), marker_floor(kInstant));
}

TEST(Marker, RefusesOtherForms) {
  for (const std::string_view text : {"", "001772323200123", "001772323200123 ", "01772323200123 saved",
                                      "0017723232001234 saved", "00177232320012x saved", "001772323200123_saved",
                                      "001772323200123 sa ved", "-01772323200123 saved", "001772323200123 \xff"}) {
    const auto marker = parse_marker(text);
    ASSERT_FALSE(marker) << text;
    EXPECT_EQ(marker.error().code(), Code::Corrupt);
  }
}

TEST(Keys, AreThoseOfTheProtocol) {
  const Keys keys;
  const JobName job("a b");
  const NodeId node("n1");
  EXPECT_EQ(keys.version(job, 12), "/cron/versions/a b/12");
  EXPECT_EQ(keys.account(job, 12), "/cron/accounts/a b/12");
  EXPECT_EQ(keys.hold(node, Incarnation("i")), "/cron/hold/n1/i");
  EXPECT_EQ(keys.running(node, run_id()), "/cron/running/n1/nightly@2026-03-01T02:00:00Z.2");
  EXPECT_EQ(keys.kill(run_id()), "/cron/killer/nightly/nightly@2026-03-01T02:00:00Z.2");
  EXPECT_EQ(keys.node_settings(node), "/cron/nodes/n1");
  EXPECT_EQ(keys.restored(), "/cron/restored");
  EXPECT_EQ(keys.recent(job), "/cron/recent/a b");
  for (const char* ours : {"/cron/jobs/a", "/cron/fleet", "/cron/edited", "/cron/restored", "/cron/lock/x"})
    EXPECT_TRUE(keys.has(ours)) << ours;
  for (const char* foreign : {"/cron/fleets", "/cron/job/a", "/other/jobs/a", "/cron/"})
    EXPECT_FALSE(keys.has(foreign)) << foreign;
  EXPECT_EQ(after_prefix("/cron/jobs/a", keys.jobs()), "a");
  EXPECT_FALSE(after_prefix("/cron/jobs/", keys.jobs()));
  EXPECT_FALSE(after_prefix("/cron/job", keys.jobs()));
}

TEST(RunningEntry, ReadsWhatItWrites) {
  const RunningEntry entry = ended_entry();
  const std::string text = encode(entry);
  const auto read = decode_running(text);
  ASSERT_TRUE(read) << read.error().text() << text;
  EXPECT_EQ(encode(*read), text);
  EXPECT_EQ(read->run, entry.run);
  EXPECT_EQ(read->reason_text, entry.reason_text);
  EXPECT_EQ(read->parameters, entry.parameters);
  EXPECT_EQ(read->end.started_at, entry.end.started_at);
  EXPECT_EQ(read->end.output_bytes, entry.end.output_bytes);
  EXPECT_EQ(read->end.exit_code, entry.end.exit_code);
  EXPECT_EQ(read->range, entry.range);
  EXPECT_FALSE(read->final);
}

TEST(RunningEntry, AClaimIsShortAndOrdered) {
  RunningEntry entry;
  entry.run = run_id("a@r-1.1");
  entry.incarnation = Incarnation("i");
  entry.token = Token("t");
  entry.job_revision = 7;
  entry.scheduled_at = entry.claimed_at = kInstant;
  const std::string text = encode(entry);
  EXPECT_EQ(text, R"({"run":"a@r-1.1","phase":"claimed","incarnation":"i","token":"t","job_revision":7,)"
                  R"("scheduled_at":1772323200123,"claimed_at":1772323200123})");
  const auto read = decode_running(text);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->final);
  EXPECT_FALSE(read->locked);
  EXPECT_EQ(read->safe_after, WallTime{});
}

TEST(RunningEntry, BytesThatAreNoTextAreRepaired) {
  RunningEntry entry = ended_entry();
  entry.command = std::string(
                      "a\xff"
                      "b\xe2\x82"
                      "c\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80") +
                  '\0';
  const auto read = decode_running(encode(entry));
  ASSERT_TRUE(read) << read.error().text();
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(read->command, "a" + r + "b" + r + r + "c" + r + r + r + r + r + r + r + r + r + std::string(1, '\0'));
}

TEST(OtherEntries, ReadWhatTheyWrite) {
  const LockEntry lock{run_id(), NodeId("n"), Incarnation("i"), kInstant};
  EXPECT_EQ(encode(*decode_lock(encode(lock))), encode(lock));
  EXPECT_EQ(decode_lock(encode(lock))->safe_after, kInstant);

  const AccountEntry account{R"({"name":"a","command":"x\ny"})", kInstant, kInstant + Millis(5)};
  EXPECT_EQ(decode_account(encode(account))->document, account.document);
  EXPECT_EQ(decode_account(encode(account))->to, account.to);

  TriggerEntry trigger{domain::RequestId("r-1"), JobName("每晚"), "ann", "why", kInstant, "n1",
                       {{"A", "1"}, {"B", ""}}};
  const auto trigger_read = decode_trigger(encode(trigger));
  ASSERT_TRUE(trigger_read) << trigger_read.error().text();
  EXPECT_EQ(trigger_read->parameters, trigger.parameters);
  EXPECT_EQ(trigger_read->requested_at, kInstant);
  EXPECT_EQ(encode(*trigger_read), encode(trigger));

  const KillEntry kill{"ann", "stuck", kInstant, std::chrono::milliseconds(1'500)};
  EXPECT_EQ(decode_kill(encode(kill))->grace, kill.grace);
  EXPECT_EQ(encode(*decode_kill(encode(kill))), encode(kill));
  EXPECT_EQ(encode(KillEntry{}), "{}");
  EXPECT_TRUE(decode_kill("{}"));
  EXPECT_TRUE(decode_kill("")->actor.empty());

  WorkerEntry worker;
  worker.node = NodeId("n1");
  worker.incarnation = Incarnation("i");
  worker.labels = {{"disk", "ssd"}};
  worker.pid = 12;
  worker.capacity = 8;
  worker.accepting = false;
  worker.wall = worker.started_at = kInstant;
  worker.warnings = {"disk full", ""};
  worker.refused = {{"a", "minute '*/0'"}};
  EXPECT_FALSE(decode_worker(encode(worker))->load);
  worker.load = WorkerLoad{8, 37, 3ull << 30, 16ull << 30, 5, std::numeric_limits<std::uint64_t>::max(), -250, 3, 11};
  const auto worker_read = decode_worker(encode(worker));
  ASSERT_TRUE(worker_read) << worker_read.error().text();
  EXPECT_EQ(worker_read->warnings, worker.warnings);
  EXPECT_EQ(worker_read->load, worker.load);
  EXPECT_EQ(encode(*worker_read), encode(worker));

  const NodeSettings settings{true, {{"zone", "eu"}, {"gpu", ""}}, "ann", "disk to be changed", kInstant};
  const auto settings_read = decode_node_settings(encode(settings));
  ASSERT_TRUE(settings_read) << settings_read.error().text();
  EXPECT_EQ(*settings_read, settings);
  EXPECT_EQ(*decode_node_settings("{}"), NodeSettings{});  // as somebody may put it by hand

  const FleetEntry fleet{2, kInstant};
  const auto fleet_read = decode_fleet(encode(fleet));
  ASSERT_TRUE(fleet_read) << fleet_read.error().text();
  EXPECT_EQ(*fleet_read, fleet);
  EXPECT_FALSE(decode_fleet("{}"));

  const RestoredEntry restored{51, "ann", kInstant};
  const auto restored_read = decode_restored(encode(restored));
  ASSERT_TRUE(restored_read) << restored_read.error().text();
  EXPECT_EQ(*restored_read, restored);
  EXPECT_FALSE(decode_restored("{}"));
}

TEST(Decoding, SaysWhatIsWrong) {
  struct Case {
    std::string_view change_from, change_to, sentence;
  };
  const std::string good = encode(ended_entry());
  const Case cases[] = {
      {R"("phase":"ended")", R"("phase":"gone")",
       "running entry: field 'phase': expected one of the known words, found 'gone'"},
      {R"("job_revision":412)", R"("job_revision":"412")", "running entry: field 'job_revision': expected an integer"},
      {R"("job_revision":412)", R"("job_revision":4.12e2)", "running entry: field 'job_revision': expected an integer"},
      {R"("locked":true)", R"("locked":1)", "running entry: field 'locked': expected true or false"},
      {R"("token")", R"("tocken")", "running entry: field 'token': expected a value, found none"},
      {R"("run":"nightly@)", R"("run":"/@)", "running entry: field 'run': expected a run id"},
      {R"("status":"signalled")", R"("status":"running")", "field 'status': expected a final status"},
      {R"("scheduled_at":1772323200123)", R"("scheduled_at":17723232001230000)", "at most 15 digits"},
      {R"("from":)", R"("from":{},"x":)", "field 'from': expected an integer"},
      {R"("run":)", R"("run":"\ud800)", "running entry: no valid JSON: "},
  };
  for (const Case& c : cases) {
    std::string text = good;
    const auto at = text.find(c.change_from);
    ASSERT_NE(at, std::string::npos) << c.change_from;
    text.replace(at, c.change_from.size(), c.change_to);
    const auto read = decode_running(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), Code::Corrupt);
    EXPECT_NE(read.error().message().find(c.sentence), std::string::npos) << read.error().text();
  }
  std::string extended = good;
  extended.insert(1, R"("from_a_later_version":[1,{"a":null}],)");
  EXPECT_TRUE(decode_running(extended));
}

TEST(Decoding, HostileBytesNeverCrash) {
  Rng rng(20261123);
  const std::string seeds[] = {encode(ended_entry()), encode(LockEntry{run_id(), NodeId("n"), Incarnation("i"), {}}),
                               encode(KillEntry{"a", "b", kInstant, Millis(1)}), std::string(5'000, '[')};
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seeds[rng.below(std::size(seeds))];
    for (std::uint64_t edits = 1 + rng.below(4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = rng.below(text.size());
      if (rng.chance(0.3)) {
        text.erase(at, 1 + rng.below(20));
      } else {
        text[at] = static_cast<char>(rng.below(256));
      }
    }
    if (const auto read = decode_running(text)) {
      EXPECT_TRUE(decode_running(encode(*read)));
    }
    (void)decode_lock(text);
    (void)decode_account(text);
    (void)decode_trigger(text);
    (void)decode_kill(text);
    (void)decode_worker(text);
    (void)parse_marker(text);
  }
}

}  // namespace
}  // namespace cronfleet::core

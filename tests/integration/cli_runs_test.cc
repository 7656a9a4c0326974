// The client commands for runs against a real server.
#include <boost/json.hpp>

#include "tests/integration/cli_fixture.h"

namespace cronfleet::testing {
namespace {

using ::testing::HasSubstr;

domain::RunRecord record_of(const domain::RunId& id, WallTime at, int exit_code, bool final = true) {
  domain::RunRecord record;
  record.id = id;
  record.command = "true";
  record.end.status = exit_code == 0 ? domain::RunStatus::Succeeded : domain::RunStatus::Failed;
  record.end.exit_code = exit_code;
  record.end.started_at = at;
  record.end.ended_at = at + std::chrono::milliseconds(1204);
  record.worker = NodeId("node-1");
  record.scheduled_at = from_ms(to_ms(at));
  record.claimed_at = at;
  record.final = final;
  return record;
}

domain::OutputChunk chunk_of(const domain::RunId& run, std::uint64_t sequence, std::uint64_t offset,
                             const std::string& bytes, domain::OutputChunk::Stream stream) {
  domain::OutputChunk chunk;
  chunk.run = run;
  chunk.sequence = sequence;
  chunk.offset = offset;
  chunk.bytes = bytes;
  chunk.stream = stream;
  return chunk;
}

using Stream = domain::OutputChunk::Stream;

TEST_F(CliTest, ShowsRunsAndTheirOutput) {
  const WallTime at = from_seconds(to_ms(server_.now()) / 1000 - 60);
  const domain::RunId id{.firing = {.job = JobName("nightly"), .which = at}, .attempt = 1};
  server_.append(chunk_of(id, 0, 0, "\x1b[31mred\x1b[2J\n", Stream::Out));
  server_.append(chunk_of(id, 1, 13, "oops\n", Stream::Err));
  server_.record({record_of(id, at, 3)});
  const Ran list = run({"run", "list", "--job", "nightly"});
  EXPECT_THAT(list.out, HasSubstr(id.text() + "  failed  3     "));
  EXPECT_THAT(list.out, HasSubstr("1.204 s"));
  EXPECT_EQ(run({"run", "list", "-o", "name", "--status", "failed"}).out, id.text() + "\n");
  EXPECT_EQ(boost::json::parse(run({"run", "get", "-o", "json", id.text()}).out).at("exit_code"), 3);
  EXPECT_THAT(run({"run", "get", id.text()}).out, HasSubstr("EXIT       3\n"));
  EXPECT_EQ(run({"run", "logs", id.text()}).out, "\x1b[31mred\noops\n");
  EXPECT_EQ(run({"run", "logs", "--raw", id.text()}).out, "\x1b[31mred\x1b[2J\noops\n");
  const Ran followed = run({"run", "logs", "-f", id.text()});
  EXPECT_EQ(followed.exit_code, 0);
  EXPECT_EQ(followed.out, "\x1b[31mred\noops\n");
  EXPECT_EQ(followed.err, id.text() + " failed with exit code 3\n");
  EXPECT_EQ(run({"run", "logs", "nightly@2001-01-01T00:00:00Z.1"}).exit_code, 4);
  EXPECT_EQ(run({"run", "logs", "-f", "nightly@2001-01-01T00:00:00Z.1"}).exit_code, 4);
  EXPECT_EQ(run({"run", "kill", id.text()}).exit_code, 6);
}

// Acts the worker for one run-now: fails once with 7, then again with 42 for good.
TEST_F(CliTest, RunWaitsAndEndsWithTheJobsCode) {
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, job("x", "@daily")).exit_code, 0);
  std::thread worker([&] {
    std::vector<coord::KeyValue> triggers;
    while (triggers.empty()) triggers = server_.list(server_.keys.triggers());
    const auto trigger = core::decode_trigger(triggers.front().value);
    domain::RunId id{.firing = {.job = JobName("x"), .which = trigger->id}, .attempt = 1};
    server_.append(chunk_of(id, 0, 0, "first\n", Stream::Out));
    server_.record({record_of(id, server_.now(), 7, false)});
    server_.remove(triggers.front().key);
    id.attempt = 2;
    server_.append(chunk_of(id, 0, 0, "second\n", Stream::Out));
    server_.append(chunk_of(id, 1, 7, "error\n", Stream::Err));
    server_.record({record_of(id, server_.now(), 42)});
  });
  const Ran waited = run({"job", "run", "x", "--wait"});
  worker.join();
  EXPECT_EQ(waited.exit_code, 42) << waited.err;
  EXPECT_EQ(waited.out, "first\nsecond\n");
  EXPECT_THAT(waited.err, HasSubstr("error\n"));
  EXPECT_THAT(waited.err, HasSubstr("failed with exit code 42\n"));
  EXPECT_EQ(run({"job", "run", "nobody"}).exit_code, 4);
  EXPECT_EQ(run({"job", "run", "nobody", "--wait"}).exit_code, 125);
}

// For a program: the run that is over on stdout, what the job writes on stderr.
TEST_F(CliTest, RunWaitsAndPrintsTheRunAsData) {
  ASSERT_EQ(run({"job", "apply", "-f", "-"}, job("x", "@daily")).exit_code, 0);
  std::thread worker([&] {
    std::vector<coord::KeyValue> triggers;
    while (triggers.empty()) triggers = server_.list(server_.keys.triggers());
    const auto trigger = core::decode_trigger(triggers.front().value);
    const domain::RunId id{.firing = {.job = JobName("x"), .which = trigger->id}, .attempt = 1};
    server_.append(chunk_of(id, 0, 0, "written\n", Stream::Out));
    server_.record({record_of(id, server_.now(), 7)});
    server_.remove(triggers.front().key);
  });
  const Ran waited = run({"job", "run", "x", "--wait", "-o", "json"});
  worker.join();
  EXPECT_EQ(waited.exit_code, 7) << waited.err;
  boost::json::error_code no_json;
  const auto record = boost::json::parse(waited.out, no_json);
  ASSERT_FALSE(no_json) << waited.out;
  EXPECT_EQ(record.at("status"), "failed");
  EXPECT_EQ(record.at("exit_code"), 7);
  EXPECT_THAT(waited.err, HasSubstr("written\n"));
}

TEST_F(CliTest, KillsARun) {
  core::RunningEntry entry;
  entry.run = {.firing = {.job = JobName("x"), .which = from_seconds(to_ms(server_.now()) / 1000)}, .attempt = 1};
  entry.incarnation = Incarnation(std::string(32, '0'));
  entry.token = Token(std::string(32, '1'));
  entry.scheduled_at = entry.claimed_at = entry.run.firing.instant();
  server_.put(server_.keys.running(NodeId("node-1"), entry.run), core::encode(entry));
  const Ran killed = run({"run", "kill", "--grace", "0s", "--reason", "stuck", entry.run.text()});
  EXPECT_EQ(killed.exit_code, 0) << killed.err;
  EXPECT_TRUE(server_.value(server_.keys.kill(entry.run)));
}

}  // namespace
}  // namespace cronfleet::testing

#include "history/mongo/record_codec.h"

#include <gtest/gtest.h>

#include "history/contract.h"
#include "history/mongo/mongo_run_history.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/run_samples.h"

namespace cronfleet::history::mongo {
namespace {

using domain::RunStatus;
using testing::chunk_of;
using testing::record_of;
using testing::request_id;
using testing::run_id;
using testing::text_of;

// A row as the reference writes it.
Document reference_row(const std::string& err) {
  Document row;
  row.object_id("_id", "507f1f77bcf86cd799439011")
      .text("jobName", "logjob")
      .text("command", "echo first")
      .text("err", err)
      .text("output", "first\n")
      .number("expectTime", 1'700'000'000'000)
      .number("realityTime", 1'700'000'000'003)
      .number("startTime", 1'700'000'000'100)
      .number("endTime", 1'700'000'000'200);
  return row;
}

TEST(RecordCodec, KeepsTheFieldsOfTheReference) {
  auto record = record_of(run_id("backup", 0), RunStatus::Failed);
  record.end.exit_code = 3;
  record.output = "text";
  const Document document = encode(as_kept(record));
  const std::string_view bson = document.bytes();
  EXPECT_EQ(text_in(bson, "_id"), "backup@2026-01-01T00:00:00Z.1");
  EXPECT_EQ(text_in(bson, "jobName"), "backup");
  EXPECT_EQ(text_in(bson, "command"), record.command);
  EXPECT_EQ(text_in(bson, "output"), "text");
  EXPECT_EQ(integer_of(bson, "expectTime"), 1'767'225'600'000);
  EXPECT_EQ(integer_of(bson, "realityTime"), 1'767'225'599'980);
  EXPECT_EQ(integer_of(bson, "startTime"), 1'767'225'600'001);
  EXPECT_EQ(integer_of(bson, "endTime"), 1'767'225'601'500);
}

TEST(RecordCodec, ErrTellsReadersOfTheReferenceWhetherItWentWell) {
  struct Case {
    RunStatus status;
    domain::Reason reason;
    std::optional<int> exit_code, signal;
    std::string error, err;
  };
  const Case cases[] = {
      {RunStatus::Succeeded, domain::Reason::None, 0, {}, "", ""},
      {RunStatus::Failed, domain::Reason::None, 3, {}, "", "exit status 3"},
      {RunStatus::Failed, domain::Reason::None, 3, {}, "disk is gone", "disk is gone"},
      {RunStatus::Signalled, domain::Reason::None, {}, 9, "", "signal: 9"},
      {RunStatus::TimedOut, domain::Reason::None, {}, 15, "", "timed_out"},
      {RunStatus::Skipped, domain::Reason::Overlap, {}, {}, "", "skipped: overlap"},
  };
  for (const Case& one : cases) {
    auto record = record_of(run_id("a", 0), one.status);
    record.end.reason = one.reason;
    record.end.exit_code = one.exit_code;
    record.end.signal = one.signal;
    record.end.error = one.error;
    const Document document = encode(record);
    EXPECT_EQ(text_in(document.bytes(), "err"), one.err);
    const auto read = decode_record(document.bytes());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(text_of(*read), text_of(record)) << one.err;
  }
}

TEST(RecordCodec, ReadsWhatTheReferenceWrote) {
  const auto good = decode_record(reference_row("").bytes());
  ASSERT_TRUE(good) << good.error().text();
  EXPECT_EQ(good->id.text(), "logjob@oid-507f1f77bcf86cd799439011.1");
  EXPECT_EQ(good->end.status, RunStatus::Succeeded);
  EXPECT_EQ(good->command, "echo first");
  EXPECT_EQ(good->output, "first\n");
  EXPECT_EQ(to_ms(good->scheduled_at), 1'700'000'000'000);
  EXPECT_EQ(to_ms(good->claimed_at), 1'700'000'000'003);
  EXPECT_EQ(to_ms(good->end.started_at), 1'700'000'000'100);
  EXPECT_EQ(to_ms(good->end.ended_at), 1'700'000'000'200);
  EXPECT_EQ(object_id_of(good->id), "507f1f77bcf86cd799439011");
  ASSERT_TRUE(domain::parse_run_id(good->id.text()));

  const auto failed = decode_record(reference_row("exit status 1").bytes());
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->end.status, RunStatus::Failed);
  EXPECT_EQ(failed->end.exit_code, 1);
  EXPECT_EQ(failed->end.error, "exit status 1");
  const auto other = decode_record(reference_row("signal: killed").bytes());
  ASSERT_TRUE(other);
  EXPECT_EQ(other->end.status, RunStatus::Failed);
  EXPECT_EQ(other->end.exit_code, std::nullopt);

  EXPECT_EQ(object_id_of(run_id("a", 0)), std::nullopt);
  EXPECT_EQ(object_id_of(request_id("a", "r-1")), std::nullopt);
  EXPECT_EQ(object_id_of(request_id("a", "oid-507f1f77bcf86cd79943901g")), std::nullopt);
  EXPECT_EQ(object_id_of(request_id("a", "oid-507f1f77bcf86cd799439011", 2)), std::nullopt);
}

TEST(RecordCodec, RefusesWhatIsNoRecord) {
  const auto code = [](Document& document) {
    const auto record = decode_record(document.bytes());
    return record ? std::string("a record") : std::string(to_string(record.error().code()));
  };
  Document empty, no_time, odd_id, odd_name, wrong_kind, other_time;
  EXPECT_EQ(code(empty), "corrupt");
  EXPECT_EQ(code(no_time.text("_id", "a@2026-01-01T00:00:00Z.1").text("jobName", "a").text("status", "failed")),
            "corrupt");
  EXPECT_EQ(code(odd_id.text("_id", "what").text("jobName", "a").number("expectTime", 0)), "corrupt");
  EXPECT_EQ(code(odd_name.object_id("_id", "507f1f77bcf86cd799439011").text("jobName", "a/b").number("expectTime", 0)),
            "corrupt");
  EXPECT_EQ(
      code(wrong_kind.object_id("_id", "507f1f77bcf86cd799439011").text("jobName", "a").text("expectTime", "today")),
      "corrupt");
  EXPECT_EQ(code(other_time.text("_id", "a@2026-01-01T00:00:00Z.1")
                     .text("jobName", "a")
                     .number("expectTime", 1)
                     .text("status", "failed")
                     .text("trigger", "schedule")),
            "corrupt");
  const Document whole = encode(record_of(run_id("a", 0)));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_record(whole.bytes().substr(0, size))) << size;
}

TEST(RecordCodec, OutputComesBack) {
  auto chunk = chunk_of(run_id("a b", 1, 2), 7, 1000, std::string("\0\xff raw", 6));
  chunk.stream = domain::OutputChunk::Stream::Err;
  const Document document = encode(chunk);
  EXPECT_EQ(text_in(document.bytes(), "_id"), "a b@2026-01-01T00:00:01Z.2/7");
  EXPECT_EQ(integer_of(document.bytes(), "end"), 1006);
  const auto read = decode_chunk(document.bytes());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->run, chunk.run);
  EXPECT_EQ(read->sequence, chunk.sequence);
  EXPECT_EQ(read->offset, chunk.offset);
  EXPECT_EQ(read->stream, chunk.stream);
  EXPECT_EQ(read->written_at, chunk.written_at);
  EXPECT_EQ(read->bytes, chunk.bytes);
  EXPECT_FALSE(decode_chunk(encode(record_of(run_id("a", 0))).bytes()));
}

TEST(MongoUri, IsShownWithoutItsSecrets) {
  const std::pair<const char*, const char*> cases[] = {
      {"mongodb://127.0.0.1:27017", "mongodb://127.0.0.1:27017"},
      {"mongodb://user:secret@db1,db2/cron?replicaSet=rs", "mongodb://user:***@db1,db2/cron?replicaSet=rs"},
      {"mongodb+srv://user:p@ss:w@db.example", "mongodb+srv://user:***@db.example"},
      {"mongodb://user@db", "mongodb://user@db"},
      {"mongodb://db/?tls=true&tlsCertificateKeyFilePassword=secret&w=1",
       "mongodb://db/?tls=true&tlsCertificateKeyFilePassword=***&w=1"},
      {"user:secret@db", "user:***@db"},
      {"", ""},
  };
  for (const auto& [uri, shown] : cases) EXPECT_EQ(mask_mongo_uri(uri), shown);
}

}  // namespace
}  // namespace cronfleet::history::mongo

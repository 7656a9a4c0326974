// The same records in SQLite and in MongoDB: every filter, order, page and cursor gives the same answers, and so does
// the API over each of them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "api/raw_client.h"
#include "api/url.h"
#include "base/rng.h"
#include "base/time.h"
#include "history/mongo/mongo_run_history.h"
#include "history/sqlite/sqlite_run_history.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/queue_loop.h"
#include "tests/conformance/run_samples.h"
#include "tests/conformance/temporary_folder.h"
#include "tests/integration/api_server.h"
#include "tests/services/mongo_server.h"

namespace cronfleet::testing {
namespace {

using domain::RunStatus;

// FerretDB reads a whole collection for each query: the long form has another server where there is no mongod.
bool is_long() { return std::getenv("CRONFLEET_LONG") != nullptr; }
std::size_t records_wanted() { return is_long() ? 100'000 : 3'000; }

constexpr RunStatus kStatuses[] = {RunStatus::Succeeded, RunStatus::Failed, RunStatus::Signalled,
                                   RunStatus::TimedOut,  RunStatus::Killed, RunStatus::Skipped,
                                   RunStatus::Missed,    RunStatus::Lost,   RunStatus::Refused};
constexpr const char* kJobs[] = {"backup", "Backup", "a b", "夜间备份", "é", "z.1", "z", "report-eu", "report-us"};
constexpr const char* kWorkers[] = {"node-1", "node-2", "узел", ""};

template <typename T, std::size_t N>
T one_of(Rng& rng, const T (&values)[N]) {
  return values[rng.below(N)];
}

domain::RunRecord any_record(Rng& rng, std::int64_t seconds) {
  const std::string job = one_of(rng, kJobs);
  const auto attempt = static_cast<int>(rng.below(12)) + 1;
  const auto second = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(seconds)));
  domain::RunRecord record;
  if (rng.below(5) == 0) {
    record = record_of(request_id(job, fmt::format("r-{}", rng.below(1'000'000)), attempt));
    record.scheduled_at = from_ms((kFirstSecond + second) * 1000 + static_cast<std::int64_t>(rng.below(3)));
  } else {
    record = record_of(run_id(job, second, attempt));
  }
  record.end.status = rng.below(2) == 0 ? RunStatus::Succeeded : one_of(rng, kStatuses);
  record.worker = NodeId(one_of(rng, kWorkers));
  record.final = rng.below(8) != 0;
  record.end.output_bytes = rng.below(1 << 20);
  record.output = "line\n";
  if (record.end.status == RunStatus::Missed) {
    record.range_count = rng.below(5000) + 1;
    record.range_from = record.scheduled_at - std::chrono::hours(1);
  }
  return record;
}

history::RunQuery any_query(Rng& rng, std::int64_t seconds) {
  history::RunQuery query;
  if (rng.below(2) == 0) query.job = JobName(one_of(rng, kJobs));
  if (rng.below(3) == 0) query.worker = NodeId(one_of(rng, kWorkers));
  if (rng.below(2) == 0) {
    for (std::uint64_t i = rng.below(3) + 1; i > 0; --i) query.statuses.push_back(one_of(rng, kStatuses));
  }
  const auto moment = [&] {
    return WallTime(std::chrono::microseconds(
        (kFirstSecond * 1000 + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(seconds) * 1000))) *
            1000 +
        static_cast<std::int64_t>(rng.below(2))));
  };
  if (rng.below(3) == 0) query.from = moment();
  if (rng.below(3) == 0) query.until = moment();
  query.order = rng.below(2) == 0 ? history::Order::NewestFirst : history::Order::OldestFirst;
  const std::size_t limits[] = {7, 50, 500};
  query.limit = one_of(rng, limits);
  return query;
}

// With its microseconds.
std::string moment_text(WallTime at) {
  std::string text = to_rfc3339_ms(at);
  text.pop_back();
  return fmt::format("{}{:03}Z", text, (at - from_ms(to_ms(at))).count());
}

// The address of the same list.
std::string path_of(const history::RunQuery& query) {
  std::string path = fmt::format("/api/v1/runs?limit={}", query.limit);
  const auto add = [&](std::string_view name, const std::string& value) {
    path += fmt::format("&{}={}", name, api::percent_encode(value));
  };
  if (query.job) add("job", query.job->text());
  if (query.worker) add("worker", query.worker->text());
  std::string statuses;
  for (const RunStatus status : query.statuses)
    statuses += (statuses.empty() ? "" : ",") + std::string(to_string(status));
  if (!statuses.empty()) add("status", statuses);
  if (query.from) add("from", moment_text(*query.from));
  if (query.until) add("until", moment_text(*query.until));
  if (query.order == history::Order::OldestFirst) add("order", "oldest_first");
  // As the API gives it: with when it did.
  if (!query.cursor.empty()) add("cursor", fmt::format("{}.{}", to_ms(async::SystemClock().wall()), query.cursor));
  return path;
}

std::string answer_to(const ApiServer& server, const std::string& path) {
  const auto answer =
      api::RawClient(server.port()).ask(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
  std::string text = fmt::format("{} {}", answer.status, answer.body);
  // Of each answer its own: the id of a refusal, the moment, and that of a cursor, which stands before its dot.
  for (const auto& [own, end] : {std::pair("\"instance\":\"", '"'), {"\"now\":\"", '"'}, {"\"next_cursor\":\"", '.'}}) {
    const auto at = text.find(own);
    if (at == std::string::npos) continue;
    const auto from = at + std::string_view(own).size();
    text.erase(from, text.find(end, from) - from);
  }
  return text;
}

TEST(HistoryDifferential, SqliteAndMongoAnswerAlike) {
  const char* seed_text = std::getenv("CRONFLEET_SEED");
  const std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 20261125;
  SCOPED_TRACE(fmt::format("CRONFLEET_SEED={}", seed));
  Rng rng(seed);
  const WallTime now = from_seconds(kFirstSecond + 86'400);
  const MongoProgram& program = is_long() ? MongoProgram::for_many_records() : MongoProgram::find();
  if (program.path.empty()) GTEST_SKIP() << program.missing;
  MongoServer server({.program = program});
  TemporaryFolder folder(TemporaryFolder::Place::Memory);
  QueueLoop loop;
  SetClock clock(now);
  auto sqlite = history::SqliteRunHistory::open(folder.file("history.db"), loop, clock, {});
  history::MongoOptions options;
  options.uri = server.uri();
  auto mongo = history::MongoRunHistory::open(std::move(options), loop, clock);
  ASSERT_TRUE(sqlite && mongo);
  const ApiServer over_sqlite({}, sqlite->get()), over_mongo({}, mongo->get());
  ASSERT_TRUE(loop.run_until([&] { return (*mongo)->status().indexes_ready; })) << (*mongo)->status().index_trouble;
  const auto calls = [&](history::RunHistory& history) {
    return HistoryCalls(history, [&](auto done) { return loop.run_until(done, std::chrono::minutes(2)); });
  };

  // A few records per second, so that moments collide; some are sent twice.
  const auto seconds = static_cast<std::int64_t>(records_wanted() / 6);
  std::vector<domain::RunId> ids;
  for (std::size_t sent = 0; sent < records_wanted();) {
    std::vector<domain::RunRecord> batch;
    for (int i = 0; i < 200; ++i) batch.push_back(any_record(rng, seconds));
    for (const auto& record : batch) ids.push_back(record.id);
    const auto in_sqlite = calls(**sqlite).insert(batch), in_mongo = calls(**mongo).insert(batch);
    ASSERT_TRUE(in_sqlite) << in_sqlite.error().text();
    ASSERT_TRUE(in_mongo) << in_mongo.error().text();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      ASSERT_EQ((*in_mongo)[i].outcome, (*in_sqlite)[i].outcome) << batch[i].id.text();
      ASSERT_EQ((*in_mongo)[i].standing, (*in_sqlite)[i].standing);
      ASSERT_EQ((*in_mongo)[i].standing_final, (*in_sqlite)[i].standing_final);
    }
    sent += batch.size();
  }
  const std::string statistics =
      fmt::format("/api/v1/statistics?from={}&until={}", moment_text(from_seconds(kFirstSecond)),
                  moment_text(from_seconds(kFirstSecond + seconds)));
  const auto compare = [&](int queries) {
    for (int i = 0; i < queries; ++i) {
      history::RunQuery query = any_query(rng, seconds);
      for (int pages = 0; pages < 3; ++pages) {
        const auto in_sqlite = (*sqlite)->find(query), in_mongo = (*mongo)->find(query);
        ASSERT_TRUE(in_sqlite) << in_sqlite.error().text();
        ASSERT_TRUE(in_mongo) << in_mongo.error().text();
        ASSERT_EQ(text_of(in_mongo->items), text_of(in_sqlite->items));
        ASSERT_EQ(in_mongo->next_cursor, in_sqlite->next_cursor);
        const std::string path = path_of(query), answer = answer_to(over_mongo, path);
        ASSERT_TRUE(answer.starts_with("200 ")) << path << "\n" << answer;
        ASSERT_EQ(answer, answer_to(over_sqlite, path)) << path;
        query.cursor = in_mongo->next_cursor;
        if (query.cursor.empty()) break;
      }
      const WallTime from = query.from.value_or(WallTime{}), until = query.until.value_or(now);
      const auto sqlite_counts = (*sqlite)->counts(from, until), mongo_counts = (*mongo)->counts(from, until);
      ASSERT_TRUE(sqlite_counts && mongo_counts);
      const auto text = [](const std::vector<history::StatusCount>& counts) {
        std::string all;
        for (const auto& one : counts) all += fmt::format("{} {}\n", to_string(one.status), one.count);
        return all;
      };
      ASSERT_EQ(text(*mongo_counts), text(*sqlite_counts));
      const domain::RunId& run = ids[rng.below(ids.size())];
      const auto sqlite_record = (*sqlite)->get(run), mongo_record = (*mongo)->get(run);
      ASSERT_EQ(mongo_record.has_value(), sqlite_record.has_value()) << run.text();
      if (mongo_record) {
        ASSERT_EQ(text_of(*mongo_record), text_of(*sqlite_record));
      }
      const std::string of_run = "/api/v1/runs/" + api::percent_encode(run.text());
      std::vector<std::string> paths{of_run, of_run + "/output"};
      if (i == 0) paths.push_back(statistics);
      for (const std::string& path : paths)
        ASSERT_EQ(answer_to(over_mongo, path), answer_to(over_sqlite, path)) << path;
    }
  };
  compare(is_long() ? 80 : 10);
  // And after both have let go of the same records.
  const history::Retention retention{std::chrono::hours(24), records_wanted() / 20};
  std::map<history::RunHistory*, std::size_t> deleted;
  for (history::RunHistory* history :
       {static_cast<history::RunHistory*>(sqlite->get()), static_cast<history::RunHistory*>(mongo->get())}) {
    const WallTime later = from_seconds(kFirstSecond + 86'400 + seconds / 4);
    for (;;) {
      const auto step = calls(*history).prune(retention, later, 1000);
      ASSERT_TRUE(step) << step.error().text();
      if (*step == 0) break;
      deleted[history] += *step;
    }
  }
  EXPECT_GT(deleted[sqlite->get()], records_wanted() / 4);
  EXPECT_EQ(deleted[mongo->get()], deleted[sqlite->get()]);
  compare(is_long() ? 40 : 4);
}

}  // namespace
}  // namespace cronfleet::testing

// What is particular to MongoDB: rows of the reference, servers that refuse us or are away, indexes.
#include "history/mongo/mongo_run_history.h"

#include <gtest/gtest.h>
#include <mongoc/mongoc.h>

#include <fstream>
#include <set>

#include "history/mongo/connection.h"
#include "history/mongo/record_codec.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/queue_loop.h"
#include "tests/conformance/run_samples.h"
#include "tests/services/mongo_server.h"
#include "tests/services/turned_loop.h"

namespace cronfleet::testing {
namespace {

using domain::RunStatus;
using history::Inserted;
using history::MongoOptions;
using history::MongoRunHistory;
using history::MongoStatus;
using history::RunQuery;
using history::mongo::Document;
using history::mongo::Place;

MongoServer& server() {
  static MongoServer server;
  return server;
}

MongoOptions options_of(const std::string& uri, const std::string& database) {
  MongoOptions options;
  options.uri = uri;
  options.database = database;
  options.retention = {std::chrono::hours(0), 0};
  options.selection_timeout = std::chrono::milliseconds(2000);
  options.socket_timeout = std::chrono::milliseconds(1000);
  return options;
}

std::unique_ptr<history::mongo::Connection> raw(const MongoOptions& options) {
  auto connection = history::mongo::Connection::open(options);
  CHECK(connection.has_value());
  return std::move(*connection);
}
void put(history::mongo::Connection& connection, Place place, std::vector<Document> documents) {
  auto session = connection.session();
  ASSERT_TRUE(session) << session.error().text();
  const auto answer = session->insert(place, documents);
  ASSERT_TRUE(answer) << answer.error().text();
  ASSERT_EQ(answer->inserted, documents.size());
}
std::size_t count_of(history::mongo::Connection& connection, Place place) {
  std::size_t count = 0;
  auto session = connection.session();
  EXPECT_TRUE(session);
  EXPECT_TRUE(session->find(place, Document(), Document(), history::mongo::Read::Primary, [&](std::string_view) {
    ++count;
    return true;
  }));
  return count;
}

std::set<std::string> index_names(const MongoOptions& options, const std::string& collection) {
  std::set<std::string> names;
  mongoc_client_t* client = mongoc_client_new(options.uri.c_str());
  mongoc_collection_t* found = mongoc_client_get_collection(client, options.database.c_str(), collection.c_str());
  mongoc_cursor_t* cursor = mongoc_collection_find_indexes_with_opts(found, nullptr);
  for (const bson_t* index = nullptr; mongoc_cursor_next(cursor, &index);) {
    const std::string_view bson{reinterpret_cast<const char*>(bson_get_data(index)), index->len};
    names.emplace(history::mongo::text_in(bson, "name").value_or(""));
  }
  mongoc_cursor_destroy(cursor);
  mongoc_collection_destroy(found);
  mongoc_client_destroy(client);
  return names;
}

// A history on a server, and its calls.
struct World {
  explicit World(MongoOptions options) {
    auto opened = MongoRunHistory::open(std::move(options), loop, loop.clock());
    EXPECT_TRUE(opened) << opened.error().text();
    CHECK(opened.has_value());
    history = std::move(*opened);
  }
  auto calls() {
    return HistoryCalls(*history, [this](auto done) { return loop.run_until(done); });
  }
  Inserted insert_one(domain::RunRecord record) {
    auto answers = calls().insert({std::move(record)});
    EXPECT_TRUE(answers) << answers.error().text();
    return answers ? answers->at(0) : Inserted{};
  }
  bool status_becomes(std::function<bool(const MongoStatus&)> wanted) {
    return loop.run_until([&] { return wanted(history->status()); });
  }
  TurnedLoop loop;
  std::unique_ptr<MongoRunHistory> history;
};

Document reference_row(int number, const std::string& job, std::int64_t expect, const std::string& err) {
  Document row;
  row.object_id("_id", fmt::format("507f1f77bcf86cd7994390{:02x}", number))
      .text("jobName", job)
      .text("command", fmt::format("echo {}", number))
      .text("err", err)
      .text("output", "text\n")
      .number("expectTime", expect)
      .number("realityTime", expect + 3)
      .number("startTime", expect + 10)
      .number("endTime", expect + 20);
  return row;
}

std::vector<domain::RunRecord> all_pages(history::RunHistory& history, RunQuery query) {
  std::vector<domain::RunRecord> all;
  do {
    const auto page = history.find(query);
    EXPECT_TRUE(page) << page.error().text();
    if (!page) break;
    all.insert(all.end(), page->items.begin(), page->items.end());
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty());
  return all;
}
std::string ids_of(const std::vector<domain::RunRecord>& records) {
  std::string text;
  for (const auto& record : records) text += record.id.text() + " " + std::string(to_string(record.end.status)) + "\n";
  return text;
}

TEST(MongoRunHistory, WhatTheReferenceRecordedIsListedCountedAndNeverDeleted) {
  const MongoOptions options = options_of(server().uri(), "reference");
  const auto connection = raw(options);
  const std::int64_t at = kFirstSecond * 1000;
  std::vector<Document> rows;
  // Its two workers ran one firing twice; some ran at the very instants of ours.
  rows.push_back(reference_row(2, "a", at, ""));
  rows.push_back(reference_row(1, "a", at, "exit status 1"));
  rows.push_back(reference_row(3, "a", at + 1000, ""));
  rows.push_back(reference_row(4, "b", at, "signal: killed"));
  put(*connection, Place::Records, std::move(rows));
  World world(options);
  EXPECT_EQ(world.insert_one(record_of(run_id("a", 0))).outcome, Inserted::Outcome::Stored);
  EXPECT_EQ(world.insert_one(record_of(run_id("a", 1), RunStatus::Failed)).outcome, Inserted::Outcome::Stored);
  EXPECT_EQ(world.insert_one(record_of(request_id("a", "z"), RunStatus::Killed)).outcome, Inserted::Outcome::Stored);

  const std::string oldest_first =
      "a@2026-01-01T00:00:00Z.1 succeeded\n"
      "a@oid-507f1f77bcf86cd799439001.1 failed\n"
      "a@oid-507f1f77bcf86cd799439002.1 succeeded\n"
      "a@z.1 killed\n"
      "b@oid-507f1f77bcf86cd799439004.1 failed\n"
      "a@2026-01-01T00:00:01Z.1 failed\n"
      "a@oid-507f1f77bcf86cd799439003.1 succeeded\n";
  for (const std::size_t limit : {1, 2, 3, 50}) {
    RunQuery query;
    query.order = history::Order::OldestFirst;
    query.limit = limit;
    EXPECT_EQ(ids_of(all_pages(*world.history, query)), oldest_first) << limit;
    query.order = history::Order::NewestFirst;
    auto reversed = all_pages(*world.history, query);
    std::reverse(reversed.begin(), reversed.end());
    EXPECT_EQ(ids_of(reversed), oldest_first) << limit;
    query.statuses = {RunStatus::Failed};
    EXPECT_EQ(ids_of(all_pages(*world.history, query)),
              "a@2026-01-01T00:00:01Z.1 failed\nb@oid-507f1f77bcf86cd799439004.1 failed\n"
              "a@oid-507f1f77bcf86cd799439001.1 failed\n");
    query.job = JobName("a");
    query.statuses = {RunStatus::Succeeded, RunStatus::Killed};
    EXPECT_EQ(ids_of(all_pages(*world.history, query)),
              "a@oid-507f1f77bcf86cd799439003.1 succeeded\na@z.1 killed\n"
              "a@oid-507f1f77bcf86cd799439002.1 succeeded\na@2026-01-01T00:00:00Z.1 succeeded\n");
  }
  const auto one = world.history->get(*domain::parse_run_id("a@oid-507f1f77bcf86cd799439001.1"));
  ASSERT_TRUE(one) << one.error().text();
  EXPECT_EQ(one->command, "echo 1");
  EXPECT_EQ(one->output, "text\n");
  EXPECT_EQ(one->end.exit_code, 1);
  EXPECT_EQ(world.history->get(*domain::parse_run_id("b@oid-507f1f77bcf86cd799439001.1")).error().code(),
            Code::NotFound);
  const auto counts = world.history->counts(from_ms(at), from_ms(at + 1));
  ASSERT_TRUE(counts);
  std::map<RunStatus, std::uint64_t> counted;
  for (const auto& count : *counts) counted[count.status] = count.count;
  EXPECT_EQ(counted, (std::map<RunStatus, std::uint64_t>{
                         {RunStatus::Succeeded, 2}, {RunStatus::Failed, 2}, {RunStatus::Killed, 1}}));

  const history::Retention nothing{std::chrono::hours(1), 1};
  EXPECT_EQ(world.calls().prune(nothing, from_seconds(kFirstSecond + 86'400), 100), std::size_t{3});
  EXPECT_EQ(world.calls().prune(nothing, from_seconds(kFirstSecond + 86'400), 100), std::size_t{0});
  EXPECT_EQ(all_pages(*world.history, {}).size(), 4u);
}

TEST(MongoRunHistory, ACollectionOfSomethingElseIsRefusedBeforeAnythingIsWritten) {
  for (const Place place : {Place::Records, Place::Output}) {
    const MongoOptions options = options_of(server().uri(), place == Place::Records ? "foreign" : "foreign_output");
    const auto connection = raw(options);
    std::vector<Document> documents;
    documents.push_back(std::move(Document().text("_id", "1").text("title", "a book")));
    put(*connection, place, std::move(documents));
    World world(options);
    const auto checked = world.history->check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), Code::InvalidArgument);
    EXPECT_NE(checked.error().message().find("mongodb.collection"), std::string::npos) << checked.error().text();
    const auto inserted = world.calls().insert({record_of(run_id("a", 0))});
    ASSERT_FALSE(inserted);
    EXPECT_EQ(inserted.error().code(), Code::Unavailable) << "InvalidArgument would speak of the record";
    EXPECT_EQ(world.history->status().state, MongoStatus::State::Refused);
    EXPECT_EQ(count_of(*connection, Place::Records) + count_of(*connection, Place::Output), 1u);
    EXPECT_EQ(index_names(options, "log").count("cronfleet_job"), 0u);
    // Somebody moves it away.
    Document id;
    id.text("_id", "1");
    ASSERT_TRUE(connection->session()->remove(place, id));
    EXPECT_EQ(world.insert_one(record_of(run_id("a", 0))).outcome, Inserted::Outcome::Stored);
    EXPECT_EQ(world.history->status().state, MongoStatus::State::Available);
  }
}

// Few are asked for one by one, many together: both say what stands.
TEST(MongoRunHistory, WhatStandsIsToldOfFewAndOfManyDuplicates) {
  World world(options_of(server().uri(), "duplicates"));
  constexpr std::int64_t kStanding = 40;
  const auto records = [](std::int64_t first, std::int64_t last, RunStatus status) {
    std::vector<domain::RunRecord> made;
    for (std::int64_t i = first; i < last; ++i) {
      made.push_back(record_of(run_id("a", i), status));
      made.back().final = i % 3 != 0;
    }
    return made;
  };
  ASSERT_TRUE(world.calls().insert(records(0, kStanding, RunStatus::Failed)));
  std::int64_t next = kStanding;  // that no call has sent yet
  for (const std::int64_t first : {kStanding - 1, kStanding - 5, std::int64_t{0}}) {
    const std::int64_t stood = next++;
    const auto answers = world.calls().insert(records(first, next, RunStatus::Succeeded));
    ASSERT_TRUE(answers) << answers.error().text();
    for (std::int64_t i = first; i < next; ++i) {
      const Inserted& answer = answers->at(static_cast<std::size_t>(i - first));
      EXPECT_EQ(answer.outcome, i < stood ? Inserted::Outcome::Duplicate : Inserted::Outcome::Stored) << i;
      if (i >= stood) continue;
      EXPECT_EQ(answer.standing, i < kStanding ? RunStatus::Failed : RunStatus::Succeeded) << i;
      EXPECT_EQ(answer.standing_final, i % 3 != 0) << i;
    }
  }
}

TEST(MongoRunHistory, ADocumentThatIsNoRecordIsPassedOver) {
  const MongoOptions options = options_of(server().uri(), "passed_over");
  World world(options);
  EXPECT_EQ(world.insert_one(record_of(run_id("a", 0))).outcome, Inserted::Outcome::Stored);
  const auto connection = raw(options);
  std::vector<Document> documents;
  for (int i = 0; i < 40; ++i)
    documents.push_back(
        std::move(Document().text("_id", std::to_string(i)).text("jobName", "a").number("expectTime", 5)));
  put(*connection, Place::Records, std::move(documents));
  RunQuery query;
  query.limit = 1;
  query.order = history::Order::OldestFirst;
  const auto page = world.history->find(query);
  ASSERT_TRUE(page) << page.error().text();
  EXPECT_EQ(ids_of(page->items), "a@2026-01-01T00:00:00Z.1 succeeded\n");
  EXPECT_EQ(page->next_cursor, "");
  EXPECT_EQ(world.history->status().undecodable, 40u);
}

TEST(MongoRunHistory, OpenRefusesWhatCanNeverWork) {
  struct Case {
    std::string why, uri, database, collection, says;
  };
  const Case cases[] = {
      {"empty", "", "cron", "log", "mongodb.uri"},
      {"no URI", "127.0.0.1:27017", "cron", "log", "mongodb.uri"},
      {"bad option", "mongodb://ann:s3cret@db/?tls=perhaps", "cron", "log", "mongodb.uri"},
      {"bad escape", "mongodb://ann:s3cret%zz@db", "cron", "log", "mongodb.uri"},
      {"no such file", "mongodb://ann:s3cret@db/?tls=true&tlsCAFile=/no/such.pem", "cron", "log", "/no/such.pem"},
      {"no database", "mongodb://db", "", "log", "mongodb.database"},
      {"odd database", "mongodb://db", "a.b", "log", "mongodb.database"},
      {"odd collection", "mongodb://db", "cron", "lo$g", "mongodb.collection"},
      {"system collection", "mongodb://db", "cron", "system.log", "mongodb.collection"},
  };
  TurnedLoop loop;
  for (const Case& one : cases) {
    MongoOptions options;
    options.uri = one.uri;
    options.database = one.database;
    options.collection = one.collection;
    const auto opened = MongoRunHistory::open(std::move(options), loop, loop.clock());
    ASSERT_FALSE(opened) << one.why;
    EXPECT_EQ(opened.error().code(), Code::InvalidArgument) << one.why;
    EXPECT_NE(opened.error().message().find(one.says), std::string::npos) << opened.error().message();
    EXPECT_EQ(opened.error().message().find("s3cret"), std::string::npos) << opened.error().message();
  }
}

TEST(MongoRunHistory, AWrongPasswordIsToldAsSomethingForAPerson) {
  if (MongoProgram::find().kind == MongoProgram::Kind::Mongod)
    GTEST_SKIP() << "the fixture makes users with FerretDB alone";
  MongoServer guarded({.user = "ann", .password = "right-s3cret"});
  World right(options_of(guarded.uri("ann", "right-s3cret"), "guarded"));
  const auto allowed = right.history->check();
  EXPECT_TRUE(allowed) << allowed.error().text();
  EXPECT_EQ(right.insert_one(record_of(run_id("a", 0))).outcome, Inserted::Outcome::Stored);
  World wrong(options_of(guarded.uri("ann", "wrong-s3cret"), "guarded"));
  const auto refused = wrong.history->check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::InvalidArgument) << refused.error().text();
  EXPECT_NE(refused.error().message().find("mongodb.uri"), std::string::npos) << refused.error().text();
  EXPECT_EQ(refused.error().message().find("s3cret"), std::string::npos) << refused.error().text();
  const auto inserted = wrong.calls().insert({record_of(run_id("a", 1))});
  ASSERT_FALSE(inserted);
  EXPECT_EQ(inserted.error().code(), Code::Unavailable);
  EXPECT_EQ(wrong.history->status().state, MongoStatus::State::Refused);
  EXPECT_EQ(wrong.history->find({}).error().code(), Code::Unavailable);
}

TEST(MongoRunHistory, AServerThatIsAwayIsSaidToBeAndReadsDoNotWaitForIt) {
  MongoServer lost;
  std::atomic<int> words{0};
  MongoOptions options = options_of(lost.uri(), "away");
  options.log = [&](history::MongoLogLevel, std::string_view) { ++words; };
  World world(options);
  EXPECT_EQ(world.insert_one(record_of(run_id("a", 0))).outcome, Inserted::Outcome::Stored);
  for (const bool frozen : {false, true}) {
    if (frozen) {
      lost.stop();
    } else {
      lost.kill();
    }
    const auto first = world.history->find({});
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code(), Code::Unavailable);
    EXPECT_EQ(world.history->status().state, MongoStatus::State::Away);
    EXPECT_NE(world.history->status().trouble, "");
    // A hundred handlers that ask: as soon as one knows, all know.
    const MonoTime began = world.loop.clock().mono();
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(world.history->find({}));
    EXPECT_LT(world.loop.clock().mono() - began, std::chrono::seconds(20));
    const auto inserted = world.calls().insert({record_of(run_id("a", 1))});
    ASSERT_FALSE(inserted);
    EXPECT_EQ(inserted.error().code(), Code::Unavailable);
    if (frozen) {
      lost.cont();
    } else {
      lost.restart();
    }
    ASSERT_TRUE(world.loop.run_until([&] { return world.history->find({}).has_value(); }));
    EXPECT_TRUE(world.calls().insert({record_of(run_id("a", 2))}));
    EXPECT_EQ(world.history->status().state, MongoStatus::State::Available);
  }
}

TEST(MongoRunHistory, IndexesAreMadeAndComeBackOnAServerThatLostThem) {
  MongoServer forgetful;
  const MongoOptions options = options_of(forgetful.uri(), "forgetful");
  World world(options);
  const std::set<std::string> of_records{"_id_", "cronfleet_job", "cronfleet_status", "cronfleet_time",
                                         "cronfleet_worker"};
  const std::set<std::string> of_output{"_id_", "cronfleet_run", "cronfleet_written"};
  for (int life = 0; life < 2; ++life) {
    ASSERT_TRUE(world.loop.run_until([&] { return world.calls().insert({record_of(run_id("a", life))}).has_value(); },
                                     std::chrono::minutes(1)));
    ASSERT_TRUE(world.status_becomes([](const MongoStatus& status) { return status.indexes_ready; }))
        << world.history->status().index_trouble;
    EXPECT_EQ(index_names(options, "log"), of_records);
    EXPECT_EQ(index_names(options, "log_output"), of_output);
    forgetful.kill();
    forgetful.lose_data();
    // It is noticed by the first call that fails.
    EXPECT_FALSE(world.calls().insert({record_of(run_id("b", life))}));
    forgetful.restart();
  }
}

TEST(MongoRunHistory, IndexesComeBackAlthoughNobodyWrites) {
  MongoServer forgetful;
  World world(options_of(forgetful.uri(), "quiet"));
  world.insert_one(record_of(run_id("a", 0)));
  const auto ready = [](const MongoStatus& status) { return status.indexes_ready; };
  ASSERT_TRUE(world.status_becomes(ready)) << world.history->status().index_trouble;
  forgetful.kill();
  forgetful.lose_data();
  EXPECT_FALSE(world.calls().insert({record_of(run_id("a", 1))}));
  ASSERT_FALSE(ready(world.history->status()));
  forgetful.restart();
  EXPECT_TRUE(world.loop.run_until([&] { return ready(world.history->status()); }, std::chrono::minutes(1)))
      << world.history->status().index_trouble;
}

TEST(MongoRunHistory, AFullQueueAndAnEndAreAnswered) {
  MongoServer lost;
  MongoOptions options = options_of(lost.uri(), "queue");
  options.queue_bytes_max = 10'000;
  World world(options);
  lost.stop();
  int unavailable = 0;
  for (int i = 0; i < 50; ++i) {
    auto record = record_of(run_id("a", i));
    record.output.assign(2000, 'x');
    world.history->insert({record},
                          [&](auto answer) { unavailable += !answer && answer.error().code() == Code::Unavailable; });
  }
  EXPECT_LE(world.history->status().queue_bytes, 10'000u);
  world.history.reset();
  lost.cont();
  EXPECT_TRUE(world.loop.run_until([&] { return unavailable == 50; })) << unavailable;
}

}  // namespace
}  // namespace cronfleet::testing

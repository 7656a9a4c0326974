// Both ends over real stores: what a worker publishes is what a master reads.
#include "history/recent/recent_history.h"

#include <gtest/gtest.h>

#include <thread>

#include "async/asio_loop.h"
#include "async/await.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "history/recent/published_history.h"
#include "history/sqlite/sqlite_run_history.h"
#include "tests/conformance/run_samples.h"
#include "tests/conformance/temporary_folder.h"

namespace cronfleet::history {
namespace {

using testing::record_of;
using testing::run_id;

class RecentHistoryTest : public ::testing::Test {
 protected:
  RecentHistoryTest() {
    store_ = *coord::SqliteCoordStore::open({.folder = folder_.path() / "data"}, loop_, clock_);
    // The samples lie in the past: nothing is too old here.
    local_ =
        *SqliteRunHistory::open(folder_.file("history.db"), loop_, clock_, {.retention = {std::chrono::hours(0), 0}});
    published_ = std::make_unique<PublishedHistory>(*local_, *store_, clock_, keys_);
    recent_ = std::make_unique<RecentHistory>(*store_, loop_, keys_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~RecentHistoryTest() override {
    loop_.stop();
    thread_.join();
  }

  std::vector<Inserted> insert(std::vector<domain::RunRecord> records) {
    auto answer = async::await<std::vector<Inserted>>([&](auto done) {
      loop_.post([&, done = std::move(done)]() mutable { published_->insert(std::move(records), std::move(done)); });
    });
    EXPECT_TRUE(answer) << answer.error().text();
    return answer ? *answer : std::vector<Inserted>{};
  }
  std::vector<std::string> found(const RunQuery& query) {
    std::vector<std::string> ids;
    const auto page = recent_->find(query);
    EXPECT_TRUE(page) << page.error().text();
    for (const domain::RunRecord& record : page->items) ids.push_back(record.id.text());
    return ids;
  }

  testing::TemporaryFolder folder_{testing::TemporaryFolder::Place::Memory};
  async::SystemClock clock_;
  async::AsioLoop loop_{clock_};
  const core::Keys keys_;
  std::unique_ptr<coord::SqliteCoordStore> store_;
  std::unique_ptr<SqliteRunHistory> local_;
  std::unique_ptr<PublishedHistory> published_;
  std::unique_ptr<RecentHistory> recent_;
  std::thread thread_;
};

TEST_F(RecentHistoryTest, TheNewestOfEachJobIsReadElsewhere) {
  domain::RunRecord failed = record_of(run_id("b", 3), domain::RunStatus::Failed);
  failed.output = "disk full\n";
  failed.end.output_bytes = failed.output.size();
  EXPECT_EQ(insert({record_of(run_id("a", 2)), record_of(run_id("a", 1)), failed}).size(), 3u);
  EXPECT_EQ(found({}), (std::vector<std::string>{failed.id.text(), run_id("a", 2).text()}));
  EXPECT_EQ(found({.statuses = {domain::RunStatus::Failed}}), std::vector<std::string>{failed.id.text()});
  EXPECT_EQ(recent_->get(failed.id)->end.status, domain::RunStatus::Failed);
  EXPECT_EQ(recent_->get(run_id("a", 1)).error().code(), Code::NotFound);
  const auto output = recent_->output(failed.id, 0, 1 << 20);
  ASSERT_TRUE(output && output->chunks.size() == 1);
  EXPECT_EQ(output->chunks[0].bytes, "disk full\n");
  EXPECT_TRUE(local_->get(run_id("a", 1)));  // all of them are with their worker
  insert({record_of(run_id("a", 9))});
  EXPECT_EQ(found({.job = JobName("a")}), std::vector<std::string>{run_id("a", 9).text()});
  EXPECT_NE(store_, nullptr);
  const auto listing = async::await<coord::Listing>([&](auto done) { store_->list(keys_.recents(), std::move(done)); });
  for (const core::KeyValue& entry : listing->entries) EXPECT_NE(entry.lease, 0) << "goes by itself";
}

// Who waits for a run must not miss it because the job has run again since.
TEST_F(RecentHistoryTest, ARunByHandStaysToBeSeen) {
  const domain::RunRecord by_hand = record_of(testing::request_id("a", "r-1"));
  insert({by_hand});
  insert({record_of(run_id("a", 100))});
  EXPECT_EQ(recent_->get(by_hand.id)->id, by_hand.id);
  EXPECT_EQ(found({}), (std::vector<std::string>{run_id("a", 100).text(), by_hand.id.text()}));
}

TEST_F(RecentHistoryTest, PagesOfManyJobs) {
  std::vector<domain::RunRecord> records;
  for (int i = 0; i < 150; ++i) records.push_back(record_of(run_id(fmt::format("job-{:03}", i), i)));
  insert(records);
  RunQuery query;
  query.limit = 40;
  std::vector<std::string> all;
  do {
    const auto page = recent_->find(query);
    ASSERT_TRUE(page) << page.error().text();
    for (const domain::RunRecord& record : page->items) all.push_back(record.id.text());
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty());
  ASSERT_EQ(all.size(), 150u);
  EXPECT_EQ(all.front(), records.back().id.text());
  EXPECT_EQ(all.back(), records.front().id.text());
}

TEST_F(RecentHistoryTest, IsReadOnly) {
  const auto refused = async::await<std::vector<Inserted>>(
      [&](auto done) { recent_->insert({record_of(run_id("a", 1))}, std::move(done)); });
  EXPECT_EQ(refused.error().code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace cronfleet::history

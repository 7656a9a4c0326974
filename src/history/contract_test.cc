#include "history/contract.h"

#include <gtest/gtest.h>

#include "tests/conformance/run_samples.h"

namespace cronfleet::history {
namespace {

using testing::record_of;
using testing::request_id;
using testing::run_id;

TEST(Cursor, LeadsBackToItsPlace) {
  RunQuery query;
  query.job = JobName("夜间备份 a");
  for (const domain::RunId& run : {run_id("夜间备份 a", -7, 12), request_id("b", "r-7f3a")}) {
    const Position last{from_ms(-7123), run};
    query.cursor = cursor_after(query, last);
    query.limit = query.limit == 50 ? 7 : 50;  // may change from page to page
    const auto start = page_start(query);
    ASSERT_TRUE(start) << start.error().text();
    EXPECT_EQ(**start, last);
  }
}

TEST(Cursor, OfAnotherQueryOrNotOursIsRefused) {
  RunQuery query;
  query.statuses = {domain::RunStatus::Failed, domain::RunStatus::Lost};
  const std::string cursor = cursor_after(query, {from_ms(5), run_id("a", 0)});
  query.cursor = cursor;
  ASSERT_TRUE(page_start(query));
  query.statuses = {domain::RunStatus::Lost, domain::RunStatus::Failed, domain::RunStatus::Lost};  // the same set
  EXPECT_TRUE(page_start(query));

  const auto refused = [&](auto change) {
    RunQuery other = query;
    change(other);
    const auto start = page_start(other);
    return !start && start.error().code() == Code::InvalidArgument;
  };
  EXPECT_TRUE(refused([](RunQuery& q) { q.order = Order::OldestFirst; }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.statuses.pop_back(), q.statuses.pop_back(); }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.job = JobName("a"); }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.worker = NodeId("a"); }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.from = from_ms(0); }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.until = from_ms(0); }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.limit = 0; }));
  EXPECT_TRUE(refused([](RunQuery& q) { q.limit = 501; }));
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    EXPECT_TRUE(refused([&](RunQuery& q) { q.cursor[i] = q.cursor[i] == 'A' ? 'B' : 'A'; })) << i;
    EXPECT_TRUE(refused([&](RunQuery& q) { q.cursor.resize(std::max<std::size_t>(i, 1)); })) << i;
  }
  EXPECT_TRUE(refused([](RunQuery& q) { q.cursor = "page 2"; }));
}

TEST(Contract, SaysWhyARecordCanNeverBeStored) {
  EXPECT_EQ(why_refused(record_of(run_id("a", 0))), std::nullopt);
  EXPECT_EQ(why_refused(record_of(run_id("a", 0), domain::RunStatus::Running)),
            "record of run 'a@2026-01-01T00:00:00Z.1': status running is not final");
  EXPECT_TRUE(why_refused(record_of(run_id("a/b", 0))));
  EXPECT_TRUE(why_refused(record_of(run_id("a", 0, 0))));
  auto record = record_of(run_id("a", 0));
  record.output.resize(kRecordBytesMax);
  EXPECT_TRUE(why_refused(record));
  record.output.resize(kRecordBytesMax - record.command.size() - record.worker.text().size());
  EXPECT_EQ(why_refused(record), std::nullopt);
}

TEST(Contract, TheInstantInTheIdIsTheMomentOfARecord) {
  auto record = record_of(run_id("a", 10));
  record.scheduled_at = from_ms(1);
  EXPECT_EQ(plan_time(record), from_seconds(testing::kFirstSecond + 10));
  record.id = request_id("a", "r");
  EXPECT_EQ(plan_time(record), from_ms(1));
}

}  // namespace
}  // namespace cronfleet::history

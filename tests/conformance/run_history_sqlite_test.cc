// The contract of RunHistory on SQLite.
#include "history/sqlite/sqlite_run_history.h"
#include "tests/conformance/queue_loop.h"
#include "tests/conformance/run_history_suite.h"
#include "tests/conformance/temporary_folder.h"

namespace cronfleet::testing {
namespace {

class SqliteBackend {
 public:
  SqliteBackend() {
    auto opened = history::SqliteRunHistory::open(folder_.file("history.db"), loop_, clock_, {.retention = kKept});
    EXPECT_TRUE(opened) << opened.error().text();
    CHECK(opened.has_value());
    history_ = std::move(*opened);
  }
  history::RunHistory& history() { return *history_; }
  template <typename Done>
  bool run_until(Done done) {
    return loop_.run_until(done);
  }

 private:
  TemporaryFolder folder_{TemporaryFolder::Place::Memory};
  QueueLoop loop_;
  SetClock clock_{kNow};
  std::unique_ptr<history::SqliteRunHistory> history_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, RunHistorySuite, SqliteBackend);

}  // namespace
}  // namespace cronfleet::testing

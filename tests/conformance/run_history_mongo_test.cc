// The contract of RunHistory on a real server that speaks MongoDB's protocol.
#include "history/mongo/mongo_run_history.h"
#include "tests/conformance/queue_loop.h"
#include "tests/conformance/run_history_suite.h"
#include "tests/services/mongo_server.h"

namespace cronfleet::testing {
namespace {

// One server for all tests, a database for each of them.
MongoServer& server() {
  static MongoServer server;
  return server;
}

class MongoBackend {
 public:
  MongoBackend() {
    static int databases = 0;
    history::MongoOptions options;
    options.uri = server().uri();
    options.database = "cron_" + std::to_string(++databases);
    options.retention = kKept;
    auto opened = history::MongoRunHistory::open(std::move(options), loop_, clock_);
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
  QueueLoop loop_;
  SetClock clock_{kNow};
  std::unique_ptr<history::MongoRunHistory> history_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Mongo, RunHistorySuite, MongoBackend);

}  // namespace
}  // namespace cronfleet::testing

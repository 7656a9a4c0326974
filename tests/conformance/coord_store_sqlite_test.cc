// The SQLite store under the contract of every coordination store.
#include <stdlib.h>

#include <filesystem>

#include "async/asio_loop.h"
#include "base/check.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "tests/conformance/coord_store_suite.h"
#include "tests/conformance/queue_loop.h"

namespace cronfleet::testing {
namespace {

class SqliteBackend final : public CoordBackend {
 public:
  SqliteBackend() {
    char folder[] = "/tmp/cronfleet-coord-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    store_ = *coord::SqliteCoordStore::open({.folder = folder_}, loop_, clock_);
  }
  ~SqliteBackend() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  coord::CoordStore& store() override { return *store_; }
  bool run_until(const std::function<bool()>& done) override { return loop_.run_until(done); }
  MonoTime now() override { return clock_.mono(); }

 private:
  async::SystemClock clock_;
  QueueLoop loop_;
  std::filesystem::path folder_;
  std::unique_ptr<coord::SqliteCoordStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, CoordStoreSuite,
                         ::testing::Values(CoordBackendParam{"file", [] { return std::make_unique<SqliteBackend>(); },
                                                             milliseconds(300)}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace cronfleet::testing

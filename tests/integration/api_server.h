// tests/integration/api_server.h: the API over both SQLite stores, or over a history that it is given, on a port of its
// own, without a worker: tests put what a worker would have written.
#pragma once

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "api/api.h"
#include "api/http_server.h"
#include "async/asio_loop.h"
#include "async/await.h"
#include "base/check.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "history/sqlite/sqlite_run_history.h"
#include "tests/conformance/temporary_folder.h"
#include "tests/integration/away_store.h"
#include "tz/zone_database.h"

namespace cronfleet::testing {

// The system's clocks, and as much later as a test has said.
class AheadClock final : public async::Clock {
 public:
  WallTime wall() const override { return clock_.wall() + ahead_.load(); }
  MonoTime mono() const override { return clock_.mono() + ahead_.load(); }
  void advance(std::chrono::minutes by) { ahead_ = ahead_.load() + by; }

 private:
  async::SystemClock clock_;
  std::atomic<std::chrono::minutes> ahead_{std::chrono::minutes(0)};
};

class ApiServer {
 public:
  // `given` outlives this; record() and append() are then not to be used.
  explicit ApiServer(api::HttpOptions options = {}, history::RunHistory* given = nullptr) {
    loop_thread_ = std::thread([this] { loop_.run(); });
    auto store = coord::SqliteCoordStore::open({.folder = folder_.path() / "data"}, loop_, clock_);
    CHECK(store.has_value());
    store_ = *std::move(store);
    seen_.emplace(*store_, loop_);
    if (given == nullptr) {
      auto history = history::SqliteRunHistory::open(folder_.file("history.db"), loop_, clock_, {});
      CHECK(history.has_value());
      history_ = *std::move(history);
    }
    zones_ = *tz::ZoneDatabase::open();
    api_.emplace(api::ApiParts{.store = *seen_,
                               .history = given != nullptr ? *given : *history_,
                               .keys = keys,
                               .zones = *zones_,
                               .clock = clock_,
                               .tokens = tokens_,
                               .version = "0.0.0-test",
                               .mode = "standalone",
                               .node = "node-1",
                               .timers = loop_,
                               .rng = Rng(1),
                               .store_health = [this] { return health; },
                               .clock_trouble = [this] { return clock_trouble; },
                               .audit =
                                   [this](std::string_view what, const std::string& about) {
                                     const std::lock_guard lock(audited_mutex_);
                                     audited_.push_back(fmt::format("{}: {}", what, about));
                                   }});
    api_->add_routes(router_);
    options.port = 0;
    http_.emplace(std::move(options), router_, clock_, tokens_);
    CHECK(http_->start().has_value());
    api_->start_events([this] { http_->wake(); });
    std::promise<void> started;
    loop_.post([&] {
      api_->start();
      started.set_value();
    });
    started.get_future().wait();
  }
  ~ApiServer() {
    http_->stop();
    api_->end_events();
    loop_.stop();
    loop_thread_.join();
  }

  std::uint16_t port() const { return http_->port(); }
  const api::Router& router() const { return router_; }
  WallTime now() const { return clock_.wall(); }
  // It is that much later for server and stores.
  void advance(std::chrono::minutes by) { clock_.advance(by); }

  // --- what a worker does ---
  void put(const std::string& key, const std::string& value) { write({key, value}); }
  // What was written into the log of who did what.
  std::vector<std::string> audited() {
    const std::lock_guard lock(audited_mutex_);
    return audited_;
  }
  // As a worker's housekeeping does: older states are forgotten.
  void compact() {
    const auto now = async::await<coord::Listing>([&](auto done) { store_->get({keys.restored()}, std::move(done)); });
    CHECK(now.has_value());
    const auto compacted =
        async::await<core::Revision>([&](auto done) { store_->compact(now->revision, std::move(done)); });
    CHECK(compacted.has_value());
  }
  void remove(const std::string& key) { write({key, std::nullopt}); }
  std::optional<std::string> value(const std::string& key) {
    const auto found = async::await<coord::Listing>([&](auto done) { store_->get({key}, std::move(done)); });
    CHECK(found.has_value());
    if (found->entries.empty()) return std::nullopt;
    return found->entries.front().value;
  }
  std::vector<coord::KeyValue> list(const std::string& prefix) {
    const auto found = async::await<coord::Listing>([&](auto done) { store_->list(prefix, std::move(done)); });
    CHECK(found.has_value());
    return found->entries;
  }
  void record(std::vector<domain::RunRecord> records) {
    CHECK(async::await<std::vector<history::Inserted>>([&](auto done) {
            history_->insert(std::move(records), std::move(done));
          }).has_value());
  }
  void append(domain::OutputChunk chunk) {
    CHECK(async::await<std::size_t>([&](auto done) {
            history_->append_output({std::move(chunk)}, std::move(done));
          }).has_value());
  }

  // What the API sees of the store; a worker's puts go on.
  void take_store_away(bool away) { seen_->away = away; }

  const core::Keys keys;
  api::StoreHealth health;  // both are set before the request that looks at them
  std::string clock_trouble;

 private:
  void write(core::Write what) {
    core::Txn txn;
    txn.writes = {std::move(what)};
    const auto answer = async::await<std::vector<core::TxnAnswer>>(
        [&](auto done) { store_->commit({std::move(txn)}, std::move(done)); });
    CHECK(answer.has_value() && answer->front().committed);
  }

  TemporaryFolder folder_{TemporaryFolder::Place::Memory};
  std::mutex audited_mutex_;
  std::vector<std::string> audited_;
  AheadClock clock_;
  async::SystemTokens tokens_;
  async::AsioLoop loop_{clock_};
  std::thread loop_thread_;
  std::unique_ptr<coord::SqliteCoordStore> store_;
  std::optional<AwayStore> seen_;
  std::unique_ptr<history::SqliteRunHistory> history_;
  std::shared_ptr<const tz::ZoneDatabase> zones_;
  std::optional<api::Api> api_;
  api::Router router_;
  std::optional<api::HttpServer> http_;
};

}  // namespace cronfleet::testing

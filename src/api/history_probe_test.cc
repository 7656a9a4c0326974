#include "api/history_probe.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cronfleet::api {
namespace {

using namespace std::chrono_literals;

// Answers `find` as it is told, and not before it is let go.
class GatedHistory final : public history::RunHistory {
 public:
  void insert(std::vector<domain::RunRecord>, async::Callback<Result<std::vector<history::Inserted>>>) override {}
  void append_output(std::vector<domain::OutputChunk>, async::Callback<Result<std::size_t>>) override {}
  void prune(history::Retention, WallTime, std::size_t, async::Callback<Result<std::size_t>>) override {}
  Result<domain::RunRecord> get(const domain::RunId&) override { return fail(Code::NotFound, "no such run"); }
  Result<history::OutputSlice> output(const domain::RunId&, std::uint64_t, std::size_t) override {
    return history::OutputSlice{};
  }
  Result<std::vector<history::StatusCount>> counts(WallTime, WallTime) override {
    return std::vector<history::StatusCount>{};
  }
  Result<history::RunPage> find(const history::RunQuery&) override {
    std::unique_lock lock(mutex_);
    ++calls_;
    moved_.notify_all();
    moved_.wait(lock, [&] { return open_; });
    if (!trouble_.empty()) return fail(Code::Unavailable, "{}", trouble_);
    return history::RunPage{};
  }

  void set(bool open, std::string trouble = {}) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    trouble_ = std::move(trouble);
    moved_.notify_all();
  }
  void wait_for_call(int number) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return calls_ >= number; });
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  bool open_ = true;
  std::string trouble_;
  int calls_ = 0;
};

TEST(HistoryProbe, TellsWhatTheHistorySays) {
  GatedHistory history;
  HistoryProbe probe(history, 1min);
  EXPECT_EQ(probe.trouble(), "");
  history.set(true, "nobody listens");
  EXPECT_EQ(probe.trouble(), "nobody listens");
  history.set(true);
  EXPECT_EQ(probe.trouble(), "");
  EXPECT_EQ(history.calls(), 3);
}

TEST(HistoryProbe, AHistoryThatHangsIsTroubleUntilItAnswers) {
  GatedHistory history;
  HistoryProbe probe(history, 20ms);
  history.set(false);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(probe.trouble(), "no answer within 20ms");
  EXPECT_EQ(history.calls(), 1) << "one thread waits for it, not one for each who asks";
  history.set(true);
  // The late answer is of the old question; whoever comes after it asks anew.
  while (!probe.trouble().empty()) std::this_thread::yield();
  EXPECT_GE(history.calls(), 2);
}

TEST(HistoryProbe, ManyMayAskAtOnce) {
  GatedHistory history;
  HistoryProbe probe(history, 1min);
  history.set(false, "away");
  std::atomic<int> told{0};
  std::vector<std::thread> all;
  all.emplace_back([&] { told += probe.trouble() == "away"; });
  history.wait_for_call(1);
  for (int i = 0; i < 4; ++i) all.emplace_back([&] { told += probe.trouble() == "away"; });
  history.set(true, "away");
  for (std::thread& one : all) one.join();
  EXPECT_EQ(told, 5);
}

}  // namespace
}  // namespace cronfleet::api

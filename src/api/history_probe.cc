#include "api/history_probe.h"

#include <fmt/chrono.h>

namespace cronfleet::api {

HistoryProbe::HistoryProbe(history::RunHistory& history, std::chrono::milliseconds patience)
    : history_(history), patience_(patience), thread_([this] { work(); }) {}

HistoryProbe::~HistoryProbe() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    asked_.notify_one();
  }
  thread_.join();
}

std::string HistoryProbe::trouble() {
  std::unique_lock lock(mutex_);
  if (questions_ == answers_) {
    ++questions_;
    overdue_ = false;
    asked_.notify_one();
  }
  const std::uint64_t mine = questions_;
  // It is overdue for all who wait for it at once, however late they came.
  const auto over = [&] { return answers_ >= mine || overdue_; };
  if (!answered_.wait_for(lock, patience_, over)) {
    overdue_ = true;
    answered_.notify_all();
  }
  return answers_ >= mine ? trouble_ : fmt::format("no answer within {}", patience_);
}

void HistoryProbe::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [&] { return stopped_ || questions_ > answers_; });
    if (stopped_) return;
    lock.unlock();
    const auto answer = history_.find({.job = {}, .statuses = {}, .worker = {}, .from = {}, .until = {}, .limit = 1});
    lock.lock();
    trouble_ = answer ? std::string() : answer.error().message();
    ++answers_;
    answered_.notify_all();
  }
}

}  // namespace cronfleet::api

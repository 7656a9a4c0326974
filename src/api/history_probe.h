// api/history_probe.h: whether the history answers, told within a second and a half also where a call of it would hang.
//
// A thread of its own asks; who comes while a question is under way shares its answer, so that a history that is away
// keeps no more than one of our threads waiting. From any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "history/run_history.h"

namespace cronfleet::api {

class HistoryProbe {
 public:
  static constexpr std::chrono::milliseconds kPatience{1'500};

  explicit HistoryProbe(history::RunHistory& history, std::chrono::milliseconds patience = kPatience);
  ~HistoryProbe();  // waits for the question that is under way

  // Empty: it answers. Else what it said, or that it has not answered; not for longer than `patience`.
  std::string trouble();

 private:
  void work();

  history::RunHistory& history_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::condition_variable asked_, answered_;
  std::uint64_t questions_ = 0, answers_ = 0;  // equal: none is under way
  bool overdue_ = false;                       // somebody has waited for this one in vain
  std::string trouble_;                        // as of the last answer
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace cronfleet::api

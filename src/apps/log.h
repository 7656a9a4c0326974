// apps/log.h: the program's own log lines on standard error, as text or JSON. A message is a constant, the facts are
// fields (STYLE.md §8); nothing of a job's output ever becomes part of a line's structure (SEC-56).
#pragma once

#include <memory>
#include <string_view>

#include "config/options.h"
#include "runtime/worker_parts.h"

namespace cronfleet::apps {

class Log final : public runtime::WorkerObserver {
 public:
  explicit Log(const config::LogConfig& config);
  ~Log() override;

  void on_message(Level level, std::string_view what, std::string_view about) override;
  void on_refused(const Status& status) override;

  // Set by on_refused: another process holds the node id.
  bool refused() const { return refused_; }
  std::function<void()> when_refused;

 private:
  struct Sink;
  std::unique_ptr<Sink> sink_;
  bool refused_ = false;
};

}  // namespace cronfleet::apps

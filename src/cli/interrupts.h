// cli/interrupts.h: Ctrl-C as something to decide about, while a command follows a run.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace cronfleet::cli {

// While one lives, SIGINT and SIGTERM are noted instead of ending the process. One at a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  int descriptor() const;  // readable while one is noted
  bool pending() const;
  void clear();
  // Waits so long; true as soon as one is noted.
  bool wait(std::chrono::milliseconds most) const;
  // The next line somebody types at `terminal`; nothing when a signal is noted first, or no more is typed.
  std::optional<std::string> line_from(int terminal) const;
};

}  // namespace cronfleet::cli

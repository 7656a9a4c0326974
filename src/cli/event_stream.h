// cli/event_stream.h: what the commands that follow server-sent events share: one connection to them, and for how long
// they bear with a server that does not answer.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "cli/cli.h"
#include "cli/event_reader.h"
#include "cli/interrupts.h"

namespace cronfleet::cli {

class Patience {
 public:
  // Bytes have come.
  void heard();
  bool reached() const { return reached_; }
  // Nothing has come for so long that it is told to the user.
  bool over() const;

  std::chrono::milliseconds pause{kPauseLeast};  // before the next try
  void lengthen();
  void shorten() { pause = kPauseLeast; }

 private:
  static constexpr std::chrono::milliseconds kPauseLeast{200};

  std::chrono::steady_clock::time_point trouble_since_ = std::chrono::steady_clock::now();
  bool reached_ = false;
};

// One connection to the events at `target`, after the one with the id `last_id` where that is not empty. Ends as
// Cli::stream does, or when `take` says false. `heard` is called for all that comes, before its events are taken.
tl::expected<ClientAnswer, ClientError> stream_events(const Cli& cli, std::string target, const std::string& last_id,
                                                      const Interrupts& interrupts, const std::function<void()>& heard,
                                                      const std::function<bool(const ServerEvent&)>& take);

}  // namespace cronfleet::cli

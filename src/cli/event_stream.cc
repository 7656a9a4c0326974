#include "cli/event_stream.h"

#include <algorithm>
#include <utility>

namespace cronfleet::cli {
namespace {

constexpr std::chrono::seconds kSilenceMax{45};  // three heartbeats
constexpr std::chrono::seconds kGiveUpAfter{60};
constexpr std::chrono::milliseconds kPauseMost{2'000};

}  // namespace

void Patience::heard() {
  reached_ = true;
  trouble_since_ = std::chrono::steady_clock::now();
}

bool Patience::over() const { return std::chrono::steady_clock::now() - trouble_since_ > kGiveUpAfter; }

void Patience::lengthen() { pause = std::min(pause * 2, kPauseMost); }

tl::expected<ClientAnswer, ClientError> stream_events(const Cli& cli, std::string target, const std::string& last_id,
                                                      const Interrupts& interrupts, const std::function<void()>& heard,
                                                      const std::function<bool(const ServerEvent&)>& take) {
  ClientRequest request{.target = std::move(target), .headers = {{"Accept", "text/event-stream"}}};
  if (!last_id.empty()) request.headers["Last-Event-ID"] = last_id;
  EventReader reader;
  return cli.stream(
      request, kSilenceMax,
      [&](std::string_view bytes) {
        heard();
        reader.feed(bytes);
        while (const auto event = reader.next())
          if (!take(*event)) return false;
        return true;
      },
      interrupts.descriptor());
}

}  // namespace cronfleet::cli

#include "cli/event_reader.h"

#include <utility>

namespace cronfleet::cli {

std::optional<ServerEvent> EventReader::next() {
  for (;;) {
    const auto end = waiting_.find('\n', done_);
    if (end == std::string::npos) {
      waiting_.erase(0, std::exchange(done_, 0));
      return std::nullopt;
    }
    std::string_view line = std::string_view(waiting_).substr(done_, end - done_);
    done_ = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) {
      ServerEvent event = std::exchange(event_, {});
      if (std::exchange(has_data_, false)) return event;
      continue;
    }
    const auto colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") event_.type = value;
    if (field == "id") event_.id = value;
    if (field == "data") {
      if (has_data_) event_.data += '\n';
      event_.data += value;
      has_data_ = true;
    }
  }
}

}  // namespace cronfleet::cli

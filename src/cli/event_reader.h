// cli/event_reader.h: server-sent events out of the bytes of a stream. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cronfleet::cli {

struct ServerEvent {
  std::string type = "message";
  std::string id{};
  std::string data{};
};

class EventReader {
 public:
  void feed(std::string_view bytes) { waiting_ += bytes; }
  // The next whole event; nothing until more bytes have come. Comments are passed over.
  std::optional<ServerEvent> next();

 private:
  std::string waiting_;
  std::size_t done_ = 0;  // of waiting_, read already
  ServerEvent event_;
  bool has_data_ = false;
};

}  // namespace cronfleet::cli

// api/raw_client.h: a client for tests that sends exactly the bytes it is given over a plain socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "api/http.h"
#include "base/check.h"

namespace cronfleet::api {

struct RawAnswer {
  int status = 0;                                // 0: the connection ended without an answer
  std::map<std::string, std::string> headers{};  // names in lower case
  std::string body{};

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class RawClient {
 public:
  enum class Family { V4, V6 };
  explicit RawClient(std::uint16_t port, Family family = Family::V4)
      : fd_(::socket(family == Family::V4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (family == Family::V6) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(port);
      address.sin6_addr = in6addr_loopback;
      CHECK(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
      return;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the other end no longer takes it.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // One answer: to its length, the end of its chunks, or the end of the connection.
  RawAnswer receive(bool has_body = true) {
    RawAnswer answer;
    const auto end = read_until("\r\n\r\n");
    if (end == std::string::npos) return answer;
    parse_head(received_.substr(0, end), answer);
    received_.erase(0, end + 4);
    if (!has_body || answer.status == 204 || answer.status == 304) return answer;
    if (answer.status == 100) return receive(has_body);
    if (answer.header("transfer-encoding") == "chunked") {
      read_chunks(answer.body);
    } else if (!answer.header("content-length").empty()) {
      const std::size_t length = std::stoul(answer.header("content-length"));
      while (received_.size() < length && more()) continue;
      answer.body = received_.substr(0, length);
      received_.erase(0, length);
    } else {
      while (more()) continue;
      answer.body = std::move(received_);
      received_.clear();
    }
    return answer;
  }
  RawAnswer ask(std::string_view bytes) {
    send(bytes);
    return receive();
  }

  // What has come, up to and with `mark`; everything when the connection ended first.
  std::string take_until(std::string_view mark) {
    const auto at = read_until(mark);
    const std::size_t length = at == std::string::npos ? received_.size() : at + mark.size();
    std::string out = received_.substr(0, length);
    received_.erase(0, length);
    return out;
  }
  // The next `count` bytes; fewer when the connection ended first.
  std::string take_bytes(std::size_t count) {
    while (received_.size() < count && more()) continue;
    std::string out = received_.substr(0, count);
    received_.erase(0, count);
    return out;
  }
  // True when the other end closed the connection within `limit`.
  bool closed_within(std::chrono::milliseconds limit) {
    for (const auto until = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < until;) {
      pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 10) <= 0) continue;
      if (!more()) return true;
    }
    return false;
  }

 private:
  bool more() {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 20'000) <= 0) return false;
    char buffer[16 << 10];
    const auto bytes = ::recv(fd_, buffer, sizeof buffer, 0);
    if (bytes <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(bytes));
    return true;
  }
  std::size_t read_until(std::string_view mark) {
    for (;;) {
      if (const auto at = received_.find(mark); at != std::string::npos) return at;
      if (!more()) return std::string::npos;
    }
  }
  static void parse_head(std::string_view head, RawAnswer& answer) {
    const auto line = head.substr(0, head.find("\r\n"));
    if (line.size() > 12) std::from_chars(line.data() + 9, line.data() + 12, answer.status);
    for (auto rest = head.substr(std::min(line.size() + 2, head.size())); !rest.empty();) {
      const auto field = rest.substr(0, rest.find("\r\n"));
      const auto colon = field.find(':');
      if (colon != std::string_view::npos)
        answer.headers[lower_case(field.substr(0, colon))] = std::string(trimmed(field.substr(colon + 1)));
      rest.remove_prefix(std::min(field.size() + 2, rest.size()));
    }
  }
  void read_chunks(std::string& body) {
    for (;;) {
      const auto at = read_until("\r\n");
      if (at == std::string::npos) return;
      std::size_t length = 0;
      std::from_chars(received_.data(), received_.data() + at, length, 16);
      while (received_.size() < at + 2 + length + 2 && more()) continue;
      if (received_.size() < at + 2 + length + 2) return;
      body += received_.substr(at + 2, length);
      received_.erase(0, at + 2 + length + 2);
      if (length == 0) return;
    }
  }

  int fd_;
  std::string received_;
};

}  // namespace cronfleet::api

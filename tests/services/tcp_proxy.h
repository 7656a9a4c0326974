// tests/services/tcp_proxy.h: a connection between two parties under test that can fail in every way a network can.
//
// Listens on a free loopback port and passes what comes to `target` and back. What is set here holds for the
// connections that stand and for new ones. Bytes that may not pass are kept, as a network keeps them by sending again,
// and go on when they may; a closed connection loses them. Call from any thread; each call has taken effect when it
// returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace cronfleet::testing {

class TcpProxy {
 public:
  enum class Direction { Requests, Replies };  // from the side that connected; to it

  explicit TcpProxy(std::string target);  // "127.0.0.1:2379"
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::uint16_t port() const;
  std::string endpoint() const;  // "127.0.0.1:port"

  void pass();                     // all is well again: nothing held, refused, delayed or about to be cut
  void blackhole();                // nothing passes and nothing is closed; new connections are taken and get no answer
  void half_open(Direction held);  // this direction stands still, the other one passes
  void refuse();                   // everything is closed, and new connections are refused
  void close_all();                // what stands is closed, with a reset; new connections are welcome
  void delay(std::chrono::milliseconds each_way);

  // Once: what next goes in this direction, `bytes_min` or more of it at a time, is lost, and its connection is closed.
  // Cut requests never arrive; cut replies were earned by requests that did.
  void cut(Direction direction, std::size_t bytes_min = 40);

  std::uint64_t cuts() const;                      // so far
  std::uint64_t connections() const;               // taken so far
  std::uint64_t open() const;                      // standing now
  std::uint64_t bytes(Direction direction) const;  // passed so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cronfleet::testing

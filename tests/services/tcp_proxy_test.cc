// The proxy itself: a fault that it does not make would make every test behind it prove nothing.
#include "tests/services/tcp_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "base/check.h"

namespace cronfleet::testing {
namespace {

using std::chrono::milliseconds;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Answers each byte with the same byte, connection by connection, until it is destroyed.
class Echo {
 public:
  Echo() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0 && ::listen(listener_, 8) == 0);
    CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int fd = 0; (fd = ::accept(listener_, nullptr, nullptr)) >= 0; ::close(fd)) {
        char buffer[4096];
        for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
          received += static_cast<std::uint64_t>(got);
          ::send(fd, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL);
        }
      }
    });
  }
  ~Echo() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  std::atomic<std::uint64_t> received = 0;

 private:
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(fd_); }
  bool connected() const { return connected_; }
  bool send(const std::string& text) {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // What comes within `limit`: "" for nothing, "closed" for the end.
  std::string receive(milliseconds limit = milliseconds(10'000)) {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(limit.count())) == 0) return "";
    char buffer[4096];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "closed";
  }

 private:
  int fd_;
  bool connected_;
};

TEST(TcpProxy, PassesBothWaysAndEndsWithEitherSide) {
  Echo echo;
  TcpProxy proxy(echo.endpoint());
  Client client(proxy.port());
  client.send("hello");
  EXPECT_EQ(client.receive(), "hello");
  EXPECT_EQ(proxy.bytes(TcpProxy::Direction::Requests), 5u);
  EXPECT_EQ(proxy.open(), 1u);
}

TEST(TcpProxy, ABlackholeKeepsWhatItSwallowed) {
  Echo echo;
  TcpProxy proxy(echo.endpoint());
  Client client(proxy.port());
  client.send("a");
  ASSERT_EQ(client.receive(), "a");
  proxy.blackhole();
  ASSERT_TRUE(client.send("b"));
  EXPECT_EQ(client.receive(milliseconds(100)), "");
  Client late(proxy.port());
  EXPECT_TRUE(late.connected());
  late.send("c");
  EXPECT_EQ(late.receive(milliseconds(50)), "");
  EXPECT_EQ(echo.received, 1u);
  proxy.pass();
  EXPECT_EQ(client.receive(), "b");
}

TEST(TcpProxy, HalfOpenHoldsOneDirection) {
  Echo echo;
  TcpProxy proxy(echo.endpoint());
  Client client(proxy.port());
  client.send("a");
  ASSERT_EQ(client.receive(), "a");
  proxy.half_open(TcpProxy::Direction::Replies);
  client.send("b");
  EXPECT_EQ(client.receive(milliseconds(100)), "");
  EXPECT_EQ(echo.received, 2u);
  proxy.half_open(TcpProxy::Direction::Requests);
  EXPECT_EQ(client.receive(), "b");
  client.send("c");
  EXPECT_EQ(client.receive(milliseconds(100)), "");
  EXPECT_EQ(echo.received, 2u);
  proxy.pass();
  EXPECT_EQ(client.receive(), "c");
}

TEST(TcpProxy, CutsARequestBeforeItArrivesAndAReplyAfterItsRequestDid) {
  Echo echo;
  TcpProxy proxy(echo.endpoint());
  const std::string large(100, 'x');
  {
    Client client(proxy.port());
    client.send("small");
    ASSERT_EQ(client.receive(), "small");
    proxy.cut(TcpProxy::Direction::Requests);
    client.send("small");  // is not what the cut waits for
    ASSERT_EQ(client.receive(), "small");
    client.send(large);
    EXPECT_EQ(client.receive(), "closed");
    EXPECT_EQ(echo.received, 10u);
  }
  proxy.cut(TcpProxy::Direction::Replies);
  Client client(proxy.port());
  client.send(large);
  EXPECT_EQ(client.receive(), "closed");
  EXPECT_EQ(echo.received, 110u);
  EXPECT_EQ(proxy.cuts(), 2u);
  Client after(proxy.port());
  after.send(large);
  EXPECT_EQ(after.receive(), large);
}

TEST(TcpProxy, RefusesAndComesBackOnTheSamePort) {
  Echo echo;
  TcpProxy proxy(echo.endpoint());
  Client client(proxy.port());
  client.send("a");
  ASSERT_EQ(client.receive(), "a");
  proxy.refuse();
  EXPECT_EQ(client.receive(), "closed");
  EXPECT_FALSE(Client(proxy.port()).connected());
  proxy.pass();
  Client after(proxy.port());
  after.send("b");
  EXPECT_EQ(after.receive(), "b");
}

TEST(TcpProxy, DelaysEachWay) {
  Echo echo;
  TcpProxy proxy(echo.endpoint());
  proxy.delay(milliseconds(60));
  Client client(proxy.port());
  const auto start = std::chrono::steady_clock::now();
  client.send("a");
  EXPECT_EQ(client.receive(), "a");
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(120));
}

}  // namespace
}  // namespace cronfleet::testing

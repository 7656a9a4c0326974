// tests/fleet/proxy.cc: the fault proxy as a program: one way for each pair of processes, told on standard input how to
// behave.
//
//   open WAY TARGET       answers "WAY PORT": what connects to that port of loopback is passed on to TARGET
//   set WAY pass | blackhole | refuse | half_open | delay MS | cut_request | cut_reply
//   counts                answers "cuts N" for all ways together
//
// half_open: replies stand still, requests arrive. The cuts are repeated, a few a second, until the way is set anew. It
// ends with its standard input.
#include <poll.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "tests/services/tcp_proxy.h"

namespace {

using cronfleet::testing::TcpProxy;
using Direction = TcpProxy::Direction;

constexpr int kCutEveryMs = 150;

struct Way {
  explicit Way(const std::string& target) : proxy(target) {}
  TcpProxy proxy;
  std::string cutting;  // "cut_request", "cut_reply", or nothing
};

void cut(Way& way) {
  if (!way.cutting.empty()) way.proxy.cut(way.cutting == "cut_request" ? Direction::Requests : Direction::Replies);
}

bool set(Way& way, const std::string& how, std::istringstream& rest) {
  way.cutting.clear();
  way.proxy.pass();
  if (how == "blackhole") {
    way.proxy.blackhole();
  } else if (how == "refuse") {
    way.proxy.refuse();
  } else if (how == "half_open") {
    way.proxy.half_open(Direction::Replies);
  } else if (how == "delay") {
    int ms = 0;
    rest >> ms;
    way.proxy.delay(std::chrono::milliseconds(ms));
  } else if (how == "cut_request" || how == "cut_reply") {
    way.cutting = how;
    cut(way);
  } else if (how != "pass") {
    return false;
  }
  return true;
}

bool obey(const std::string& line, std::map<std::string, Way>& ways) {
  std::istringstream words(line);
  std::string order, name, how;
  words >> order >> name >> how;
  if (order == "counts") {
    std::uint64_t cuts = 0;
    for (const auto& [_, way] : ways) cuts += way.proxy.cuts();
    std::cout << "cuts " << cuts << std::endl;
    return true;
  }
  if (order == "open") {
    std::cout << name << ' ' << ways.try_emplace(name, how).first->second.proxy.port() << std::endl;
    return true;
  }
  const auto way = ways.find(name);
  return order == "set" && way != ways.end() && set(way->second, how, words);
}

}  // namespace

int main() {
  // Orders that came together wait in the stream's own buffer, where in_avail() sees them, and not in that of stdio.
  std::ios::sync_with_stdio(false);
  std::map<std::string, Way> ways;
  std::string line;
  for (;;) {
    pollfd input{0, POLLIN, 0};
    if (std::cin.rdbuf()->in_avail() <= 0 && ::poll(&input, 1, kCutEveryMs) == 0) {
      for (auto& [_, way] : ways) cut(way);
      continue;
    }
    if (!std::getline(std::cin, line)) return 0;
    if (!obey(line, ways)) {
      std::fprintf(stderr, "fleet_proxy: does not understand '%s'\n", line.c_str());
      return 1;
    }
  }
}

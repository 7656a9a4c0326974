#include "exec/posix/messages.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "exec/posix/crc32c.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::milliseconds;

StartOrder a_start() {
  StartOrder order{"nightly@2026-03-01T02:00:00Z.1", {}};
  order.request.arguments = {"/bin/bash", "-c", std::string("echo\0x", 6)};
  order.request.environment = {{"A", "1"}, {"B", ""}};
  order.request.user = "nobody";
  order.request.umask = 077;
  order.request.limits.open_files = 64;
  order.request.timeout = milliseconds(1500);
  order.request.start_at = from_ms(1'800'000'000'123);
  order.request.fence_deadline = MonoTime(std::chrono::seconds(9));
  return order;
}

std::vector<ToRunner> all_to_runner() {
  KillOrder kill{domain::RunStatus::Killed, domain::Reason::Replaced, "ann", milliseconds(0)};
  return {Configure{"/j", "home", "", 1, 2, 3, 4, milliseconds(5)},
          a_start(),
          CancelOrder{"a@r.1"},
          RunKillOrder{"a@r.1", kill},
          FenceOrder{"a@r.1", MonoTime(milliseconds(5))},
          AcknowledgeOrder{"a@r.1"},
          StopOrder{milliseconds(7)}};
}
std::vector<FromRunner> all_from_runner() {
  domain::RunEnd end;
  end.status = domain::RunStatus::Signalled;
  end.signal = 9;
  end.error = "why";
  end.output_bytes = 1ull << 40;
  end.usage.memory_bytes_peak = 77;
  return {Condition{true, "text", {7, "a limit"}}, StartedReport{"a@r.1", 42, from_ms(5)},
          StartFailedReport{"a@r.1", NotStarted::Overloaded, "no process"},
          OutputReport{"a@r.1", 3, 99, domain::OutputChunk::Stream::Err, from_ms(6), std::string("\0\xff", 2)},
          EndedReport{"a@r.1", end}};
}
template <typename Message>
std::string inside(const Message& message) {
  std::string bytes;
  encode(message, bytes);
  return bytes.substr(4);
}

TEST(Messages, WhatIsEncodedIsReadBack) {
  for (const ToRunner& message : all_to_runner()) {
    const auto read = decode_to_runner(inside(message));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->index(), message.index());
    EXPECT_EQ(inside(*read), inside(message));
  }
  for (const FromRunner& message : all_from_runner()) {
    const auto read = decode_from_runner(inside(message));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->index(), message.index());
    EXPECT_EQ(inside(*read), inside(message));
  }
  const auto start = decode_to_runner(inside(ToRunner(a_start())));
  const StartRequest& request = std::get<StartOrder>(*start).request;
  EXPECT_EQ(request.arguments[2], std::string("echo\0x", 6));
  EXPECT_EQ(request.environment.at("B"), "");
  EXPECT_EQ(request.limits.open_files, 64u);
  EXPECT_FALSE(request.limits.processes);
  EXPECT_EQ(request.not_after, MonoTime::max());
}

TEST(Messages, EveryCutAndEveryExtraByteIsRefused) {
  for (const ToRunner& message : all_to_runner()) {
    const std::string bytes = inside(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_to_runner(bytes.substr(0, size)));
    EXPECT_FALSE(decode_to_runner(bytes + "x"));
  }
  for (const FromRunner& message : all_from_runner()) {
    const std::string bytes = inside(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_from_runner(bytes.substr(0, size)));
    EXPECT_FALSE(decode_from_runner(bytes + "x"));
  }
}

TEST(Messages, BrokenBytesNeverCrashADecoder) {
  Rng rng(1);
  std::vector<std::string> frames;
  for (const ToRunner& message : all_to_runner()) frames.push_back(inside(message));
  for (const FromRunner& message : all_from_runner()) frames.push_back(inside(message));
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = frames[rng.below(frames.size())];
    for (std::uint64_t changes = 1 + rng.below(4); changes > 0; --changes)
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    static_cast<void>(decode_to_runner(bytes).has_value());
    static_cast<void>(decode_from_runner(bytes).has_value());
  }
}

TEST(Messages, FramesAreCutFromAnyPieces) {
  std::string stream;
  for (const ToRunner& message : all_to_runner()) encode(message, stream);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, stream.size()}) {
    FrameReader reader;
    std::size_t frames = 0;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      reader.feed(std::string_view(stream).substr(at, step));
      for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
        EXPECT_TRUE(decode_to_runner(**frame));
        ++frames;
      }
    }
    EXPECT_EQ(frames, all_to_runner().size());
  }
}

TEST(Messages, AnAbsurdLengthIsRefused) {
  FrameReader zero, huge;
  zero.feed(std::string(4, '\0'));
  EXPECT_EQ(zero.next().error().code(), Code::Corrupt);
  huge.feed("\xff\xff\xff\x7f");
  EXPECT_EQ(huge.next().error().code(), Code::Corrupt);
}

TEST(Crc32c, MatchesThePublishedValues) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("456789", crc32c("123")), crc32c("123456789"));
  EXPECT_EQ(crc32c_by_tables("123456789"), 0xe3069283u);
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(crc32c(bytes, 7), crc32c_by_tables(bytes, 7)) << i;
    EXPECT_EQ(crc32c(std::string_view(bytes).substr(bytes.size() / 3)),
              crc32c_by_tables(std::string_view(bytes).substr(bytes.size() / 3)))
        << i;
    bytes.push_back(static_cast<char>(i * 37 + 11));
  }
}

}  // namespace
}  // namespace cronfleet::exec::posix

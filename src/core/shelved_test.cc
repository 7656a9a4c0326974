#include "core/shelved.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cronfleet::core {
namespace {

Shelved some() {
  Shelved shelved;
  shelved.entry.run = {domain::Firing{JobName("nightly backup"), from_seconds(1'772'323'200)}, 2};
  shelved.entry.phase = Phase::Ended;
  shelved.entry.incarnation = Incarnation("0123");
  shelved.entry.token = Token("4567");
  shelved.entry.scheduled_at = from_seconds(1'772'323'200);
  shelved.entry.command = "echo";
  shelved.entry.end.status = domain::RunStatus::Failed;
  shelved.entry.end.exit_code = 3;
  shelved.entry.fence = 12;
  shelved.text = "the key's value";
  shelved.output.text = std::string("a\0b", 3);
  shelved.executed = shelved.former = true;
  using Stream = domain::OutputChunk::Stream;
  shelved.output.chunks = {
      {shelved.entry.run, 0, 0, Stream::Out, from_seconds(1'772'323'201), "first"},
      {shelved.entry.run, 1, 5, Stream::Err, from_seconds(1'772'323'202), std::string("\0\xff", 2)}};
  return shelved;
}

TEST(Shelved, ComesBackAsItWas) {
  const Shelved was = some();
  const auto again = decode_shelved(encode(was));
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_EQ(encode(again->entry), encode(was.entry));
  EXPECT_EQ(again->text, was.text);
  EXPECT_EQ(again->output.text, was.output.text);
  EXPECT_TRUE(again->executed);
  EXPECT_FALSE(again->kill_order);
  EXPECT_FALSE(again->key_gone);
  EXPECT_TRUE(again->former);
  ASSERT_EQ(again->output.chunks.size(), 2u);
  EXPECT_EQ(again->output.chunks[1].run, was.entry.run);
  EXPECT_EQ(again->output.chunks[1].sequence, 1u);
  EXPECT_EQ(again->output.chunks[1].offset, 5u);
  EXPECT_EQ(again->output.chunks[1].stream, domain::OutputChunk::Stream::Err);
  EXPECT_EQ(again->output.chunks[1].written_at, was.output.chunks[1].written_at);
  EXPECT_EQ(again->output.chunks[1].bytes, was.output.chunks[1].bytes);
  EXPECT_EQ(encode(*again), encode(was));
}

// After any chunk it may end; anywhere else it is cut short, and says so.
TEST(Shelved, ACutOneIsRefused) {
  Shelved was = some();
  const std::string whole = encode(was);
  std::vector<std::size_t> ends;
  while (!was.output.chunks.empty()) {
    was.output.chunks.pop_back();
    ends.push_back(encode(was).size());
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const bool may_end = std::find(ends.begin(), ends.end(), size) != ends.end();
    EXPECT_EQ(decode_shelved(whole.substr(0, size)).has_value(), may_end) << size;
  }
}

TEST(RunDigests, KnowsARunByItsIdAlone) {
  RunDigests digests;
  const domain::RunId run = some().entry.run;
  EXPECT_FALSE(digests.contains(run));
  digests.insert(run);
  EXPECT_TRUE(digests.contains(run));
  EXPECT_TRUE(digests.contains("nightly backup@2026-03-01T00:00:00Z.2"));
  EXPECT_FALSE(digests.contains("nightly backup@2026-03-01T00:00:00Z.1"));
  EXPECT_EQ(digests.size(), 1u);
  digests.erase(run);
  EXPECT_EQ(digests.size(), 0u);
}

}  // namespace
}  // namespace cronfleet::core

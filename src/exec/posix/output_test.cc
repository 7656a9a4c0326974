#include "exec/posix/output.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace cronfleet::exec::posix {
namespace {

struct Kept {
  std::string all;  // what was written, as a whole
  std::string streams;
  std::vector<Piece> pieces;
};

// Random writes to a keeper, head pieces taken now and then.
Kept keep(std::uint64_t bytes_max, std::uint64_t bytes, std::uint64_t write_max, Rng rng) {
  Kept kept;
  OutputKeeper keeper(bytes_max);
  const auto take = [&](std::vector<Piece> pieces) {
    for (Piece& piece : pieces) kept.pieces.push_back(std::move(piece));
  };
  while (kept.all.size() < bytes) {
    std::string piece(1 + rng.below(write_max), '\0');
    for (char& c : piece) c = static_cast<char>(rng.next());
    const Stream stream = rng.chance(0.5) ? Stream::Out : Stream::Err;
    keeper.add(stream, piece);
    kept.all += piece;
    kept.streams.append(piece.size(), stream == Stream::Out ? 'o' : 'e');
    if (rng.chance(0.3)) take(keeper.take_head());
  }
  take(keeper.take_head());
  take(keeper.take_tail());
  EXPECT_EQ(keeper.bytes(), kept.all.size());
  return kept;
}

TEST(OutputKeeper, KeepsExactlyHeadAndTailWithTheirStreams) {
  Rng rng(7);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t bytes_max = rng.below(5000), bytes = rng.below(20000);
    const Kept kept = keep(bytes_max, bytes, 1 + rng.below(3000), rng.fork("writes"));
    std::uint64_t stored = 0, end = 0;
    for (const Piece& piece : kept.pieces) {
      ASSERT_GE(piece.offset, end);
      ASSERT_LE(piece.bytes.size(), kPieceBytesMax);
      ASSERT_EQ(kept.all.substr(piece.offset, piece.bytes.size()), piece.bytes);
      const char mark = piece.stream == Stream::Out ? 'o' : 'e';
      ASSERT_EQ(kept.streams.substr(piece.offset, piece.bytes.size()), std::string(piece.bytes.size(), mark));
      end = piece.offset + piece.bytes.size();
      stored += piece.bytes.size();
    }
    ASSERT_EQ(stored, std::min<std::uint64_t>(bytes_max, kept.all.size()));
    if (bytes_max > 1 && !kept.all.empty()) {
      ASSERT_EQ(kept.pieces.front().offset, 0u);
      ASSERT_EQ(end, kept.all.size());
    }
  }
}

TEST(OutputKeeper, AlternatingStreamsCostABoundedNumberOfPieces) {
  OutputKeeper keeper(1 << 20);
  for (int i = 0; i < 100'000; ++i) keeper.add(i % 2 == 0 ? Stream::Out : Stream::Err, i % 2 == 0 ? "o" : "e");
  const auto head = keeper.take_head();
  EXPECT_LE(head.size(), kPiecesPerBatchMax);
  std::uint64_t bytes = 0;
  for (const Piece& piece : head) {
    EXPECT_EQ(piece.offset, bytes);
    EXPECT_EQ(piece.bytes.find(piece.stream == Stream::Out ? 'e' : 'o'), std::string::npos);
    bytes += piece.bytes.size();
  }
  EXPECT_EQ(bytes, 100'000u);
  keeper.close_head();
  for (int i = 0; i < 100'000; ++i) keeper.add(i % 2 == 0 ? Stream::Out : Stream::Err, "x");
  EXPECT_LE(keeper.take_tail().size(), kPiecesInTailMax);
}

domain::OutputChunk chunk(std::uint64_t offset, std::string bytes, Stream stream = Stream::Out) {
  domain::OutputChunk made;
  made.offset = offset;
  made.stream = stream;
  made.bytes = std::move(bytes);
  return made;
}

TEST(ReadableOutput, CountsWhatIsMissing) {
  EXPECT_EQ(readable_output({}, 0), "");
  EXPECT_EQ(readable_output({chunk(0, "ab\n"), chunk(3, "cd")}, 5), "ab\ncd");
  EXPECT_EQ(readable_output({chunk(0, "ab"), chunk(10, "cd")}, 12), "ab\n[... 8 bytes left out ...]\ncd");
  EXPECT_EQ(readable_output({chunk(0, "ab\n")}, 9), "ab\n[... 6 bytes left out ...]\n");
  EXPECT_EQ(readable_output({}, 9), "[... 9 bytes left out ...]\n");
}

TEST(ReadableOutput, RepairsWhatIsNotUtf8) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(readable_output({chunk(0, "\xe4\xbd"), chunk(2, "\xa0!")}, 4), "\xe4\xbd\xa0!");  // cut between chunks
  EXPECT_EQ(readable_output({chunk(0, "\xe4\xbd"), chunk(9, "\xa0")}, 10),
            bad + bad + "\n[... 7 bytes left out ...]\n" + bad);
  EXPECT_EQ(readable_output({chunk(0, std::string("a\0b", 3))}, 3), "a" + bad + "b");
  EXPECT_EQ(readable_output({chunk(0, "\xc0\xaf\xed\xa0\x80\xf5")}, 6), bad + bad + bad + bad + bad + bad);
  EXPECT_EQ(readable_output({chunk(0, "\xf0\x9f\x98\x80")}, 4), "\xf0\x9f\x98\x80");
}

}  // namespace
}  // namespace cronfleet::exec::posix

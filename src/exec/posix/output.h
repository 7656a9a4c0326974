// exec/posix/output.h: of all that a run writes, the head and the newest tail, in bounded memory.
//
// Bytes are given to add() in their order of arrival, both streams mixed. The first half of `bytes_max` is handed out
// while the run goes on (take_head); of the rest only the newest half is kept, and handed out at the end (take_tail).
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "domain/run.h"

namespace cronfleet::exec::posix {

using Stream = domain::OutputChunk::Stream;

struct Piece {
  Stream stream = Stream::Out;
  std::uint64_t offset = 0;  // in all that the run wrote
  std::string bytes;         // at most kPieceBytesMax
};
inline constexpr std::size_t kPieceBytesMax = 64 << 10;
// A run that alternates between its streams byte by byte must not cost a message for each: past this many pieces in
// one batch, the batch is put together by stream; past it in the tail, the oldest pieces go.
inline constexpr std::size_t kPiecesPerBatchMax = 64;
inline constexpr std::size_t kPiecesInTailMax = 4096;

class OutputKeeper {
 public:
  explicit OutputKeeper(std::uint64_t bytes_max);

  void add(Stream stream, std::string_view bytes);
  // Everything that comes from here on belongs to the tail.
  void close_head();

  std::size_t head_bytes_pending() const { return pending_bytes_; }
  std::vector<Piece> take_head();                 // what came since the last call and belongs to the head
  std::vector<Piece> take_tail();                 // at the end
  std::uint64_t bytes() const { return bytes_; }  // all that was added

 private:
  struct Part {
    Stream stream;
    std::uint64_t bytes;
  };
  void add_head(Stream stream, std::string_view bytes);
  void add_tail(Stream stream, std::string_view bytes);
  void drop_from_tail(std::uint64_t bytes);

  std::uint64_t head_bytes_left_, tail_bytes_max_;
  std::uint64_t bytes_ = 0;

  std::vector<Piece> pending_;
  std::size_t pending_bytes_ = 0;

  std::string ring_;  // the tail; grows up to tail_bytes_max_, then goes round
  std::size_t ring_begin_ = 0, ring_bytes_ = 0;
  std::deque<Part> parts_;  // whose bytes these are, in order
};

// The output as text for readers (SEC-56): pieces in order, invalid UTF-8 replaced by U+FFFD, zero bytes too, and where
// bytes are missing a line that counts them. `chunks` in order of sequence, `bytes` as RunEnd::output_bytes.
std::string readable_output(const std::vector<domain::OutputChunk>& chunks, std::uint64_t bytes);

}  // namespace cronfleet::exec::posix

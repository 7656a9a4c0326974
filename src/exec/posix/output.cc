#include "exec/posix/output.h"

#include <algorithm>

namespace cronfleet::exec::posix {
namespace {

// The same bytes in as few pieces as possible, in the same place of the output: first all of one stream, then the
// other.
std::vector<Piece> merge_by_stream(std::vector<Piece> pieces) {
  std::vector<Piece> merged;
  std::uint64_t offset = pieces.front().offset;
  for (const Stream stream : {Stream::Out, Stream::Err}) {
    for (const Piece& piece : pieces) {
      if (piece.stream != stream) continue;
      std::string_view bytes = piece.bytes;
      while (!bytes.empty()) {
        if (merged.empty() || merged.back().stream != stream || merged.back().bytes.size() == kPieceBytesMax)
          merged.push_back({stream, offset, {}});
        const std::size_t size = std::min(bytes.size(), kPieceBytesMax - merged.back().bytes.size());
        merged.back().bytes.append(bytes.substr(0, size));
        bytes.remove_prefix(size);
        offset += size;
      }
    }
  }
  return merged;
}

}  // namespace

OutputKeeper::OutputKeeper(std::uint64_t bytes_max)
    : head_bytes_left_(bytes_max / 2), tail_bytes_max_(bytes_max - bytes_max / 2) {}

void OutputKeeper::add(Stream stream, std::string_view bytes) {
  const std::size_t head = static_cast<std::size_t>(std::min<std::uint64_t>(head_bytes_left_, bytes.size()));
  if (head > 0) add_head(stream, bytes.substr(0, head));
  bytes_ += head;
  bytes.remove_prefix(head);
  if (bytes.empty()) return;
  add_tail(stream, bytes);
  bytes_ += bytes.size();
}

void OutputKeeper::close_head() { head_bytes_left_ = 0; }

void OutputKeeper::add_head(Stream stream, std::string_view bytes) {
  head_bytes_left_ -= bytes.size();
  pending_bytes_ += bytes.size();
  std::uint64_t offset = bytes_;
  while (!bytes.empty()) {
    if (pending_.empty() || pending_.back().stream != stream || pending_.back().bytes.size() == kPieceBytesMax) {
      // Nobody took them for a while: keep their number within bounds here too.
      if (pending_.size() >= kPiecesInTailMax) pending_ = merge_by_stream(std::move(pending_));
      pending_.push_back({stream, offset, {}});
    }
    std::string& last = pending_.back().bytes;
    const std::size_t size = std::min(bytes.size(), kPieceBytesMax - last.size());
    last.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    offset += size;
  }
}

std::vector<Piece> OutputKeeper::take_head() {
  pending_bytes_ = 0;
  std::vector<Piece> pieces = std::exchange(pending_, {});
  if (pieces.size() <= kPiecesPerBatchMax) return pieces;
  return merge_by_stream(std::move(pieces));
}

void OutputKeeper::drop_from_tail(std::uint64_t bytes) {
  ring_bytes_ -= bytes;
  ring_begin_ = ring_.empty() ? 0 : (ring_begin_ + bytes) % ring_.size();
  while (bytes > 0) {
    const std::uint64_t part = std::min(bytes, parts_.front().bytes);
    parts_.front().bytes -= part;
    bytes -= part;
    if (parts_.front().bytes == 0) parts_.pop_front();
  }
}

void OutputKeeper::add_tail(Stream stream, std::string_view bytes) {
  if (tail_bytes_max_ == 0) return;
  if (bytes.size() > tail_bytes_max_) bytes.remove_prefix(bytes.size() - tail_bytes_max_);
  if (ring_bytes_ + bytes.size() > tail_bytes_max_) drop_from_tail(ring_bytes_ + bytes.size() - tail_bytes_max_);
  if (ring_bytes_ + bytes.size() > ring_.size()) {  // not yet at its full size: make room, in order
    std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>(ring_begin_), ring_.end());
    ring_begin_ = 0;
    const std::uint64_t wanted = std::max<std::uint64_t>(ring_bytes_ + bytes.size(), 2 * ring_.size());
    ring_.resize(static_cast<std::size_t>(std::min(wanted, tail_bytes_max_)));
  }
  const std::size_t at = (ring_begin_ + ring_bytes_) % ring_.size();
  const std::size_t first = std::min(bytes.size(), ring_.size() - at);
  bytes.copy(ring_.data() + at, first);
  bytes.substr(first).copy(ring_.data(), bytes.size() - first);
  ring_bytes_ += bytes.size();
  if (parts_.empty() || parts_.back().stream != stream) parts_.push_back({stream, 0});
  parts_.back().bytes += bytes.size();
  if (parts_.size() > kPiecesInTailMax) drop_from_tail(parts_.front().bytes);
}

std::vector<Piece> OutputKeeper::take_tail() {
  std::vector<Piece> pieces;
  std::uint64_t offset = bytes_ - ring_bytes_;
  for (Part part : parts_) {
    while (part.bytes > 0) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(part.bytes, kPieceBytesMax));
      const std::size_t first = std::min(size, ring_.size() - ring_begin_);
      Piece piece{part.stream, offset, ring_.substr(ring_begin_, first)};
      piece.bytes.append(ring_, 0, size - first);
      pieces.push_back(std::move(piece));
      ring_begin_ = (ring_begin_ + size) % ring_.size();
      offset += size;
      part.bytes -= size;
    }
  }
  parts_.clear();
  ring_ = {};
  ring_begin_ = ring_bytes_ = 0;
  return pieces;
}

namespace {

// Length of the valid UTF-8 sequence at the front of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
    if (lead == 0xed && byte(1) > 0x9f) return 0;  // surrogates
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void append_repaired(std::string_view bytes, std::string& to) {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0)
      to.append("\xef\xbf\xbd");
    else
      to.append(bytes.substr(0, length));
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void append_gap(std::uint64_t bytes, std::string& to) {
  if (!to.empty() && to.back() != '\n') to.push_back('\n');
  to.append(fmt::format("[... {} bytes left out ...]\n", bytes));
}

}  // namespace

std::string readable_output(const std::vector<domain::OutputChunk>& chunks, std::uint64_t bytes) {
  std::string text, run;  // `run`: bytes without a gap and of one stream, so that no character is cut at a chunk's end
  std::uint64_t end = 0;
  Stream stream = Stream::Out;
  const auto close = [&] {
    append_repaired(run, text);
    run.clear();
  };
  for (const domain::OutputChunk& chunk : chunks) {
    if (chunk.offset != end || chunk.stream != stream) close();
    if (chunk.offset > end) append_gap(chunk.offset - end, text);
    run.append(chunk.bytes);
    stream = chunk.stream;
    end = chunk.offset + chunk.bytes.size();
  }
  close();
  if (bytes > end) append_gap(bytes - end, text);
  return text;
}

}  // namespace cronfleet::exec::posix

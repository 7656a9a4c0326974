// exec/posix/journal_frames.h: what the journal on disk is made of, for who writes it (journal.h) and who reads it
// (replay.h).
//
// A folder (0700) of segments `<16 hex digits>.journal` (0600), numbered in order of their making, and `reserve`. A
// segment is a row of frames: length (4 bytes, of type and payload), CRC-32C of type and payload (4), type (1), payload
// (messages.h). A length of 0 ends a segment. Frames of a run may stand twice and in any order: a reader goes by run
// and sequence. docs/formats.md has the table.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cronfleet::exec::posix {

// Types 1 to 4 hold the reports of messages.h under their index there.
inline constexpr std::uint8_t kStarted = 1, kNotStarted = 2, kOutput = 3, kEnded = 4;
inline constexpr std::uint8_t kHeader = 16, kIntent = 17, kAcknowledged = 18;
inline constexpr std::size_t kFrameHead = 9;  // length, checksum, type

std::string boot_id();
std::string header_payload();
std::string frame_head(std::uint8_t type, std::string_view a,
                       std::string_view b);  // of a frame whose payload is a and b
// The run that a frame is about; every payload but the header's begins with it.
std::string_view run_of(std::string_view payload);

std::string segment_name(std::uint64_t number);
Result<std::vector<std::uint64_t>> segment_numbers(const std::string& folder);
Result<std::string> read_segment(const std::string& path);

// Calls `take` for each whole frame; returns where they end, and says in `damage` why there when that is not the end of
// the bytes.
using TakeFrame = std::function<void(std::uint8_t type, std::string_view payload, std::string_view frame)>;
std::size_t for_each_frame(std::string_view bytes, const TakeFrame& take, std::string& damage);

// A run by its name's keyed hash: with the history away there may be 100,000 of them, each with a name of 40 bytes.
struct RunDigest {
  std::uint64_t first = 0, second = 0;
  friend bool operator==(const RunDigest&, const RunDigest&) = default;
};
struct RunDigestHash {
  std::size_t operator()(const RunDigest& digest) const noexcept { return digest.first; }
};
class RunHasher {
 public:
  RunHasher();  // with a key of its own
  RunDigest of(std::string_view run) const;

 private:
  std::array<unsigned char, 16> key_;
};

}  // namespace cronfleet::exec::posix

// exec/posix/messages.h: what worker and runner tell each other over their socket pair.
//
// A frame is a length (4 bytes, little-endian, of what follows), a type (1 byte) and the fields of the message in
// order. Runs are named by their text. Both sides are ours and of one build, so there are no versions; bad bytes are
// refused, never guessed at: a worker that reads some ends the runner, a runner that reads some ends its runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "exec/executor.h"

namespace cronfleet::exec::posix {

inline constexpr std::size_t kFrameBytesMax = 16u << 20;

// Worker to runner. Configure comes first and once.
struct Configure {
  std::string journal_folder;
  std::string home_id;        // value of CRONFLEET_HOME_ID, by which leftovers are known later
  std::string cgroup_folder;  // a cgroup v2 folder of ours, in which runs get their own; empty: none
  std::uint64_t journal_bytes_max = 0;
  std::uint64_t journal_reserve_bytes = 0;
  std::uint64_t outbox_bytes_max = 0;
  std::uint32_t runs_max = 0;
  std::chrono::milliseconds spawn_margin{0};
};
struct StartOrder {
  std::string run;
  StartRequest request;  // its `run` is not carried
};
struct CancelOrder {
  std::string run;
};
struct RunKillOrder {
  std::string run;
  KillOrder order;
};
struct FenceOrder {
  std::string run;
  MonoTime deadline{};
};
struct AcknowledgeOrder {
  std::string run;
};
// No further starts; what runs is ended as killed(shutdown), each within `grace`; then the runner exits.
struct StopOrder {
  std::chrono::milliseconds grace{0};
};
using ToRunner =
    std::variant<Configure, StartOrder, CancelOrder, RunKillOrder, FenceOrder, AcknowledgeOrder, StopOrder>;

// Runner to worker. Condition comes first, and again whenever it changes; so does its room, at most once a second.
struct Condition {
  bool journal_full = false;
  std::string text;  // how runs are kept together, what is degraded; for the worker's status
  Room room{};
};
struct StartedReport {
  std::string run;
  int pid = 0;
  WallTime started_at{};
};
struct StartFailedReport {
  std::string run;
  NotStarted why{};
  std::string error;
};
struct OutputReport {
  std::string run;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  domain::OutputChunk::Stream stream{};
  WallTime written_at{};
  std::string bytes;
};
struct EndedReport {
  std::string run;
  domain::RunEnd end;
};
using FromRunner = std::variant<Condition, StartedReport, StartFailedReport, OutputReport, EndedReport>;

// Appends one frame to `to`.
void encode(const ToRunner& message, std::string& to);
void encode(const FromRunner& message, std::string& to);
// Reads the inside of one frame (type and fields). Corrupt: not what encode writes.
Result<ToRunner> decode_to_runner(std::string_view frame);
Result<FromRunner> decode_from_runner(std::string_view frame);

// The fields alone, which the journal holds too.
void encode_fields(const StartedReport& report, std::string& to);
void encode_fields(const StartFailedReport& report, std::string& to);
void encode_fields(const EndedReport& report, std::string& to);
// Those of an OutputReport but its bytes, which follow as they are.
void encode_output_head(std::string_view run, const OutputReport& report, std::size_t bytes, std::string& to);
std::optional<FromRunner> decode_fields(std::size_t type, std::string_view fields);  // type: index in FromRunner

// Cuts a stream of bytes into frames.
class FrameReader {
 public:
  void feed(std::string_view bytes);
  // The inside of the next frame, valid until the next call; nothing while it is incomplete. Corrupt: a length of 0 or
  // above kFrameBytesMax; the stream is lost then.
  Result<std::optional<std::string_view>> next();

 private:
  std::string buffer_;
  std::size_t used_ = 0;
};

}  // namespace cronfleet::exec::posix

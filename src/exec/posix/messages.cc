#include "exec/posix/messages.h"

#include "exec/posix/bytes.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

std::int64_t ticks(WallTime at) { return at.time_since_epoch().count(); }
std::int64_t ticks(MonoTime at) { return at.time_since_epoch().count(); }
WallTime wall(ByteReader& in) { return WallTime(microseconds(in.i64())); }
MonoTime mono(ByteReader& in) { return MonoTime(nanoseconds(in.i64())); }

void put(const std::optional<std::uint64_t>& value, ByteWriter& out) {
  out.u8(value.has_value());
  out.u64(value.value_or(0));
}
std::optional<std::uint64_t> maybe_u64(ByteReader& in) {
  const bool present = in.u8() != 0;
  const std::uint64_t value = in.u64();
  return present ? std::optional(value) : std::nullopt;
}
void put(const std::optional<int>& value, ByteWriter& out) {
  out.u8(value.has_value());
  out.i64(value.value_or(0));
}
std::optional<int> maybe_int(ByteReader& in) {
  const bool present = in.u8() != 0;
  const std::int64_t value = in.i64();
  return present ? std::optional(static_cast<int>(value)) : std::nullopt;
}

void fields(const Configure& m, ByteWriter& out) {
  out.text(m.journal_folder);
  out.text(m.home_id);
  out.text(m.cgroup_folder);
  out.u64(m.journal_bytes_max);
  out.u64(m.journal_reserve_bytes);
  out.u64(m.outbox_bytes_max);
  out.u32(m.runs_max);
  out.i64(m.spawn_margin.count());
}
Configure configure(ByteReader& in) {
  Configure m;
  m.journal_folder = in.text();
  m.home_id = in.text();
  m.cgroup_folder = in.text();
  m.journal_bytes_max = in.u64();
  m.journal_reserve_bytes = in.u64();
  m.outbox_bytes_max = in.u64();
  m.runs_max = in.u32();
  m.spawn_margin = milliseconds(in.i64());
  return m;
}

void fields(const StartOrder& m, ByteWriter& out) {
  const StartRequest& r = m.request;
  out.text(m.run);
  out.u32(static_cast<std::uint32_t>(r.arguments.size()));
  for (const std::string& argument : r.arguments) out.text(argument);
  out.u32(static_cast<std::uint32_t>(r.environment.size()));
  for (const auto& [name, value] : r.environment) {
    out.text(name);
    out.text(value);
  }
  out.text(r.working_directory);
  out.text(r.user);
  out.u32(r.umask);
  for (const auto& limit : {r.limits.cpu_seconds, r.limits.address_space_bytes, r.limits.open_files, r.limits.processes,
                            r.limits.file_size_bytes})
    put(limit, out);
  out.i64(r.timeout.count());
  out.i64(r.kill_grace.count());
  out.u64(r.output_bytes_max);
  out.i64(ticks(r.start_at));
  out.i64(ticks(r.not_after));
  out.i64(ticks(r.fence_deadline));
}
StartOrder start_order(ByteReader& in) {
  StartOrder m;
  StartRequest& r = m.request;
  m.run = in.text();
  for (std::uint32_t left = in.count(4); left > 0; --left) r.arguments.emplace_back(in.text());
  for (std::uint32_t left = in.count(8); left > 0; --left) {
    std::string name(in.text());
    r.environment[std::move(name)] = in.text();
  }
  r.working_directory = in.text();
  r.user = in.text();
  r.umask = in.u32();
  for (auto* limit : {&r.limits.cpu_seconds, &r.limits.address_space_bytes, &r.limits.open_files, &r.limits.processes,
                      &r.limits.file_size_bytes})
    *limit = maybe_u64(in);
  r.timeout = milliseconds(in.i64());
  r.kill_grace = milliseconds(in.i64());
  r.output_bytes_max = in.u64();
  r.start_at = wall(in);
  r.not_after = mono(in);
  r.fence_deadline = mono(in);
  if (r.arguments.empty() || m.run.empty()) in.refuse();
  return m;
}

void fields(const CancelOrder& m, ByteWriter& out) { out.text(m.run); }
void fields(const AcknowledgeOrder& m, ByteWriter& out) { out.text(m.run); }
void fields(const StopOrder& m, ByteWriter& out) { out.i64(m.grace.count()); }
void fields(const FenceOrder& m, ByteWriter& out) {
  out.text(m.run);
  out.i64(ticks(m.deadline));
}
void fields(const RunKillOrder& m, ByteWriter& out) {
  out.text(m.run);
  out.u8(static_cast<std::uint8_t>(m.order.status));
  out.u8(static_cast<std::uint8_t>(m.order.reason));
  out.text(m.order.actor);
  out.u8(m.order.grace.has_value());
  out.i64(m.order.grace.value_or(milliseconds(0)).count());
}
RunKillOrder run_kill_order(ByteReader& in) {
  RunKillOrder m;
  m.run = in.text();
  m.order.status = in.choice(domain::RunStatus::Refused);
  m.order.reason = in.choice(domain::Reason::Fenced);
  m.order.actor = in.text();
  const bool has_grace = in.u8() != 0;
  const milliseconds grace(in.i64());
  if (has_grace) m.order.grace = grace;
  return m;
}
FenceOrder fence_order(ByteReader& in) {
  FenceOrder m;
  m.run = in.text();
  m.deadline = mono(in);
  return m;
}

void fields(const Condition& m, ByteWriter& out) {
  out.u8(m.journal_full);
  out.text(m.text);
  out.u32(m.room.runs_max);
  out.text(m.room.limit);
}
Condition condition(ByteReader& in) {
  Condition m;
  m.journal_full = in.u8() != 0;
  m.text = in.text();
  m.room.runs_max = in.u32();
  m.room.limit = in.text();
  return m;
}
void fields(const StartedReport& m, ByteWriter& out) {
  out.text(m.run);
  out.u32(static_cast<std::uint32_t>(m.pid));
  out.i64(ticks(m.started_at));
}
StartedReport started(ByteReader& in) {
  StartedReport m;
  m.run = in.text();
  m.pid = static_cast<int>(in.u32());
  m.started_at = wall(in);
  return m;
}
void fields(const StartFailedReport& m, ByteWriter& out) {
  out.text(m.run);
  out.u8(static_cast<std::uint8_t>(m.why));
  out.text(m.error);
}
StartFailedReport start_failed(ByteReader& in) {
  StartFailedReport m;
  m.run = in.text();
  m.why = in.choice(NotStarted::Stopped);
  m.error = in.text();
  return m;
}
void fields(const OutputReport& m, ByteWriter& out) {
  out.text(m.run);
  out.u64(m.sequence);
  out.u64(m.offset);
  out.u8(static_cast<std::uint8_t>(m.stream));
  out.i64(ticks(m.written_at));
  out.text(m.bytes);
}
OutputReport output(ByteReader& in) {
  OutputReport m;
  m.run = in.text();
  m.sequence = in.u64();
  m.offset = in.u64();
  m.stream = in.choice(domain::OutputChunk::Stream::Err);
  if (m.stream != domain::OutputChunk::Stream::Out && m.stream != domain::OutputChunk::Stream::Err) in.refuse();
  m.written_at = wall(in);
  m.bytes = in.text();
  return m;
}
void fields(const EndedReport& m, ByteWriter& out) {
  const domain::RunEnd& end = m.end;
  out.text(m.run);
  out.u8(static_cast<std::uint8_t>(end.status));
  out.u8(static_cast<std::uint8_t>(end.reason));
  put(end.exit_code, out);
  put(end.signal, out);
  out.text(end.error);
  out.text(end.actor);
  out.i64(ticks(end.started_at));
  out.i64(ticks(end.ended_at));
  out.u64(end.output_bytes);
  out.u64(end.output_bytes_dropped);
  out.i64(end.usage.cpu_user.count());
  out.i64(end.usage.cpu_system.count());
  out.u64(end.usage.memory_bytes_peak);
}
EndedReport ended(ByteReader& in) {
  EndedReport m;
  domain::RunEnd& end = m.end;
  m.run = in.text();
  end.status = in.choice(domain::RunStatus::Refused);
  end.reason = in.choice(domain::Reason::Fenced);
  end.exit_code = maybe_int(in);
  end.signal = maybe_int(in);
  end.error = in.text();
  end.actor = in.text();
  end.started_at = wall(in);
  end.ended_at = wall(in);
  end.output_bytes = in.u64();
  end.output_bytes_dropped = in.u64();
  end.usage.cpu_user = microseconds(in.i64());
  end.usage.cpu_system = microseconds(in.i64());
  end.usage.memory_bytes_peak = in.u64();
  return m;
}

// A frame: the length is filled in once the fields are written.
template <typename Message>
void frame(const Message& message, std::string& to) {
  const std::size_t begin = to.size();
  ByteWriter out(to);
  out.u32(0);
  out.u8(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { fields(m, out); }, message);
  const std::size_t length = to.size() - begin - 4;
  for (std::size_t i = 0; i < 4; ++i) to[begin + i] = static_cast<char>(length >> (8 * i));
}

}  // namespace

void encode(const ToRunner& message, std::string& to) { frame(message, to); }
void encode(const FromRunner& message, std::string& to) { frame(message, to); }

Result<ToRunner> decode_to_runner(std::string_view bytes) {
  ByteReader in(bytes);
  ToRunner message;
  const unsigned type = in.u8();
  switch (type) {
    case 0: message = configure(in); break;
    case 1: message = start_order(in); break;
    case 2: message = CancelOrder{std::string(in.text())}; break;
    case 3: message = run_kill_order(in); break;
    case 4: message = fence_order(in); break;
    case 5: message = AcknowledgeOrder{std::string(in.text())}; break;
    case 6: message = StopOrder{milliseconds(in.i64())}; break;
    default: in.refuse();
  }
  if (!in.done())
    return fail(Code::Corrupt, "message of type {} to the runner: {} bytes do not fit", type, bytes.size());
  return message;
}

Result<FromRunner> decode_from_runner(std::string_view bytes) {
  const unsigned type = bytes.empty() ? 255u : static_cast<unsigned char>(bytes[0]);
  auto message = decode_fields(type, bytes.empty() ? bytes : bytes.substr(1));
  if (!message)
    return fail(Code::Corrupt, "message of type {} from the runner: {} bytes do not fit", type, bytes.size());
  return std::move(*message);
}

std::optional<FromRunner> decode_fields(std::size_t type, std::string_view bytes) {
  ByteReader in(bytes);
  FromRunner message;
  switch (type) {
    case 0: message = condition(in); break;
    case 1: message = started(in); break;
    case 2: message = start_failed(in); break;
    case 3: message = output(in); break;
    case 4: message = ended(in); break;
    default: in.refuse();
  }
  if (!in.done()) return std::nullopt;
  return message;
}

void encode_fields(const StartedReport& report, std::string& to) {
  ByteWriter out(to);
  fields(report, out);
}
void encode_fields(const StartFailedReport& report, std::string& to) {
  ByteWriter out(to);
  fields(report, out);
}
void encode_fields(const EndedReport& report, std::string& to) {
  ByteWriter out(to);
  fields(report, out);
}

void encode_output_head(std::string_view run, const OutputReport& report, std::size_t bytes, std::string& to) {
  ByteWriter out(to);
  out.text(run);
  out.u64(report.sequence);
  out.u64(report.offset);
  out.u8(static_cast<std::uint8_t>(report.stream));
  out.i64(ticks(report.written_at));
  out.u32(static_cast<std::uint32_t>(bytes));
}

void FrameReader::feed(std::string_view bytes) {
  if (used_ == buffer_.size()) {
    buffer_.clear();
    used_ = 0;
  } else if (used_ > 65536) {
    buffer_.erase(0, used_);
    used_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<std::string_view>> FrameReader::next() {
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  if (rest.size() < 4) return std::nullopt;
  const std::uint32_t length = ByteReader(rest).u32();
  if (length == 0 || length > kFrameBytesMax)
    return fail(Code::Corrupt, "frame of {} bytes, expected 1 to {}", length, kFrameBytesMax);
  if (rest.size() < 4 + std::size_t{length}) return std::nullopt;
  used_ += 4 + std::size_t{length};
  return rest.substr(4, length);
}

}  // namespace cronfleet::exec::posix

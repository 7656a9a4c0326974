#include "history/contract.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>
#include <string_view>

#include "domain/job.h"

namespace cronfleet::history {
namespace {

constexpr char kCursorVersion = 1;
constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

WallTime to_whole_ms(WallTime at) { return from_ms(to_ms(at)); }

std::uint64_t fingerprint(std::string_view text) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// All that makes it another query; not the limit, which may change from page to page.
std::uint64_t fingerprint(const RunQuery& query) {
  std::string text;
  const auto add = [&](std::string_view part) { text += fmt::format("{}:{};", part.size(), part); };
  add(query.job ? query.job->text() : "");
  const std::set<domain::RunStatus> statuses(query.statuses.begin(), query.statuses.end());
  for (const domain::RunStatus status : statuses) add(domain::to_string(status));
  add(query.worker ? "worker " + query.worker->text() : "");
  add(query.from ? fmt::format("from {}", to_ms(*query.from)) : "");
  add(query.until ? fmt::format("until {}", to_ms(*query.until)) : "");
  add(query.order == Order::NewestFirst ? "newest" : "oldest");
  return fingerprint(text);
}

void put(std::string& bytes, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
}
std::uint64_t take(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  bytes.remove_prefix(8);
  return value;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) text += kDigits[bits >> (count - 6) & 63];
  }
  if (count > 0) text += kDigits[bits << (6 - count) & 63];
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count);
    }
  }
  return bytes;
}

}  // namespace

WallTime plan_time(const domain::RunRecord& record) {
  const domain::Firing& firing = record.id.firing;
  return to_whole_ms(firing.scheduled() ? firing.instant() : record.scheduled_at);
}

std::optional<std::string> why_refused(const domain::RunRecord& record) {
  if (!domain::is_final(record.end.status))
    return fmt::format("record of run '{}': status {} is not final", record.id.text(),
                       domain::to_string(record.end.status));
  if (const auto id = domain::parse_run_id(record.id.text()); !id) return id.error().message();
  if (record.range_count == 0) return fmt::format("record of run '{}': a range of 0 firings", record.id.text());
  const std::size_t bytes = record.command.size() + record.output.size() + record.end.error.size() +
                            record.end.actor.size() + record.triggered_by.size() + record.worker.text().size();
  if (bytes > kRecordBytesMax)
    return fmt::format("record of run '{}': {} bytes of text, at most {} can be kept", record.id.text(), bytes,
                       kRecordBytesMax);
  return std::nullopt;
}

std::optional<std::string> why_refused(const domain::OutputChunk& chunk) {
  if (const auto id = domain::parse_run_id(chunk.run.text()); !id) return id.error().message();
  if (chunk.bytes.size() > kChunkBytesMax)
    return fmt::format("output of run '{}': a chunk of {} bytes, at most {} can be kept", chunk.run.text(),
                       chunk.bytes.size(), kChunkBytesMax);
  constexpr auto kMax = static_cast<std::uint64_t>(INT64_MAX);
  if (chunk.sequence > kMax || chunk.offset > kMax - chunk.bytes.size())
    return fmt::format("output of run '{}': sequence {} or offset {} out of range", chunk.run.text(), chunk.sequence,
                       chunk.offset);
  return std::nullopt;
}

std::optional<std::string> why_too_old(const domain::RunRecord& record, const Retention& retention, WallTime now) {
  if (retention.age.count() == 0 || plan_time(record) >= now - retention.age) return std::nullopt;
  return fmt::format("record of run '{}': older than the {} hours for which records are kept", record.id.text(),
                     retention.age.count());
}

domain::RunRecord as_kept(domain::RunRecord record) {
  record.scheduled_at = plan_time(record);
  record.claimed_at = to_whole_ms(record.claimed_at);
  record.end.started_at = to_whole_ms(record.end.started_at);
  record.end.ended_at = to_whole_ms(record.end.ended_at);
  if (record.range_from) record.range_from = to_whole_ms(*record.range_from);
  return record;
}

Result<std::optional<Position>> page_start(const RunQuery& query) {
  if (query.limit < 1 || query.limit > kPageMax)
    return fail(Code::InvalidArgument, "limit {}: expected 1 to {}", query.limit, kPageMax);
  if (query.cursor.empty()) return std::nullopt;
  const auto refuse = [&] {
    return fail(Code::InvalidArgument, "cursor '{}': expected the next_cursor of a page of runs", query.cursor);
  };
  const auto bytes = decode_base64(query.cursor);
  // version, filters, moment, run id, checksum
  if (!bytes || bytes->size() < 1 + 8 + 8 + 8 || bytes->front() != kCursorVersion ||
      encode_base64(*bytes) != query.cursor)
    return refuse();
  std::string_view rest = *bytes, checksum = rest.substr(rest.size() - 8);
  rest.remove_suffix(8);
  if (take(checksum) != fingerprint(rest)) return refuse();
  rest.remove_prefix(1);
  if (take(rest) != fingerprint(query))
    return fail(Code::InvalidArgument, "cursor '{}' belongs to a query with other filters or another order",
                query.cursor);
  const auto at = static_cast<std::int64_t>(take(rest));
  auto run = domain::parse_run_id(rest);
  if (!run) return refuse();
  return Position{from_ms(at), std::move(*run)};
}

std::string cursor_after(const RunQuery& query, const Position& last) {
  std::string bytes(1, kCursorVersion);
  put(bytes, fingerprint(query));
  put(bytes, static_cast<std::uint64_t>(to_ms(last.at)));
  bytes += last.run.text();
  put(bytes, fingerprint(bytes));
  return encode_base64(bytes);
}

}  // namespace cronfleet::history

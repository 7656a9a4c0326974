// tests/conformance/run_samples.h: records and output for tests.
#pragma once

#include <string>
#include <utility>

#include "domain/run.h"

namespace cronfleet::testing {

inline constexpr std::int64_t kFirstSecond = 1'767'225'600;  // 2026-01-01T00:00:00Z

inline domain::RunId run_id(const std::string& job, std::int64_t second, int attempt = 1) {
  return {{JobName(job), from_seconds(kFirstSecond + second)}, attempt};
}
inline domain::RunId request_id(const std::string& job, const std::string& request, int attempt = 1) {
  return {{JobName(job), domain::RequestId(request)}, attempt};
}

inline domain::RunRecord record_of(domain::RunId id, domain::RunStatus status = domain::RunStatus::Succeeded) {
  domain::RunRecord record;
  record.scheduled_at = id.firing.scheduled() ? id.firing.instant() : from_seconds(kFirstSecond);
  record.id = std::move(id);
  record.command = "/usr/local/bin/backup --full";
  record.worker = NodeId("node-1");
  record.end.status = status;
  if (status == domain::RunStatus::Succeeded) record.end.exit_code = 0;
  record.claimed_at = record.scheduled_at - Millis(20);
  record.end.started_at = record.scheduled_at + Millis(1);
  record.end.ended_at = record.scheduled_at + Millis(1500);
  return record;
}

inline domain::OutputChunk chunk_of(domain::RunId run, std::uint64_t sequence, std::uint64_t offset,
                                    std::string bytes) {
  domain::OutputChunk chunk;
  chunk.run = std::move(run);
  chunk.sequence = sequence;
  chunk.offset = offset;
  chunk.written_at = from_seconds(kFirstSecond);
  chunk.bytes = std::move(bytes);
  return chunk;
}

}  // namespace cronfleet::testing

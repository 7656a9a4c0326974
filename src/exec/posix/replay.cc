#include "exec/posix/replay.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "exec/posix/bytes.h"
#include "exec/posix/journal_frames.h"
#include "exec/posix/messages.h"
#include "exec/posix/output.h"

namespace cronfleet::exec::posix {
namespace {

// Where the frames of a run end, and in which order the runs began.
struct Extent {
  std::size_t order = 0;
  std::uint64_t last = 0;  // segment
  bool acknowledged = false;
};
using Extents = std::unordered_map<RunDigest, Extent, RunDigestHash>;

// What the frames of one run have told so far.
struct Found {
  JournalEntry entry;
  std::size_t order = 0;
  std::map<std::uint64_t, domain::OutputChunk> chunks;
  std::optional<domain::RunEnd> end;
  std::size_t intents = 0, refusals = 0;
  bool refused = false;  // by the last word of it

  // False: the frame cannot be read.
  bool add(std::uint8_t type, std::string_view payload) {
    if (type == kIntent) {
      ++intents;
      refused = false;
      return true;
    }
    auto report = decode_fields(type, payload);
    if (!report) return false;
    if (auto* started = std::get_if<StartedReport>(&*report)) {
      entry.started = Started{entry.run, started->pid, started->started_at};
    } else if (auto* failed = std::get_if<StartFailedReport>(&*report)) {
      refused = failed->why != NotStarted::Frozen;  // that one may have run an instruction
      refusals += refused;
    } else if (auto* chunk = std::get_if<OutputReport>(&*report)) {
      chunks.try_emplace(chunk->sequence, domain::OutputChunk{entry.run, chunk->sequence, chunk->offset, chunk->stream,
                                                              chunk->written_at, std::move(chunk->bytes)});
    } else if (auto* ended = std::get_if<EndedReport>(&*report)) {
      end = std::move(ended->end);
    }
    return true;
  }

  JournalEntry finished() && {
    // It may have been started again after a refusal, and what was carried over stands behind what came later.
    entry.reached_exec = entry.started || end || !refused || intents > refusals;
    for (auto& [sequence, chunk] : chunks) entry.output.push_back(std::move(chunk));
    if (end) {
      const std::uint64_t bytes = end->output_bytes;
      entry.ended = Ended{entry.run, std::move(*end), readable_output(entry.output, bytes)};
    }
    return std::move(entry);
  }
};

// A first reading: which runs there are, where they end, and whether all of it was written since this machine started.
Result<Extents> extents_of(const std::string& folder, const std::vector<std::uint64_t>& numbers,
                           const RunHasher& hasher, bool& same_boot) {
  Extents extents;
  const std::string boot = boot_id();
  for (const std::uint64_t number : numbers) {
    const auto bytes = read_segment(folder + "/" + segment_name(number));
    if (!bytes) return Failure(bytes.error());
    const auto take = [&](std::uint8_t type, std::string_view payload, std::string_view) {
      ByteReader in(payload);
      const std::string_view name = in.text();
      if (type == kHeader) {
        if (in.text() != boot) same_boot = false;
        return;
      }
      const auto [at, fresh] = extents.try_emplace(hasher.of(name));
      if (fresh) at->second.order = extents.size();
      at->second.last = number;
      if (type == kAcknowledged) at->second.acknowledged = true;
    };
    std::string damage;  // the second reading tells of it
    for_each_frame(*bytes, take, damage);
  }
  return extents;
}

}  // namespace

Result<JournalFindings> replay(const std::string& folder, const TakeEntry& take) {
  const auto numbers = segment_numbers(folder);
  if (!numbers) return Failure(numbers.error());
  JournalFindings findings;
  findings.same_boot = !numbers->empty();
  const RunHasher hasher;
  const auto extents = extents_of(folder, *numbers, hasher, findings.same_boot);
  if (!extents) return Failure(extents.error());
  std::unordered_map<RunDigest, Found, RunDigestHash> held;
  for (const std::uint64_t number : *numbers) {
    const std::string path = folder + "/" + segment_name(number);
    const auto bytes = read_segment(path);
    if (!bytes) return Failure(bytes.error());
    std::string damage;
    const auto take_frame = [&](std::uint8_t type, std::string_view payload, std::string_view) {
      if (type == kHeader || type == kAcknowledged) return;
      const std::string_view name = run_of(payload);
      const RunDigest digest = hasher.of(name);
      const auto extent = extents->find(digest);
      if (extent == extents->end() || extent->second.acknowledged) return;
      const auto [at, fresh] = held.try_emplace(digest);
      if (fresh) {
        at->second.order = extent->second.order;
        if (auto id = domain::parse_run_id(name))
          at->second.entry.run = std::move(*id);
        else
          damage = id.error().message();
      }
      if (!at->second.add(type, payload))
        damage = fmt::format("frame of type {} about '{}' cannot be read", type, name);
    };
    for_each_frame(*bytes, take_frame, damage);
    if (!damage.empty()) findings.damage.push_back(path + ": " + damage);
    findings.held_most = std::max(findings.held_most, held.size());
    std::map<std::size_t, Found> over;
    for (auto it = held.begin(); it != held.end();) {
      if (extents->at(it->first).last != number) {
        ++it;
        continue;
      }
      if (!it->second.entry.run.firing.job.empty()) over.emplace(it->second.order, std::move(it->second));
      it = held.erase(it);
    }
    for (auto& [order, run] : over) take(std::move(run).finished());
  }
  return findings;
}

Result<JournalReplay> replay(const std::string& folder) {
  return collected([&](const TakeEntry& take) { return replay(folder, take); });
}

Result<JournalReplay> collected(const std::function<Result<JournalFindings>(const TakeEntry& take)>& read) {
  JournalReplay all;
  auto findings = read([&](JournalEntry entry) { all.entries.push_back(std::move(entry)); });
  if (!findings) return Failure(findings.error());
  static_cast<JournalFindings&>(all) = std::move(*findings);
  return all;
}

}  // namespace cronfleet::exec::posix

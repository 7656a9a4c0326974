#include "core/shelved.h"

#include <algorithm>

#include "core/rank.h"

namespace cronfleet::core {
namespace {

// Only this process reads it, so there are no versions.
class Writer {
 public:
  void number(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_.push_back(static_cast<char>(value >> shift));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After the first thing that does not fit every answer is zero or empty, and done() false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number() {
    if (rest_.size() < 8) return refuse();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    rest_.remove_prefix(8);
    return value;
  }
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) return refuse(), std::string_view();
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t refuse() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

void write_output(Writer& out, const RunOutput& output) {
  out.text(output.text);
  for (const domain::OutputChunk& chunk : output.chunks) {
    out.number(chunk.sequence);
    out.number(chunk.offset);
    out.number(static_cast<std::uint64_t>(chunk.stream));
    out.number(static_cast<std::uint64_t>(chunk.written_at.time_since_epoch().count()));
    out.text(chunk.bytes);
  }
}

// Up to the end.
RunOutput read_output(Reader& in, const domain::RunId& run) {
  RunOutput output;
  output.text = in.text();
  while (in.ok() && !in.done()) {
    domain::OutputChunk chunk;
    chunk.run = run;
    chunk.sequence = in.number();
    chunk.offset = in.number();
    chunk.stream = static_cast<domain::OutputChunk::Stream>(in.number());
    chunk.written_at = WallTime(WallTime::duration(static_cast<std::int64_t>(in.number())));
    chunk.bytes = in.text();
    output.chunks.push_back(std::move(chunk));
  }
  return output;
}

constexpr std::uint64_t kExecuted = 1, kKillOrder = 2, kKeyGone = 4, kFormer = 8;

}  // namespace

std::string encode(const Shelved& shelved) {
  Writer out;
  out.number((shelved.executed ? kExecuted : 0) | (shelved.kill_order ? kKillOrder : 0) |
             (shelved.key_gone ? kKeyGone : 0) | (shelved.former ? kFormer : 0));
  out.text(encode(shelved.entry));
  out.text(shelved.text);
  write_output(out, shelved.output);
  return out.take();
}

Result<Shelved> decode_shelved(std::string_view bytes) {
  Reader in(bytes);
  Shelved shelved;
  const std::uint64_t flags = in.number();
  shelved.executed = (flags & kExecuted) != 0;
  shelved.kill_order = (flags & kKillOrder) != 0;
  shelved.key_gone = (flags & kKeyGone) != 0;
  shelved.former = (flags & kFormer) != 0;
  auto entry = decode_running(in.text());
  if (!entry) return Failure(entry.error().with("reading a run from the shelf"));
  shelved.entry = std::move(*entry);
  shelved.text = in.text();
  shelved.output = read_output(in, shelved.entry.run);
  if (!in.done())
    return fail(Code::Corrupt, "reading run '{}' from the shelf: it is cut short", shelved.entry.run.text());
  return shelved;
}

std::string encode(const RunOutput& output) {
  Writer out;
  write_output(out, output);
  return out.take();
}

Result<RunOutput> decode_output(const domain::RunId& run, std::string_view bytes) {
  Reader in(bytes);
  RunOutput output = read_output(in, run);
  if (!in.done()) return fail(Code::Corrupt, "reading the output of run '{}' back: it is cut short", run.text());
  return output;
}

void RunDigests::insert(const domain::RunId& run) {
  if (buckets_.empty()) buckets_.resize(kBuckets);
  const Digest added = digest(run.text());
  buckets_[added.first % kBuckets].push_back(added);
  ++size_;
}

void RunDigests::erase(const domain::RunId& run) {
  if (size_ == 0) return;
  const Digest gone = digest(run.text());
  std::vector<Digest>& bucket = buckets_[gone.first % kBuckets];
  const auto found = std::ranges::find(bucket, gone);
  if (found == bucket.end()) return;
  *found = bucket.back();
  bucket.pop_back();
  if (--size_ == 0) clear();
}

bool RunDigests::contains(std::string_view run) const {
  if (size_ == 0) return false;
  const Digest wanted = digest(run);
  const std::vector<Digest>& bucket = buckets_[wanted.first % kBuckets];
  return std::ranges::find(bucket, wanted) != bucket.end();
}

RunDigests::Digest RunDigests::digest(std::string_view run) {
  static const RankHash first("first"), second("second");
  return {first.of(run), second.of(run)};
}

}  // namespace cronfleet::core

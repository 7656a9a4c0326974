#include "api/output_stream.h"

#include <algorithm>

#include "api/base64.h"
#include "base/utf8.h"
#include "domain/json_writer.h"
#include "domain/run_json.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
// What a run writes is in the history 150 ms later (chunks close after 100, wait for company for 50): with the longest
// pause a follower reads it within 300, however long the run was silent before.
constexpr std::chrono::milliseconds kPauseLeast{25}, kPauseMost{100}, kPauseInTrouble{1'000};

class OutputStream final : public BodyStream {
 public:
  OutputStream(RunCatalogue& runs, domain::RunId run, std::uint64_t from, OutputForm form, Follow follow)
      : runs_(runs), run_(std::move(run)), offset_(from), form_(form), follow_(follow) {}

  Piece next() override {
    const auto slice = runs_.output(run_, offset_, kPieceBytes);
    if (!slice) return {.bytes = {}, .then = Piece::Then::Wait, .pause = kPauseInTrouble};
    Piece piece{.bytes = {}, .then = Piece::Then::More};
    for (const domain::OutputChunk& chunk : slice->chunks) append(chunk, piece.bytes);
    if (!piece.bytes.empty()) {
      pause_ = kPauseLeast;
      return piece;
    }
    if (follow_ == Follow::No) return {};
    if (over_) return {.bytes = form_ == OutputForm::Events ? end_event() : "", .then = Piece::Then::End};
    // The output of a run is stored before its record: once the record is there, one more look finds all that is left.
    auto record = runs_.recorded(run_);
    if (record) {
      over_ = *std::move(record);
      return piece;
    }
    pause_ = std::min(pause_ * 2, kPauseMost);
    return {.bytes = {}, .then = Piece::Then::Wait, .pause = pause_};
  }

 private:
  void append(domain::OutputChunk chunk, std::string& out) {
    if (!begin_at(chunk, offset_)) return;
    if (chunk.offset > offset_) append_gap(chunk.offset - offset_, out);
    offset_ = chunk.offset + chunk.bytes.size();
    if (form_ == OutputForm::Raw) {
      out += chunk.bytes;
      return;
    }
    domain::JsonWriter json;
    write_chunk(json, chunk);
    out += form_ == OutputForm::Lines ? json.take() + "\n"
                                      : fmt::format("event: output\nid: {}\ndata: {}\n\n", offset_, json.take());
  }
  void append_gap(std::uint64_t bytes, std::string& out) {
    if (form_ == OutputForm::Lines) return;
    out += form_ == OutputForm::Raw ? fmt::format("\n[{} bytes not kept]\n", bytes)
                                    : fmt::format("event: gap\ndata: {{\"bytes\":{}}}\n\n", bytes);
  }
  std::string end_event() const {
    domain::RunRecord record = *over_;
    record.output.clear();
    return fmt::format("event: end\ndata: {}\n\n", domain::encode_run(record));
  }

  RunCatalogue& runs_;
  const domain::RunId run_;
  std::uint64_t offset_;
  const OutputForm form_;
  const Follow follow_;
  std::chrono::milliseconds pause_ = kPauseLeast;
  std::optional<domain::RunRecord> over_;
};

}  // namespace

bool begin_at(domain::OutputChunk& chunk, std::uint64_t from) {
  if (chunk.offset + chunk.bytes.size() <= from) return false;
  if (chunk.offset < from) {
    chunk.bytes.erase(0, from - chunk.offset);
    chunk.offset = from;
  }
  return true;
}

std::unique_ptr<BodyStream> output_stream(RunCatalogue& runs, domain::RunId run, std::uint64_t from, OutputForm form,
                                          Follow follow) {
  return std::make_unique<OutputStream>(runs, std::move(run), from, form, follow);
}

namespace {

// Hands the raw form to `take`, piece by piece, until that is false.
template <typename Take>
std::optional<Problem> walk(RunCatalogue& runs, const domain::RunId& run, std::uint64_t from, Take take) {
  OutputStream stream(runs, run, from, OutputForm::Raw, Follow::No);
  for (;;) {
    BodyStream::Piece piece = stream.next();
    if (piece.then == BodyStream::Piece::Then::Wait)
      return Problem{.status = 503,
                     .code = "history_away",
                     .detail = "the history does not answer",
                     .retry_after = std::chrono::seconds(2)};
    if (!take(piece.bytes) || piece.then == BodyStream::Piece::Then::End) return std::nullopt;
  }
}

}  // namespace

Outcome<std::uint64_t> raw_output_bytes(RunCatalogue& runs, const domain::RunId& run) {
  std::uint64_t bytes = 0;
  auto problem = walk(runs, run, 0, [&](const std::string& piece) {
    bytes += piece.size();
    return true;
  });
  if (problem) return Refusal(*std::move(problem));
  return bytes;
}

Outcome<std::string> raw_output_slice(RunCatalogue& runs, const domain::RunId& run, std::uint64_t offset,
                                      std::uint64_t length, Offsets offsets) {
  std::string slice;
  const std::uint64_t from = offsets == Offsets::OfTheRun ? offset : 0;
  std::uint64_t at = from;
  auto problem = walk(runs, run, from, [&](const std::string& piece) {
    const std::uint64_t begin = std::max(at, offset), end = std::min(at + piece.size(), offset + length);
    if (begin < end) slice.append(piece, begin - at, end - begin);
    at += piece.size();
    return at < offset + length;
  });
  if (problem) return Refusal(*std::move(problem));
  return slice;
}

void write_chunk(domain::JsonWriter& json, const domain::OutputChunk& chunk) {
  json.object([&] {
    json.member("offset", chunk.offset);
    json.member("stream", chunk.stream == domain::OutputChunk::Stream::Err ? "stderr" : "stdout");
    json.member("written_at", to_rfc3339_ms(chunk.written_at));
    if (is_utf8(chunk.bytes)) {
      json.member("text", chunk.bytes);
    } else {
      json.member("base64", to_base64(chunk.bytes));
    }
  });
}

}  // namespace cronfleet::api

// Any bytes are a record, a piece of output, or neither; what was read is written so that it reads back the same. Bytes
// are taken as they are, and as places at which whole documents are damaged.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "history/contract.h"
#include "history/mongo/record_codec.h"

namespace {

using namespace cronfleet;

void read(std::string_view bson) {
  if (const auto record = history::mongo::decode_record(bson)) {
    // The reference's records are ours once they are written again.
    const auto written = history::mongo::encode(history::as_kept(*record));
    const auto again = history::mongo::decode_record(written.bytes());
    CHECK(again && again->id == record->id && again->scheduled_at == record->scheduled_at);
    CHECK(history::mongo::encode(*again).bytes() == written.bytes());
  }
  if (const auto chunk = history::mongo::decode_chunk(bson)) {
    const auto written = history::mongo::encode(*chunk);
    const auto again = history::mongo::decode_chunk(written.bytes());
    CHECK(again && history::mongo::encode(*again).bytes() == written.bytes());
  }
}

std::string whole_record() {
  domain::RunRecord record;
  record.id = {{JobName("a"), from_seconds(1'767'225'600)}, 1};
  record.command = "true";
  record.end.status = domain::RunStatus::Failed;
  record.end.reason = domain::Reason::Fenced;
  record.end.exit_code = 3;
  record.end.signal = 9;
  record.end.actor = "ann";
  record.end.usage = {std::chrono::microseconds(1), std::chrono::microseconds(2), 3};
  record.end.output_bytes_dropped = 1;
  record.range_from = from_seconds(1);
  record.triggered_by = "ann";
  return std::string(history::mongo::encode(history::as_kept(record)).bytes());
}
std::string reference_record() {
  history::mongo::Document row;
  row.object_id("_id", "507f1f77bcf86cd799439011").text("jobName", "a").text("err", "exit status 1");
  row.number("expectTime", 1).number("realityTime", 2).number("startTime", 3).number("endTime", 4);
  return std::string(row.bytes());
}
std::string whole_chunk() {
  domain::OutputChunk chunk;
  chunk.run = {{JobName("a"), domain::RequestId("r-1")}, 2};
  chunk.bytes = "text";
  return std::string(history::mongo::encode(chunk).bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read({reinterpret_cast<const char*>(data), size});
  static const std::string kWhole[] = {whole_record(), reference_record(), whole_chunk()};
  for (std::string damaged : kWhole) {
    for (std::size_t i = 0; i + 3 <= size; i += 3) {
      const std::size_t at = (data[i] | static_cast<std::size_t>(data[i + 1]) << 8) % damaged.size();
      damaged[at] = static_cast<char>(data[i + 2]);
    }
    read(damaged);
  }
  return 0;
}

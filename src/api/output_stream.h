// api/output_stream.h: the output of one run as a body: all that there is, or followed until the run is over.
#pragma once

#include <memory>

#include "api/run_catalogue.h"
#include "domain/json_writer.h"

namespace cronfleet::api {

enum class OutputForm {
  // The bytes as they were written; where some were not kept, a line says how many.
  Raw,
  // Server-sent events: "output" with a chunk as JSON (write_chunk) and the next offset as its id, "gap" with the
  // number of bytes not kept, at last "end" with the run as JSON.
  Events,
  // NDJSON: each chunk as JSON (write_chunk) in a line; its offset tells what was not kept before it.
  Lines,
};
enum class Follow { No, Yes };

// `runs` is borrowed and outlives the stream.
std::unique_ptr<BodyStream> output_stream(RunCatalogue& runs, domain::RunId run, std::uint64_t from, OutputForm form,
                                          Follow follow);

// How many bytes the raw form has as it stands: what is kept, and the lines in place of what is not.
Outcome<std::uint64_t> raw_output_bytes(RunCatalogue& runs, const domain::RunId& run);
// `length` bytes of the raw form from `offset`; fewer where it ends before. OfTheRun: where nothing is left out before
// `offset`, the two are the same and what stands before is not read.
enum class Offsets { OfTheRawForm, OfTheRun };
Outcome<std::string> raw_output_slice(RunCatalogue& runs, const domain::RunId& run, std::uint64_t offset,
                                      std::uint64_t length, Offsets offsets);

// Takes away what stands before `from`; false where that is all of it. The history answers whole chunks.
bool begin_at(domain::OutputChunk& chunk, std::uint64_t from);

// {"offset":0,"stream":"stdout","written_at":"…","text":"…"}, "base64" in place of "text" where the bytes are no UTF-8.
void write_chunk(domain::JsonWriter& json, const domain::OutputChunk& chunk);

}  // namespace cronfleet::api

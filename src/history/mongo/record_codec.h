// history/mongo/record_codec.h: records and output as the documents that stand in MongoDB (docs/formats.md).
//
// A record has the reference's fields, so that its readers work, and ours beside them. What the reference itself wrote
// (no run id, an ObjectId) decodes as well: its run is named by that id, `backup@oid-507f1f77bcf86cd799439011.1`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "domain/run.h"
#include "history/mongo/document.h"

namespace cronfleet::history::mongo {

// As it is kept (contract.h): call with what as_kept() gave.
Document encode(const domain::RunRecord& record);
Document encode(const domain::OutputChunk& chunk);

// Corrupt: neither of these. `output` is empty where the document has none.
Result<domain::RunRecord> decode_record(std::string_view bson);
Result<domain::OutputChunk> decode_chunk(std::string_view bson);

// The ObjectId, in hex, of a run that the reference recorded; none for ours.
std::optional<std::string> object_id_of(const domain::RunId& run);

}  // namespace cronfleet::history::mongo

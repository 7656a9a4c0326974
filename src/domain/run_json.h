// domain/run_json.h: a run as the API shows it and as its clients read it: snake_case, instants RFC 3339 with
// milliseconds, a field that has nothing to say left out. docs/api.yaml has the same names.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "domain/field_error.h"
#include "domain/json_writer.h"
#include "domain/run.h"

namespace cronfleet::domain {

// Every name that a run has in JSON, in the order in which they are written.
std::vector<std::string_view> run_field_names();

// Only the fields named in `fields`; all of them when it is empty. Names that no field has are passed over: whoever
// takes them from a request checks them against run_field_names().
void write_run(JsonWriter& json, const RunRecord& record, const std::vector<std::string_view>& fields = {});
std::string encode_run(const RunRecord& record, const std::vector<std::string_view>& fields = {});

// Reads what encode_run wrote; `id` and `status` must be there. Fields it does not know are ignored (API-1).
tl::expected<RunRecord, DocumentErrors> decode_run(std::string_view text);

}  // namespace cronfleet::domain

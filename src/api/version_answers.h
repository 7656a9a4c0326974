// api/version_answers.h: older documents of a job, and what changed between two of them, in answers.
#pragma once

#include <string_view>
#include <vector>

#include "base/ids.h"
#include "domain/json_merge.h"
#include "domain/json_writer.h"

namespace cronfleet::api {

// Between two documents as they stand in the store, as their user would see it: without what saves keep for themselves,
// fields at their default left out. One that cannot be read counts as it is, one that is no JSON as a text.
std::vector<domain::JsonChange> changes_between(const JobName& name, std::string_view before, std::string_view after);

// The members "valid" and "job", or "document" where it cannot be read, into the object that is open.
void write_version(domain::JsonWriter& json, const JobName& name, std::string_view document);
// The member "changes".
void write_changes(domain::JsonWriter& json, const std::vector<domain::JsonChange>& changes);

}  // namespace cronfleet::api

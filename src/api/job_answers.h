// api/job_answers.h: jobs in answers and requests, alike for every route that has them.
#pragma once

#include <string>

#include "api/job_catalogue.h"
#include "api/router.h"
#include "api/save_meaning.h"
#include "domain/json_writer.h"

namespace cronfleet::api {

// The parameter {name} of an address. 400 invalid_name.
Outcome<JobName> name_of(const Call& call);
// The body as a job; `name` is what its address says, empty where it says none. 400, 422.
Outcome<domain::Job> job_of(const Request& request, const JobName& name);

// The job as a user would write it: what saves keep for themselves is left out.
std::string document_of(domain::Job job);
// The members of a StoredJob of docs/api.yaml, into the object that is open.
void write_fields(domain::JsonWriter& json, const JobCatalogue& jobs, const StoredJob& stored, WallTime now);
std::string encode(const JobCatalogue& jobs, const StoredJob& stored);
// 200, or 201 where the job was created; 200 for a dry run.
Response answer_saved(const JobCatalogue& jobs, const Saved& saved, const Meaning& meaning, Effect effect);

// 409 where a job of this name stands already: `refused` is what the save said.
Problem job_exists(Problem refused);

}  // namespace cronfleet::api

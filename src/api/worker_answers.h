// api/worker_answers.h: workers and alarms in answers and events, alike for every route that has them.
#pragma once

#include <vector>

#include "api/worker_catalogue.h"
#include "domain/json_writer.h"

namespace cronfleet::api {

// A Worker of docs/api.yaml, as a value.
void write_worker(domain::JsonWriter& json, const WorkerView& view);
// An array of Alarm.
void write_alarms(domain::JsonWriter& json, const std::vector<Alarm>& alarms);

}  // namespace cronfleet::api

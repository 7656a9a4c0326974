// api/worker_answers.h: workers, alarms and stores in answers and events, alike for every route that has them.
#pragma once

#include <string_view>
#include <vector>

#include "api/run_catalogue.h"
#include "api/worker_catalogue.h"
#include "domain/json_writer.h"

namespace cronfleet::api {

// A Worker of docs/api.yaml, as a value.
void write_worker(domain::JsonWriter& json, const WorkerView& view);
// An array of Alarm.
void write_alarms(domain::JsonWriter& json, const std::vector<Alarm>& alarms);
// "ok", "full" (it is read and takes no writes), "down". They ask the store.
std::string_view coordination_state(RunCatalogue& runs, const StoreHealth& health);
std::string_view history_state(RunCatalogue& runs);

}  // namespace cronfleet::api

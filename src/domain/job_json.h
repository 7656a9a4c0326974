// domain/job_json.h: the job document, as users write it, as the API takes it and as it stands under jobs/<name>.
//
// Required: `name`, `schedule` (or its alias `cronExpr`; both only when equal) and `command`, a text for `shell` or an
// array of texts that is executed as it is. The reference's {"name", "command", "cronExpr"} is a valid job. Everything
// else has the default of domain/job.h; an unknown key is refused. Forms: durations "1h30m" or "PT1H30M", instants
// "2026-03-01T02:00:00Z", `umask` "022", `overlap` "forbid" | "allow" | "replace" | {"queue": 5}, `misfire` "run_once"
// | "skip" | {"run_all": 100}, `delivery` "at_most_once" | {"at_least_once": 3}, `retry` {count, delay, factor,
// delay_max, exit_codes}, `where` {"zone": "eu", "disk": ["ssd", "nvme"], "gpu": {"not": "true"}} (domain/where.h),
// `limits` {cpu_seconds, address_space_bytes, open_files, processes, file_size_bytes}. `since`,
// `stamp` and `schedule_set_at` are kept for the saves that set them.
//
// The cron expression and the zone are taken as texts here; domain/compiled_job.h reads them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "domain/field_error.h"
#include "domain/job.h"

namespace cronfleet::domain {

// What a document may hold (SEC-33). Bytes, where nothing else is said.
struct JobLimits {
  static constexpr std::size_t document = 1 << 20;
  static constexpr std::size_t name_characters = 128;
  static constexpr std::size_t command = 64 << 10;  // an array counts each text and one byte more
  static constexpr std::size_t environment_entries = 256;
  static constexpr std::size_t environment = 128 << 10;  // names and values
  static constexpr std::size_t labels = 64;              // entries; values of one condition
  static constexpr std::size_t label = 256;              // a name or a value
  static constexpr std::size_t schedule = 256;
  static constexpr std::size_t shell_texts = 16;
  static constexpr std::size_t exit_codes = 255;
  static constexpr std::size_t word = 256;  // user, owner, time_zone, stamp
  static constexpr std::size_t path = 4095;
  static constexpr std::size_t description = 4096;
};

// Every mistake of the document at once. `named` is the name the document was asked for by (its key, its URL): one that
// says no name gets it, one that says another is refused.
tl::expected<Job, DocumentErrors> decode_job(std::string_view text, const JobName& named = {});

// Keys in a fixed order, fields at their default left out; decode_job reads back an equal job (instants to the ms).
// Instants have the digits of a second that they need, or milliseconds always (API-1).
enum class Instants { Shortest, Milliseconds };
std::string encode_job(const Job& job, Instants instants = Instants::Shortest);

// Every key of the document, aliases included, in the order of the alphabet.
std::vector<std::string_view> job_field_names();

// The command in one line for people: the text itself, or the arguments quoted as a shell would need them.
std::string shown_command(const Job& job);

}  // namespace cronfleet::domain

#include "cli/run_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/follow.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "domain/json_writer.h"
#include "domain/run_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view id) { return "/api/v1/runs/" + api::percent_encode(id); }

CliResult<domain::RunRecord> record_of(std::string_view text) {
  auto record = domain::decode_run(text);
  if (!record)
    return CliFailure({kExitFailure, words("the server's answer is no run: {}", record.error().status().message())});
  return *std::move(record);
}

bool has_run(const domain::RunRecord& record) { return record.end.started_at != WallTime{}; }

// "1.204 s", "12 min 3 s"
std::string duration_text(std::chrono::milliseconds took) {
  if (took < std::chrono::minutes(1)) return words("{}.{:03} s", took.count() / 1000, took.count() % 1000);
  const auto minutes = std::chrono::floor<std::chrono::minutes>(took);
  return words("{} min {} s", minutes.count(), std::chrono::floor<std::chrono::seconds>(took - minutes).count());
}
std::string duration_of(const domain::RunRecord& record) {
  if (!has_run(record) || !domain::is_final(record.end.status)) return "-";
  return duration_text(
      std::chrono::duration_cast<std::chrono::milliseconds>(record.end.ended_at - record.end.started_at));
}
std::string instant(WallTime at) { return at == WallTime{} ? "-" : local_time(to_rfc3339(at)); }
std::string exit_of(const domain::RunRecord& record) {
  if (record.end.signal) return words("signal {}", *record.end.signal);
  if (record.end.exit_code) return std::to_string(*record.end.exit_code);
  return domain::is_final(record.end.status) ? std::string(domain::to_string(record.end.reason)) : "";
}

// A column of what a run's record says.
Column record_column(std::string title, std::function<std::string(const domain::RunRecord&)> shown,
                     std::initializer_list<const char*> path) {
  Column made = column(std::move(title), path);
  made.shown = [shown = std::move(shown)](const json::value& value) {
    const auto record = record_of(json::serialize(value));
    return record ? shown(*record) : std::string("?");
  };
  return made;
}

Colour colour_of(const json::value& run) {
  const std::string status = text_at(run, {"status"});
  if (status == "succeeded") return Colour::Green;
  if (status == "skipped" || status == "running" || status == "claimed" || status == "waiting") return Colour::Yellow;
  return Colour::Red;
}

View run_view() {
  View view{
      .columns = {column("RUN", {"id"}), column("STATUS", {"status"}), record_column("EXIT", exit_of, {"exit_code"}),
                  time_column("SCHEDULED", {"scheduled_at"}), record_column("DURATION", duration_of, {"duration_ms"}),
                  column("WORKER", {"worker"}), column("REASON", {"reason"}), time_column("STARTED", {"started_at"}),
                  time_column("ENDED", {"ended_at"}), column("TRIGGER", {"trigger"}), column("COMMAND", {"command"})},
      .name_path = {"id"}};
  view.columns[1].colour = colour_of;
  for (std::size_t i = 6; i < view.columns.size(); ++i) view.columns[i].wide = true;
  return view;
}

struct ListFilter {
  std::string job, worker, from, until;
  std::vector<std::string> statuses;
  int limit = 20;
};

// An empty list may be one of a name that is mistyped; a job that is gone may still have runs.
void note_emptiness(const Cli& cli, const ListFilter& filter) {
  const auto note_unknown = [&](const char* where, const std::string& name) {
    if (name.empty()) return;
    const auto found = ask_json(cli, {.target = where + api::percent_encode(name)});
    if (!found && found.error().exit_code == kExitNotFound) cli.note(found.error().message);
  };
  if (!cli.settings.output.is_for_people()) return;
  cli.note(words("no runs"));
  note_unknown("/api/v1/jobs/", filter.job);
  note_unknown("/api/v1/workers/", filter.worker);
}

int list(const Cli& cli, const ListFilter& filter) {
  // What cannot be read is for the server, whose sentence has the column.
  const auto from = parse_rfc3339(filter.from), until = parse_rfc3339(filter.until);
  if (from && until && *from >= *until)
    return failed(cli, {kExitUsage, words("--from {} is not before --until {}: nothing lies between them", filter.from,
                                          filter.until)});
  std::string target = words("/api/v1/runs?limit={}", filter.limit);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) target += words("&{}={}", name, api::percent_encode(value));
  };
  add("job", filter.job);
  add("worker", filter.worker);
  add("from", filter.from);
  add("until", filter.until);
  for (const std::string& status : filter.statuses) add("status", status);
  const auto answer = ask_json(cli, {.target = target,
                                     .flags = {{"job", "--job"},
                                               {"worker", "--worker"},
                                               {"from", "--from"},
                                               {"until", "--until"},
                                               {"status", "--status"},
                                               {"limit", "--limit"}}});
  if (!answer) return failed(cli, answer.error());
  print_list(cli, *answer, run_view());
  note_staleness(cli, *answer);
  if (array_at(*answer, "items").empty()) note_emptiness(cli, filter);
  return kExitOk;
}

int logs(const Cli& cli, const std::string& id, bool follow, bool raw) {
  const Escapes escapes = raw ? Escapes::All : Escapes::ColourOnly;
  if (follow) {
    const auto record = follow_run(cli, id, Streams::Together, escapes, OnInterrupt::Detach);
    if (!record) return failed(cli, record.error());
    cli.note(sentence_of(*record));
    return kExitOk;
  }
  OutputFilter filter;
  const auto answer = cli.stream({.target = address_of(id) + "/output", .headers = {{"Accept", "text/plain"}}},
                                 std::chrono::seconds(60), [&](std::string_view bytes) {
                                   cli.print(escapes == Escapes::All ? std::string(bytes) : filter.filter(bytes));
                                   return std::ferror(cli.io.out) == 0;
                                 });
  if (!answer) return failed(cli, error_of(answer.error()));
  return answer->status == 200 ? static_cast<int>(kExitOk) : failed(cli, error_of(*answer));
}

int wait(const Cli& cli, const std::string& id) {
  const auto record = follow_run(cli, id, Streams::None, Escapes::All, OnInterrupt::Detach);
  if (!record) {
    const int exit_code = failed(cli, record.error());
    return exit_code == kExitInterrupted ? exit_code : kExitWaitFailed;
  }
  if (cli.settings.output.is_for_people()) {
    cli.note(sentence_of(*record));
  } else {
    show_run(cli, record->id.text());
  }
  return exit_code_of(*record);
}

int kill(const Cli& cli, const std::vector<std::string>& ids, const std::string& reason, const std::string& grace) {
  return for_each(cli, ids, [&](const std::string& id) -> CliResult<void> {
    domain::JsonWriter body;
    body.object([&] {
      if (!reason.empty()) body.member("reason", reason);
      if (!grace.empty()) body.member("grace", grace);
    });
    const auto answer = ask_json_again(cli, {.method = "POST",
                                             .target = address_of(id) + ":kill",
                                             .body = body.take(),
                                             .flags = {{"/reason", "--reason"}, {"/grace", "--grace"}}});
    if (!answer) return CliFailure(answer.error());
    print_change(cli, *answer, id, words("run '{}' is being ended", visible(id)));
    return {};
  });
}

struct Flags {
  ClientOptions client;
  ListFilter filter;
  std::string id, reason, grace;
  std::vector<std::string> ids;
  bool follow = false, raw = false;
};

}  // namespace

int show_run(const Cli& cli, const std::string& id) {
  const auto answer = cli.ask({.target = address_of(id)});
  if (!answer) return failed(cli, answer.error());
  const auto record = record_of(answer->body);
  if (!record) return failed(cli, record.error());
  const auto value = parse_answer(*answer);
  if (!value) return failed(cli, value.error());
  const Details details{
      {"RUN", record->id.text()},
      {"STATUS", std::string(domain::to_string(record->end.status))},
      {"REASON", std::string(domain::to_string(record->end.reason))},
      {"EXIT", exit_of(*record)},
      {"ERROR", record->end.error},
      {"COMMAND", record->command},
      {"SCHEDULED", instant(record->scheduled_at)},
      {"STARTED", has_run(*record) ? instant(record->end.started_at) : "-"},
      {"ENDED", domain::is_final(record->end.status) ? instant(record->end.ended_at) : "-"},
      {"DURATION", duration_of(*record)},
      {"TRIGGER", std::string(domain::to_string(record->trigger)) +
                      (record->triggered_by.empty() ? "" : " by " + record->triggered_by)},
      {"KILLED BY", record->end.actor},
      {"WORKER", record->worker.text()},
      {"OUTPUT", words("{} bytes, {} of them not kept", record->end.output_bytes, record->end.output_bytes_dropped)}};
  print_object(cli, *value, run_view(), details);
  return kExitOk;
}

void add_run_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* run = app.add_subcommand("run", "Runs: list, get, logs, wait, kill");
  run->require_subcommand(1);
  run->footer("Examples and options: cronfleet run VERB --help");
  const Verbs verbs(*run, io, {flags, &flags->client}, exit_code);

  CLI::App* list_verb = verbs.add("list", "List runs: what runs now, then what is over, newest first",
                                  "Examples:\n"
                                  "  cronfleet run list\n"
                                  "  cronfleet run list --job nightly --status failed,lost\n"
                                  "  cronfleet run list --from 2026-03-01T00:00:00Z --limit 100 -o json",
                                  {"GET /api/v1/runs"}, [flags](const Cli& cli) { return list(cli, flags->filter); });
  list_verb->add_option("--job", flags->filter.job, "only runs of this job")->type_name("JOB");
  list_verb->add_option("--status", flags->filter.statuses, "only these: running, succeeded, failed, killed, …")
      ->delimiter(',')
      ->type_name("STATUS");
  list_verb->add_option("--worker", flags->filter.worker, "only on this worker")->type_name("WORKER");
  list_verb->add_option("--from", flags->filter.from, "scheduled at or after this RFC 3339 time")->type_name("TIME");
  list_verb->add_option("--until", flags->filter.until, "scheduled before this RFC 3339 time")->type_name("TIME");
  list_verb->add_option("-n,--limit", flags->filter.limit, "at most so many that are over (20)")
      ->check(whole_number(1, 500, "; for older ones ask again with --until"))
      ->type_name("COUNT");

  CLI::App* get_verb =
      verbs.add("get", "Show one run",
                "Examples:\n"
                "  cronfleet run get nightly@2026-03-01T02:00:00Z.1\n"
                "  cronfleet run get nightly@2026-03-01T02:00:00Z.1 -o json\n"
                "  cronfleet run get nightly@2026-03-01T02:00:00Z.1 -o 'template={status} on {worker}'",
                {"GET /api/v1/runs/{id}"}, [flags](const Cli& cli) { return show_run(cli, flags->id); });
  get_verb->add_option("id", flags->id, "its id")->required()->type_name("RUN");

  CLI::App* logs_verb =
      verbs.add("logs", "Print the output of a run",
                "Of escape sequences only colours pass; --raw lets everything through.\n"
                "Examples:\n"
                "  cronfleet run logs nightly@2026-03-01T02:00:00Z.1\n"
                "  cronfleet run logs -f nightly@2026-03-01T02:00:00Z.1\n"
                "  cronfleet run logs --raw nightly@2026-03-01T02:00:00Z.1 > output.bin",
                {}, [flags](const Cli& cli) { return logs(cli, flags->id, flags->follow, flags->raw); });
  logs_verb->add_option("id", flags->id, "its id")->required()->type_name("RUN");
  logs_verb->add_flag("-f,--follow", flags->follow, "go on until the run is over");
  logs_verb->add_flag("--raw", flags->raw, "the bytes as they are");

  verbs
      .add("wait", "Wait until a run is over, and end with its exit code",
           "Ends as job run --wait does: with the job's own code, 128 + n for signal n, 125 when it never ran.\n"
           "Examples:\n"
           "  cronfleet run wait nightly@2026-03-01T02:00:00Z.1\n"
           "  id=$(cronfleet job run nightly -o name); cronfleet run wait \"$id\"\n"
           "  cronfleet run wait -o json nightly@2026-03-01T02:00:00Z.1",
           {"GET /api/v1/runs/{id}"}, [flags](const Cli& cli) { return wait(cli, flags->id); })
      ->add_option("id", flags->id, "its id")
      ->required()
      ->type_name("RUN");

  CLI::App* kill_verb =
      verbs.add("kill", "End a run: TERM, then after the grace KILL to everything it started",
                "Examples:\n"
                "  cronfleet run kill nightly@2026-03-01T02:00:00Z.1\n"
                "  cronfleet run kill --grace 0s --reason stuck nightly@2026-03-01T02:00:00Z.1\n"
                "  cronfleet run list --job nightly --status running -o name | xargs -r -d '\\n' cronfleet run kill",
                {"POST /api/v1/runs/{id}:kill"},
                [flags](const Cli& cli) { return kill(cli, flags->ids, flags->reason, flags->grace); });
  kill_verb->add_option("ids", flags->ids, "their ids")->required()->type_name("RUN");
  kill_verb->add_option("--reason", flags->reason, "why, for the record")->type_name("TEXT");
  kill_verb->add_option("--grace", flags->grace, "time between TERM and KILL, as 10s; the job's own when absent")
      ->type_name("DURATION");
}

}  // namespace cronfleet::cli

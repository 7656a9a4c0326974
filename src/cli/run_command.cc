#include "cli/run_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/follow.h"
#include "cli/terminal.h"
#include "domain/json_writer.h"
#include "domain/run_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view id) { return "/api/v1/runs/" + api::percent_encode(id); }

CliResult<domain::RunRecord> record_of(std::string_view text) {
  auto record = domain::decode_run(text);
  if (!record) return CliFailure({kExitFailure, "the server's answer is no run: " + record.error().status().message()});
  return *std::move(record);
}

bool has_run(const domain::RunRecord& record) { return record.end.started_at != WallTime{}; }

// "1.204 s", "12 min 3 s"
std::string duration_text(std::chrono::milliseconds took) {
  if (took < std::chrono::minutes(1)) return fmt::format("{}.{:03} s", took.count() / 1000, took.count() % 1000);
  const auto minutes = std::chrono::floor<std::chrono::minutes>(took);
  return fmt::format("{} min {} s", minutes.count(), std::chrono::floor<std::chrono::seconds>(took - minutes).count());
}
std::string duration_of(const domain::RunRecord& record) {
  if (!has_run(record) || !domain::is_final(record.end.status)) return "-";
  return duration_text(
      std::chrono::duration_cast<std::chrono::milliseconds>(record.end.ended_at - record.end.started_at));
}
std::string instant(WallTime at) { return at == WallTime{} ? "-" : local_time(to_rfc3339(at)); }
std::string exit_of(const domain::RunRecord& record) {
  if (record.end.signal) return fmt::format("signal {}", *record.end.signal);
  if (record.end.exit_code) return std::to_string(*record.end.exit_code);
  return domain::is_final(record.end.status) ? std::string(domain::to_string(record.end.reason)) : "";
}

struct ListFilter {
  std::string job, worker, from, until;
  std::vector<std::string> statuses;
  int limit = 20;
};

int list(const Cli& cli, const ListFilter& filter) {
  std::string target = fmt::format("/api/v1/runs?limit={}", filter.limit);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) target += fmt::format("&{}={}", name, api::percent_encode(value));
  };
  add("job", filter.job);
  add("worker", filter.worker);
  add("from", filter.from);
  add("until", filter.until);
  for (const std::string& status : filter.statuses) add("status", status);
  const auto answer = cli.ask({.target = target});
  if (!answer) return failed(cli, answer.error());
  if (cli.options.output == "json") {
    cli.print(answer->body + "\n");
    return kExitOk;
  }
  json::error_code no_json;
  const auto parsed = json::parse(answer->body, no_json);
  if (no_json || !parsed.is_object() || !parsed.get_object().contains("items") || !parsed.at("items").is_array())
    return failed(cli, {kExitFailure, "the server's answer is no list of runs"});
  Table table({"RUN", "STATUS", "EXIT", "SCHEDULED", "DURATION", "WORKER"});
  for (const json::value& item : parsed.at("items").get_array()) {
    const auto record = record_of(json::serialize(item));
    if (!record) return failed(cli, record.error());
    if (cli.options.output == "name") {
      cli.print(visible(record->id.text()) + "\n");
    } else {
      table.add({record->id.text(), std::string(domain::to_string(record->end.status)), exit_of(*record),
                 instant(record->scheduled_at), duration_of(*record), record->worker.text()});
    }
  }
  if (cli.options.output == "table") cli.print(table.text());
  if (text_at(parsed, {"stale"}) == "true") cli.say("the store is away: this is how it was when it was last seen");
  if (text_at(parsed, {"partial"}) == "true") cli.say("not all records: " + text_at(parsed, {"partial_reason"}));
  return kExitOk;
}

int get(const Cli& cli, const std::string& id) {
  const auto answer = cli.ask({.target = address_of(id)});
  if (!answer) return failed(cli, answer.error());
  const auto record = record_of(answer->body);
  if (!record) return failed(cli, record.error());
  if (cli.options.output == "json") {
    cli.print(answer->body + "\n");
  } else if (cli.options.output == "name") {
    cli.print(visible(record->id.text()) + "\n");
  } else {
    Table table({"RUN", record->id.text()});
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) table.add({name, value});
    };
    add("STATUS", std::string(domain::to_string(record->end.status)));
    add("REASON", std::string(domain::to_string(record->end.reason)));
    add("EXIT", exit_of(*record));
    add("ERROR", record->end.error);
    add("COMMAND", record->command);
    add("SCHEDULED", instant(record->scheduled_at));
    add("STARTED", has_run(*record) ? instant(record->end.started_at) : "-");
    add("ENDED", domain::is_final(record->end.status) ? instant(record->end.ended_at) : "-");
    add("DURATION", duration_of(*record));
    add("TRIGGER", std::string(domain::to_string(record->trigger)) +
                       (record->triggered_by.empty() ? "" : " by " + record->triggered_by));
    add("KILLED BY", record->end.actor);
    add("WORKER", record->worker.text());
    add("OUTPUT",
        fmt::format("{} bytes, {} of them not kept", record->end.output_bytes, record->end.output_bytes_dropped));
    cli.print(table.text());
  }
  return kExitOk;
}

int logs(const Cli& cli, const std::string& id, bool follow, bool raw) {
  const Escapes escapes = raw ? Escapes::All : Escapes::ColourOnly;
  if (follow) {
    const auto record = follow_run(cli, id, Streams::Together, escapes);
    if (!record) return failed(cli, record.error());
    cli.say(sentence_of(*record));
    return kExitOk;
  }
  const auto client = cli.client();
  if (!client) return failed(cli, client.error());
  OutputFilter filter;
  const auto answer = client->stream({.target = address_of(id) + "/output", .headers = {{"Accept", "text/plain"}}},
                                     std::chrono::seconds(60), [&](std::string_view bytes) {
                                       cli.print(escapes == Escapes::All ? std::string(bytes) : filter.filter(bytes));
                                       return std::ferror(cli.io.out) == 0;
                                     });
  if (!answer) return failed(cli, error_of(answer.error()));
  return answer->status == 200 ? static_cast<int>(kExitOk) : failed(cli, error_of(*answer));
}

int kill(const Cli& cli, const std::vector<std::string>& ids, const std::string& reason, const std::string& grace) {
  int exit_code = kExitOk;
  for (const std::string& id : ids) {
    domain::JsonWriter body;
    body.object([&] {
      if (!reason.empty()) body.member("reason", reason);
      if (!grace.empty()) body.member("grace", grace);
    });
    const auto answer = cli.ask_again({.method = "POST", .target = address_of(id) + ":kill", .body = body.take()});
    if (!answer) {
      exit_code = failed(cli, answer.error());
      continue;
    }
    cli.print(cli.options.output == "json"   ? answer->body + "\n"
              : cli.options.output == "name" ? visible(id) + "\n"
                                             : fmt::format("run '{}' is being ended\n", visible(id)));
  }
  return exit_code;
}

struct Flags {
  ClientOptions client;
  ListFilter filter;
  std::string id, reason, grace;
  std::vector<std::string> ids;
  bool follow = false, raw = false;
};

}  // namespace

void add_run_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* run = app.add_subcommand("run", "Runs: list, get, logs, kill");
  run->require_subcommand(1);
  run->footer("Examples and options: cronfleet run VERB --help");
  const auto verb = [&](const char* name, const char* what, const char* examples, auto action) {
    CLI::App* sub = run->add_subcommand(name, what);
    sub->footer(examples);
    sub->callback([flags, io, &exit_code, action] { exit_code = action(Cli(io, flags->client)); });
    add_client_options(*sub, flags->client);
    return sub;
  };

  CLI::App* list_verb = verb("list", "List runs: what runs now, then what is over, newest first",
                             "Examples:\n"
                             "  cronfleet run list\n"
                             "  cronfleet run list --job nightly --status failed,lost\n"
                             "  cronfleet run list --from 2026-03-01T00:00:00Z --limit 100 -o json",
                             [flags](const Cli& cli) { return list(cli, flags->filter); });
  list_verb->add_option("--job", flags->filter.job, "only runs of this job");
  list_verb->add_option("--status", flags->filter.statuses, "only these: running, succeeded, failed, killed, …");
  list_verb->add_option("--worker", flags->filter.worker, "only on this worker");
  list_verb->add_option("--from", flags->filter.from, "scheduled at or after this RFC 3339 time");
  list_verb->add_option("--until", flags->filter.until, "scheduled before this RFC 3339 time");
  list_verb->add_option("-n,--limit", flags->filter.limit, "at most so many that are over")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();

  CLI::App* get_verb = verb("get", "Show one run",
                            "Examples:\n"
                            "  cronfleet run get nightly@2026-03-01T02:00:00Z.1\n"
                            "  cronfleet run get nightly@2026-03-01T02:00:00Z.1 -o json",
                            [flags](const Cli& cli) { return get(cli, flags->id); });
  get_verb->add_option("id", flags->id, "its id")->required();

  CLI::App* logs_verb = verb("logs", "Print the output of a run",
                             "Of escape sequences only colours pass; --raw lets everything through.\n"
                             "Examples:\n"
                             "  cronfleet run logs nightly@2026-03-01T02:00:00Z.1\n"
                             "  cronfleet run logs -f nightly@2026-03-01T02:00:00Z.1\n"
                             "  cronfleet run logs --raw nightly@2026-03-01T02:00:00Z.1 > output.bin",
                             [flags](const Cli& cli) { return logs(cli, flags->id, flags->follow, flags->raw); });
  logs_verb->add_option("id", flags->id, "its id")->required();
  logs_verb->add_flag("-f,--follow", flags->follow, "go on until the run is over");
  logs_verb->add_flag("--raw", flags->raw, "the bytes as they are");

  CLI::App* kill_verb =
      verb("kill", "End a run: TERM, then after the grace KILL to everything it started",
           "Examples:\n"
           "  cronfleet run kill nightly@2026-03-01T02:00:00Z.1\n"
           "  cronfleet run kill --grace 0s --reason stuck nightly@2026-03-01T02:00:00Z.1\n"
           "  cronfleet run list --job nightly --status running -o name | xargs -d '\\n' cronfleet run kill",
           [flags](const Cli& cli) { return kill(cli, flags->ids, flags->reason, flags->grace); });
  kill_verb->add_option("ids", flags->ids, "their ids")->required();
  kill_verb->add_option("--reason", flags->reason, "why, for the record");
  kill_verb->add_option("--grace", flags->grace, "time between TERM and KILL, as 10s; the job's own when absent");
}

}  // namespace cronfleet::cli

#include "cli/job_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <memory>

#include "api/url.h"
#include "async/asio_loop.h"
#include "cli/answers.h"
#include "cli/follow.h"
#include "cli/job_files.h"
#include "cli/terminal.h"
#include "domain/job_json.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view name) { return "/api/v1/jobs/" + api::percent_encode(name); }

// What happened to one document.
struct Applied {
  std::string name, what, next;
};

CliResult<Applied> apply_one(const Cli& cli, const domain::Job& job) {
  const std::string address = address_of(job.name.text());
  const auto stands = cli.ask({.target = address});
  if (!stands && stands.error().exit_code != kExitNotFound) return CliFailure(stands.error());
  ClientRequest save{.method = "PUT", .target = address, .body = domain::encode_job(job)};
  if (stands) {
    save.headers["If-Match"] = stands->header("etag");
  } else {
    save.headers["If-None-Match"] = "*";
  }
  const auto saved = cli.ask(save);
  if (!saved) return CliFailure(saved.error());
  const auto value = parse_answer(*saved);
  if (!value) return CliFailure(value.error());
  const bool created = text_at(*value, {"created"}) == "true", changed = text_at(*value, {"changed"}) == "true";
  return Applied{job.name.text(),
                 created   ? "created"
                 : changed ? "changed"
                           : "unchanged",
                 text_at(*value, {"next_firings"})};
}

void print_applied(const Cli& cli, const std::vector<Applied>& all) {
  if (cli.options.output == "name") {
    for (const Applied& applied : all) cli.print(visible(applied.name) + "\n");
    return;
  }
  if (cli.options.output == "json") {
    domain::JsonWriter json;
    json.object([&] {
      json.key("items").array([&] {
        for (const Applied& applied : all) {
          json.object([&] {
            json.member("name", applied.name);
            json.member("result", applied.what);
            if (!applied.next.empty()) json.member("next_firing", applied.next);
          });
        }
      });
    });
    cli.print(json.take() + "\n");
    return;
  }
  for (const Applied& applied : all) {
    const std::string next = applied.next.empty() ? "does not fire" : "fires next at " + local_time(applied.next);
    cli.print(fmt::format("job '{}' {}; {}\n", visible(applied.name), applied.what, next));
  }
}

int apply_files(const Cli& cli, const std::vector<std::string>& paths) {
  const auto documents = read_job_files(paths, cli.io.in);
  if (!documents) {
    cli.say(documents.error().message);
    return documents.error().exit_code;
  }
  std::vector<Applied> all;
  int exit_code = kExitOk;
  for (const JobDocument& document : *documents) {
    auto applied = apply_one(cli, document.job);
    if (!applied) {
      cli.say(
          fmt::format("{}: job '{}': {}", document.where, visible(document.job.name.text()), applied.error().message));
      if (documents->size() > 1) cli.say(fmt::format("{} of {} jobs were applied", all.size(), documents->size()));
      exit_code = applied.error().exit_code;
      break;
    }
    all.push_back(*std::move(applied));
  }
  if (exit_code == kExitOk || !all.empty()) print_applied(cli, all);
  return exit_code;
}

struct ListFilter {
  std::vector<std::string> labels;
  std::string text;
};

bool is_paused(const json::value& item) {
  const auto until = parse_rfc3339(text_at(item, {"job", "paused_until"}));
  return until && *until > async::SystemClock().wall();
}

// The first thing that is wrong with a document.
std::string refusal_of(const json::value& item) {
  const json::value& errors = item.at("errors");
  if (!errors.is_array() || errors.get_array().empty()) return "";
  const json::value& first = errors.get_array().front();
  const std::string pointer = text_at(first, {"pointer"});
  return (pointer.empty() ? "" : pointer + ": ") + text_at(first, {"detail"});
}

int list(const Cli& cli, const ListFilter& filter) {
  json::array items;
  for (std::string cursor;;) {
    std::string target = "/api/v1/jobs?limit=500";
    for (const std::string& label : filter.labels) target += "&label=" + api::percent_encode(label);
    if (!filter.text.empty()) target += "&text=" + api::percent_encode(filter.text);
    if (!cursor.empty()) target += "&cursor=" + api::percent_encode(cursor);
    const auto answer = cli.ask({.target = target});
    const auto page = answer ? parse_answer(*answer) : CliResult<json::value>(CliFailure(answer.error()));
    if (!page) {
      cli.say(page.error().message);
      return page.error().exit_code;
    }
    if (page->is_object() && page->get_object().contains("items") && page->at("items").is_array())
      for (const json::value& item : page->at("items").get_array()) items.push_back(item);
    cursor = text_at(*page, {"next_cursor"});
    if (cursor.empty()) break;
  }
  if (cli.options.output == "json") {
    cli.print(json::serialize(json::object{{"items", std::move(items)}}) + "\n");
    return kExitOk;
  }
  Table table({"NAME", "SCHEDULE", "ZONE", "STATE", "NEXT FIRING"});
  for (const json::value& item : items) {
    if (cli.options.output == "name") {
      cli.print(visible(text_at(item, {"name"})) + "\n");
      continue;
    }
    const bool enabled = text_at(item, {"job", "enabled"}) != "false", valid = text_at(item, {"valid"}) != "false";
    std::string zone = text_at(item, {"job", "time_zone"});
    table.add({text_at(item, {"name"}), text_at(item, {"job", "schedule"}), zone.empty() ? "UTC" : zone,
               !valid            ? "refused"
               : !enabled        ? "disabled"
               : is_paused(item) ? "paused"
                                 : "enabled",
               local_time(text_at(item, {"next_firings"}))});
  }
  if (cli.options.output == "table") cli.print(table.text());
  for (const json::value& item : items) {
    const std::string why = text_at(item, {"errors"});
    if (cli.options.output == "table" && text_at(item, {"valid"}) == "false")
      cli.say(fmt::format("job '{}' is refused: {}", visible(text_at(item, {"name"})),
                          visible(why.empty() ? why : refusal_of(item))));
  }
  return kExitOk;
}

int get(const Cli& cli, const std::string& name) {
  const auto answer = cli.ask({.target = address_of(name)});
  const auto value = answer ? parse_answer(*answer) : CliResult<json::value>(CliFailure(answer.error()));
  if (!value) {
    cli.say(value.error().message);
    return value.error().exit_code;
  }
  if (cli.options.output == "json") {
    cli.print(answer->body + "\n");
  } else if (cli.options.output == "name") {
    cli.print(visible(text_at(*value, {"name"})) + "\n");
  } else {
    Table table({"NAME", text_at(*value, {"name"})});
    table.add({"REVISION", text_at(*value, {"revision"})});
    if (value->is_object() && value->get_object().contains("job") && value->at("job").is_object()) {
      for (const auto& member : value->at("job").get_object())
        if (member.key() != "name")
          table.add({std::string(member.key().data(), member.key().size()),
                     text_at(value->at("job"), {std::string(member.key().data(), member.key().size()).c_str()})});
    }
    if (value->is_object() && value->get_object().contains("next_firings"))
      for (const auto& at : value->at("next_firings").as_array())
        table.add({"NEXT FIRING", local_time({at.as_string().data(), at.as_string().size()})});
    cli.print(table.text());
  }
  return kExitOk;
}

// Asks only where somebody can answer.
bool confirmed(const Cli& cli, const std::vector<std::string>& names) {
  if (!::isatty(::fileno(cli.io.in)) || !::isatty(::fileno(cli.io.err))) return true;
  std::fprintf(cli.io.err, "Delete %s? [y/N] ",
               names.size() == 1 ? fmt::format("job '{}'", visible(names.front())).c_str()
                                 : fmt::format("{} jobs", names.size()).c_str());
  std::fflush(cli.io.err);
  char line[16] = {};
  return std::fgets(line, sizeof line, cli.io.in) && (line[0] == 'y' || line[0] == 'Y');
}

int erase(const Cli& cli, const std::vector<std::string>& names, bool yes) {
  if (!yes && !confirmed(cli, names)) {
    cli.say("nothing was deleted");
    return kExitFailure;
  }
  int exit_code = kExitOk;
  for (const std::string& name : names) {
    const auto answer = cli.ask({.method = "DELETE", .target = address_of(name), .headers = {{"If-Match", "*"}}});
    if (!answer) {
      cli.say(answer.error().message);
      exit_code = answer.error().exit_code;
      continue;
    }
    cli.print(cli.options.output == "json"   ? answer->body + "\n"
              : cli.options.output == "name" ? visible(name) + "\n"
                                             : fmt::format("job '{}' deleted\n", visible(name)));
  }
  return exit_code;
}

int pause(const Cli& cli, const std::vector<std::string>& names, const std::string& verb, const std::string& until,
          const std::string& reason) {
  domain::JsonWriter body;
  body.object([&] {
    if (!until.empty()) body.member("until", until);
    if (!reason.empty()) body.member("reason", reason);
  });
  const std::string document = body.take();
  int exit_code = kExitOk;
  for (const std::string& name : names) {
    const auto answer = cli.ask({.method = "POST", .target = address_of(name) + ":" + verb, .body = document});
    const auto value = answer ? parse_answer(*answer) : CliResult<json::value>(CliFailure(answer.error()));
    if (!value) {
      exit_code = failed(cli, value.error());
      continue;
    }
    const std::string next = text_at(*value, {"next_firings"});
    cli.print(cli.options.output == "json" ? answer->body + "\n"
              : cli.options.output == "name"
                  ? visible(name) + "\n"
                  : fmt::format("job '{}' {}; {}\n", visible(name), verb == "pause" ? "paused" : "resumed",
                                next.empty() ? "does not fire" : "fires next at " + local_time(next)));
  }
  return exit_code;
}

int run(const Cli& cli, const std::string& name, const std::string& reason, const std::string& worker, bool wait) {
  domain::JsonWriter body;
  body.object([&] {
    if (!reason.empty()) body.member("reason", reason);
    if (!worker.empty()) body.member("worker", worker);
  });
  const auto answer = cli.ask_again({.method = "POST", .target = address_of(name) + ":run", .body = body.take()});
  const auto value = answer ? parse_answer(*answer) : CliResult<json::value>(CliFailure(answer.error()));
  if (!value) {
    cli.say(value.error().message);
    return wait ? kExitWaitFailed : value.error().exit_code;
  }
  const std::string id = text_at(*value, {"run_id"});
  if (!wait) {
    cli.print(cli.options.output == "json"   ? answer->body + "\n"
              : cli.options.output == "name" ? visible(id) + "\n"
                                             : fmt::format("run '{}' asked for\n", visible(id)));
    return kExitOk;
  }
  cli.say(fmt::format("run '{}' asked for", visible(id)));
  const auto record = follow_run(cli, id, Streams::Apart, Escapes::ColourOnly);
  if (!record) {
    cli.say(record.error().message);
    return kExitWaitFailed;
  }
  cli.say(sentence_of(*record));
  return exit_code_of(*record);
}

struct Flags {
  ClientOptions client;
  std::vector<std::string> paths, names;
  ListFilter filter;
  std::string name, reason, until, worker;
  bool wait = false, yes = false;
};

}  // namespace

void add_job_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* job = app.add_subcommand("job", "Jobs: apply, list, get, delete, run, pause, resume");
  job->require_subcommand(1);
  job->footer("Examples and options: cronfleet job VERB --help");
  const auto verb = [&](const char* name, const char* what, const char* examples, auto action) {
    CLI::App* sub = job->add_subcommand(name, what);
    sub->footer(examples);
    sub->callback([flags, io, &exit_code, action] { exit_code = action(Cli(io, flags->client)); });
    return sub;
  };

  CLI::App* apply_verb = verb("apply", "Create or change jobs from JSON documents",
                              "Examples:\n"
                              "  cronfleet job apply -f nightly.json\n"
                              "  cronfleet job apply -f jobs/\n"
                              "  cronfleet job get nightly -o json | sed 's/0 2/0 3/' | cronfleet job apply -f -",
                              [flags](const Cli& cli) { return apply_files(cli, flags->paths); });
  apply_verb->add_option("-f,--file", flags->paths, "a file, a folder of *.json files, or - for standard input")
      ->required();

  CLI::App* list_verb = verb("list", "List jobs",
                             "Examples:\n"
                             "  cronfleet job list\n"
                             "  cronfleet job list --label team=db\n"
                             "  cronfleet job list --text backup -o name",
                             [flags](const Cli& cli) { return list(cli, flags->filter); });
  list_verb->add_option("-l,--label", flags->filter.labels, "only jobs with this label: name or name=value");
  list_verb->add_option("--text", flags->filter.text,
                        "only jobs with this text in name, command, description or owner");

  CLI::App* get_verb = verb("get", "Show one job",
                            "Examples:\n"
                            "  cronfleet job get nightly\n"
                            "  cronfleet job get 'weekly report' -o json\n"
                            "  cronfleet job get nightly -o json > nightly.json",
                            [flags](const Cli& cli) { return get(cli, flags->name); });
  get_verb->add_option("name", flags->name, "its name")->required();

  CLI::App* delete_verb = verb("delete", "Delete jobs; what they ran stays in the history",
                               "Examples:\n"
                               "  cronfleet job delete nightly\n"
                               "  cronfleet job delete one two three --yes\n"
                               "  cronfleet job list --label old -o name | xargs -d '\\n' cronfleet job delete --yes",
                               [flags](const Cli& cli) { return erase(cli, flags->names, flags->yes); });
  delete_verb->add_option("names", flags->names, "their names")->required();
  delete_verb->add_flag("-y,--yes", flags->yes, "do not ask");

  CLI::App* run_verb =
      verb("run", "Run a job now",
           "With --wait the exit code is the job's own, 128 + n when signal n ended it, and 125 when\n"
           "cronfleet itself failed or the job never ran.\n"
           "Examples:\n"
           "  cronfleet job run nightly\n"
           "  cronfleet job run nightly --wait\n"
           "  cronfleet job run nightly --worker web-1 --reason 'after the fix'",
           [flags](const Cli& cli) { return run(cli, flags->name, flags->reason, flags->worker, flags->wait); });
  run_verb->add_option("name", flags->name, "its name")->required();
  run_verb->add_flag("-w,--wait", flags->wait, "follow its output until it is over");
  run_verb->add_option("--reason", flags->reason, "why, for the record");
  run_verb->add_option("--worker", flags->worker, "node id of the worker that is to run it; any when absent");

  CLI::App* pause_verb =
      verb("pause", "No firings until an instant, or until it is resumed",
           "Examples:\n"
           "  cronfleet job pause nightly\n"
           "  cronfleet job pause nightly --until 2027-01-02T00:00:00Z --reason holidays\n"
           "  cronfleet job list --label team=db -o name | xargs -d '\\n' cronfleet job pause",
           [flags](const Cli& cli) { return pause(cli, flags->names, "pause", flags->until, flags->reason); });
  pause_verb->add_option("--until", flags->until, "RFC 3339 time from which on it fires again");
  CLI::App* resume_verb =
      verb("resume", "End a pause",
           "Examples:\n"
           "  cronfleet job resume nightly\n"
           "  cronfleet job resume one two three\n"
           "  cronfleet job list -o name | xargs -d '\\n' cronfleet job resume",
           [flags](const Cli& cli) { return pause(cli, flags->names, "resume", "", flags->reason); });
  for (CLI::App* both : {pause_verb, resume_verb}) {
    both->add_option("names", flags->names, "their names")->required();
    both->add_option("--reason", flags->reason, "why, for the server's log");
  }
  for (CLI::App* sub : {apply_verb, list_verb, get_verb, delete_verb, run_verb, pause_verb, resume_verb})
    add_client_options(*sub, flags->client);
}

}  // namespace cronfleet::cli

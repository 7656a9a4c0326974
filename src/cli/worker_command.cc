#include "cli/worker_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <map>
#include <memory>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/terminal.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view node) { return "/api/v1/workers/" + api::percent_encode(node); }

// "gpu=true,zone=eu"
std::string pairs(const json::value& worker, const char* key) {
  std::string text;
  if (!worker.is_object() || !worker.get_object().contains(key) || !worker.at(key).is_object()) return text;
  for (const auto& member : worker.at(key).get_object()) {
    const std::string name(member.key().data(), member.key().size());
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", name, text_at(worker.at(key), {name.c_str()}));
  }
  return text;
}
std::vector<std::string> texts(const json::value& worker, const char* key) {
  std::vector<std::string> all;
  if (!worker.is_object() || !worker.get_object().contains(key) || !worker.at(key).is_array()) return all;
  for (const json::value& item : worker.at(key).get_array())
    if (item.is_string()) all.emplace_back(item.get_string().c_str());
  return all;
}

std::string load_of(const json::value& worker) {
  const std::string running = text_at(worker, {"running"});
  return running.empty() ? "-" : fmt::format("{}/{}", running, text_at(worker, {"capacity"}));
}

int list(const Cli& cli) {
  const auto answer = ask_json(cli, {.target = "/api/v1/workers"});
  if (!answer) return failed(cli, answer.error());
  if (cli.options.output == "json") {
    cli.print(json::serialize(*answer) + "\n");
    return kExitOk;
  }
  if (!answer->is_object() || !answer->get_object().contains("items") || !answer->at("items").is_array())
    return failed(cli, {kExitFailure, "the server's answer is no list of workers"});
  Table table({"NODE", "STATE", "RUNNING", "LABELS", "VERSION", "SEEN", "HOST"});
  for (const json::value& item : answer->at("items").get_array()) {
    if (cli.options.output == "name") {
      cli.print(visible(text_at(item, {"node"})) + "\n");
      continue;
    }
    const std::string labels = pairs(item, "labels");
    table.add({text_at(item, {"node"}), text_at(item, {"state"}), load_of(item), labels.empty() ? "-" : labels,
               text_at(item, {"version"}), local_time(text_at(item, {"seen_at"})), text_at(item, {"host"})});
  }
  if (cli.options.output == "table") cli.print(table.text());
  if (text_at(*answer, {"stale"}) == "true") cli.say("the store is away: this is how it was when it was last seen");
  return kExitOk;
}

int show(const Cli& cli, const json::value& worker) {
  if (cli.options.output == "json") {
    cli.print(json::serialize(worker) + "\n");
    return kExitOk;
  }
  if (cli.options.output == "name") {
    cli.print(visible(text_at(worker, {"node"})) + "\n");
    return kExitOk;
  }
  Table table({"NODE", text_at(worker, {"node"})});
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) table.add({name, value});
  };
  add("STATE", text_at(worker, {"state"}));
  add("RUNNING", load_of(worker));
  add("RUNS LEFT", text_at(worker, {"runs_left"}));
  add("LABELS", pairs(worker, "labels"));
  add("HOST", text_at(worker, {"host"}));
  add("ADDRESS", text_at(worker, {"address"}));
  add("PID", text_at(worker, {"pid"}));
  add("VERSION", text_at(worker, {"version"}));
  add("ZONE DATA", text_at(worker, {"zone_version"}));
  add("STARTED", local_time(text_at(worker, {"started_at"})));
  add("SEEN", local_time(text_at(worker, {"seen_at"})));
  for (const std::string& warning : texts(worker, "warnings")) add("WARNING", warning);
  add("REFUSED", pairs(worker, "refused"));
  if (!text_at(worker, {"settings"}).empty()) {
    add("DRAIN", text_at(worker, {"settings", "drain"}));
    add("SET BY", text_at(worker, {"settings", "by"}));
    add("REASON", text_at(worker, {"settings", "reason"}));
  }
  cli.print(table.text());
  return kExitOk;
}

int get(const Cli& cli, const std::string& node) {
  const auto answer = ask_json(cli, {.target = address_of(node)});
  return answer ? show(cli, *answer) : failed(cli, answer.error());
}

int drain(const Cli& cli, const std::vector<std::string>& nodes, const char* verb, const std::string& reason) {
  int exit_code = kExitOk;
  for (const std::string& node : nodes) {
    const auto answer =
        cli.ask({.method = "POST", .target = address_of(node) + ":" + verb, .body = reason_body(reason)});
    if (!answer) {
      exit_code = failed(cli, answer.error());
      continue;
    }
    cli.print(cli.options.output == "json"   ? answer->body + "\n"
              : cli.options.output == "name" ? visible(node) + "\n"
              : std::string_view(verb) == "drain"
                  ? fmt::format("worker '{}' takes no more runs; what runs goes on\n", visible(node))
                  : fmt::format("worker '{}' takes runs again\n", visible(node)));
  }
  return exit_code;
}

// Without changes it shows them; "gpu=true" sets one, "gpu-" leaves its setting out.
int labels(const Cli& cli, const std::string& node, const std::vector<std::string>& changes) {
  const std::string address = address_of(node) + "/labels";
  const auto before = cli.ask({.target = address});
  if (!before) return failed(cli, before.error());
  const auto value = parse_answer(*before);
  if (!value) return failed(cli, value.error());
  std::map<std::string, std::string> all;
  if (value->is_object() && value->get_object().contains("labels") && value->at("labels").is_object())
    for (const auto& member : value->at("labels").get_object())
      if (member.value().is_string())
        all[std::string(member.key().data(), member.key().size())] = member.value().get_string().c_str();
  for (const std::string& change : changes) {
    const auto equals = change.find('=');
    if (equals != std::string::npos) {
      all[change.substr(0, equals)] = change.substr(equals + 1);
    } else if (change.size() > 1 && change.ends_with('-')) {
      all.erase(change.substr(0, change.size() - 1));
    } else {
      return failed(cli, {kExitUsage,
                          fmt::format("'{}': expected NAME=VALUE to set a label, NAME- to leave it", visible(change))});
    }
  }
  if (!changes.empty()) {
    domain::JsonWriter body;
    body.object([&] {
      for (const auto& [name, text] : all) body.member(name, text);
    });
    const auto saved = cli.ask(
        {.method = "PUT", .target = address, .headers = {{"If-Match", before->header("etag")}}, .body = body.take()});
    if (!saved) return failed(cli, saved.error());
    if (cli.options.output == "json") cli.print(saved->body + "\n");
  } else if (cli.options.output == "json") {
    cli.print(before->body + "\n");
  }
  if (cli.options.output != "json")
    for (const auto& [name, text] : all) cli.print(visible(fmt::format("{}={}", name, text)) + "\n");
  return kExitOk;
}

// Asks only where somebody can answer.
bool confirmed(const Cli& cli, const std::string& node) {
  if (!::isatty(::fileno(cli.io.in)) || !::isatty(::fileno(cli.io.err))) return false;
  std::fprintf(
      cli.io.err,
      "Is the machine of worker '%s' off for certain? If it still runs, its jobs can run twice at once. [y/N] ",
      visible(node).c_str());
  std::fflush(cli.io.err);
  char line[16] = {};
  return std::fgets(line, sizeof line, cli.io.in) && (line[0] == 'y' || line[0] == 'Y');
}

int forget(const Cli& cli, const std::string& node, const std::string& reason, bool yes) {
  if (!yes && !confirmed(cli, node))
    return failed(cli, {kExitUsage, "nothing was changed: say --yes to vouch that its machine is off"});
  const auto answer = cli.ask({.method = "POST", .target = address_of(node) + ":forget", .body = reason_body(reason)});
  if (!answer) return failed(cli, answer.error());
  if (cli.options.output == "json") {
    cli.print(answer->body + "\n");
    return kExitOk;
  }
  const auto value = parse_answer(*answer);
  if (!value) return failed(cli, value.error());
  const std::vector<std::string> jobs = texts(*value, "unlocked");
  if (cli.options.output == "table")
    cli.print(
        fmt::format("worker '{}' is forgotten; {} of its jobs may run elsewhere now\n", visible(node), jobs.size()));
  for (const std::string& job : jobs)
    cli.print(fmt::format("{}{}\n", cli.options.output == "table" ? "  " : "", visible(job)));
  return kExitOk;
}

int alarms(const Cli& cli) {
  const auto answer = ask_json(cli, {.target = "/api/v1/alarms"});
  if (!answer) return failed(cli, answer.error());
  if (cli.options.output == "json") {
    cli.print(json::serialize(*answer) + "\n");
    return kExitOk;
  }
  if (!answer->is_object() || !answer->get_object().contains("items") || !answer->at("items").is_array())
    return failed(cli, {kExitFailure, "the server's answer is no list of alarms"});
  const json::array& items = answer->at("items").get_array();
  if (items.empty() && cli.options.output == "table") cli.say("no alarms");
  Table table({"ALARM", "WHERE", "WHAT", "WHAT TO DO"});
  for (const json::value& item : items) {
    const std::string node = text_at(item, {"node"}), job = text_at(item, {"job"});
    if (cli.options.output == "name") {
      cli.print(visible(text_at(item, {"code"})) + "\n");
      continue;
    }
    const std::string where = node.empty() ? job : job.empty() ? node : fmt::format("{}: {}", node, job);
    table.add(
        {text_at(item, {"code"}), where.empty() ? "-" : where, text_at(item, {"detail"}), text_at(item, {"action"})});
  }
  if (cli.options.output == "table" && !items.empty()) cli.print(table.text());
  return kExitOk;
}

int confirm(const Cli& cli, const std::string& alarm, const std::string& reason) {
  const auto answer = cli.ask({.method = "POST",
                               .target = "/api/v1/alarms/" + api::percent_encode(alarm) + ":confirm",
                               .body = reason_body(reason)});
  if (!answer) return failed(cli, answer.error());
  cli.print(cli.options.output == "json" ? answer->body + "\n"
                                         : fmt::format("alarm '{}' is confirmed; claims go on\n", visible(alarm)));
  return kExitOk;
}

struct Flags {
  ClientOptions client;
  std::string node, reason, alarm;
  std::vector<std::string> nodes, changes;
  bool yes = false;
};

// A verb under `noun` with the options of every client command.
template <typename Action>
CLI::App* add_verb(CLI::App& noun, const std::shared_ptr<Flags>& flags, CliIo io, int& exit_code, const char* name,
                   const char* what, const char* examples, Action action) {
  CLI::App* verb = noun.add_subcommand(name, what);
  verb->footer(examples);
  verb->callback([flags, io, &exit_code, action] { exit_code = action(Cli(io, flags->client)); });
  add_client_options(*verb, flags->client);
  return verb;
}

}  // namespace

void add_worker_verbs(CLI::App& worker, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  const auto verb = [&](const char* name, const char* what, const char* examples, auto action) {
    return add_verb(worker, flags, io, exit_code, name, what, examples, action);
  };
  verb("list", "List workers: those registered, and those that are gone and left something behind",
       "Examples:\n"
       "  cronfleet worker list\n"
       "  cronfleet worker list -o json\n"
       "  cronfleet worker list -o name",
       [](const Cli& cli) { return list(cli); });
  verb("get", "Show one worker",
       "Examples:\n"
       "  cronfleet worker get web-1\n"
       "  cronfleet worker get web-1 -o json\n"
       "  cronfleet worker list -o name | xargs -n 1 cronfleet worker get",
       [flags](const Cli& cli) { return get(cli, flags->node); })
      ->add_option("node", flags->node, "its node id")
      ->required();
  CLI::App* drain_verb = verb("drain", "Take no more runs; what runs goes on",
                              "Kept until undrain, also when the worker is restarted.\n"
                              "Examples:\n"
                              "  cronfleet worker drain web-1\n"
                              "  cronfleet worker drain web-1 --reason 'new disk'\n"
                              "  cronfleet worker drain web-1 web-2",
                              [flags](const Cli& cli) { return drain(cli, flags->nodes, "drain", flags->reason); });
  CLI::App* undrain_verb = verb("undrain", "Take runs again",
                                "Examples:\n"
                                "  cronfleet worker undrain web-1\n"
                                "  cronfleet worker undrain web-1 web-2\n"
                                "  cronfleet worker undrain web-1 --reason 'disk is in'",
                                [flags](const Cli& cli) { return drain(cli, flags->nodes, "undrain", flags->reason); });
  for (CLI::App* both : {drain_verb, undrain_verb}) {
    both->add_option("nodes", flags->nodes, "their node ids")->required();
    both->add_option("--reason", flags->reason, "why, for the record");
  }
  CLI::App* labels_verb = verb("labels", "Show or change the labels that an operator has set",
                               "They stand over those of the worker's configuration; NAME= takes one of these away.\n"
                               "Examples:\n"
                               "  cronfleet worker labels web-1\n"
                               "  cronfleet worker labels web-1 gpu=true zone=eu\n"
                               "  cronfleet worker labels web-1 gpu-",
                               [flags](const Cli& cli) { return labels(cli, flags->node, flags->changes); });
  labels_verb->add_option("node", flags->node, "its node id")->required();
  labels_verb->add_option("changes", flags->changes, "NAME=VALUE to set, NAME- to leave to the configuration");
  CLI::App* forget_verb =
      verb("forget", "Vouch that the machine of a worker is off",
           "Jobs that forbid overlap wait for a worker that is out of contact, for its runs may still\n"
           "go on. This ends the waiting. If the machine is not off, jobs can run twice at once.\n"
           "Examples:\n"
           "  cronfleet worker forget web-1\n"
           "  cronfleet worker forget web-1 --yes --reason 'burnt down'\n"
           "  cronfleet alarm list",
           [flags](const Cli& cli) { return forget(cli, flags->node, flags->reason, flags->yes); });
  forget_verb->add_option("node", flags->node, "its node id")->required();
  forget_verb->add_option("--reason", flags->reason, "why, for the record");
  forget_verb->add_flag("-y,--yes", flags->yes, "its machine is off for certain: do not ask");
}

void add_alarm_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* alarm = app.add_subcommand("alarm", "What is wrong in the fleet: list, confirm");
  alarm->require_subcommand(1);
  alarm->footer("Examples and options: cronfleet alarm VERB --help");
  add_verb(*alarm, flags, io, exit_code, "list", "List alarms, each with what to do about it",
           "Examples:\n"
           "  cronfleet alarm list\n"
           "  cronfleet alarm list -o json\n"
           "  test -z \"$(cronfleet alarm list -o name)\"",
           [](const Cli& cli) { return alarms(cli); });
  CLI::App* confirm_verb = add_verb(
      *alarm, flags, io, exit_code, "confirm", "Say that an older state of the store is meant",
      "Claims stop when the store is found at an older state than it was. After this they go on; firings that\n"
      "the store knows nothing of are recorded as missed (restored).\n"
      "Examples:\n"
      "  cronfleet alarm confirm restored_store\n"
      "  cronfleet alarm confirm restored_store --reason 'backup of noon'\n"
      "  cronfleet alarm list",
      [flags](const Cli& cli) { return confirm(cli, flags->alarm, flags->reason); });
  confirm_verb->add_option("alarm", flags->alarm, "restored_store")
      ->required()
      ->check(CLI::IsMember({"restored_store"}));
  confirm_verb->add_option("--reason", flags->reason, "why, for the record");
}

}  // namespace cronfleet::cli

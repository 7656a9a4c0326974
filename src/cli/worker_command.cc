#include "cli/worker_command.h"

#include <fmt/format.h>
#include <boost/json.hpp>
#include <charconv>
#include <map>
#include <memory>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cli/words.h"
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
    text += words("{}{}={}", text.empty() ? "" : ",", name, text_at(worker.at(key), {name.c_str()}));
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
  return running.empty() ? "-" : words("{}/{}", running, text_at(worker, {"capacity"}));
}

// "37 % of 8"; "3120 of 16000 MiB"; empty where the worker does not say.
std::string cpu_of(const json::value& worker) {
  const std::string percent = text_at(worker, {"load", "cpu_percent"});
  return percent.empty() ? "" : words("{} % of {}", percent, text_at(worker, {"load", "cpus"}));
}
std::string mebibytes_of(const json::value& worker, const char* used, const char* most) {
  const auto mebibytes = [&](const char* key) {
    std::uint64_t bytes = 0;
    const std::string text = text_at(worker, {"load", key});
    std::from_chars(text.data(), text.data() + text.size(), bytes);
    return bytes >> 20;
  };
  return text_at(worker, {"load", used}).empty() ? "" : words("{} of {} MiB", mebibytes(used), mebibytes(most));
}
std::string memory_of(const json::value& worker) { return mebibytes_of(worker, "memory_bytes", "memory_bytes_max"); }
std::string spool_of(const json::value& worker) { return mebibytes_of(worker, "spool_bytes", "spool_bytes_max"); }
std::string latency_of(const json::value& worker, const char* key) {
  const std::string ms = text_at(worker, {"load", key});
  return ms.empty() ? "" : words("answers in {} ms", ms);
}
std::string clock_of(const json::value& worker) {
  const std::string ms = text_at(worker, {"load", "clock_ahead_ms"});
  return ms.starts_with('-') ? words("{} ms behind the others", ms.substr(1))
         : ms.empty()        ? ""
                             : words("{} ms ahead of the others", ms);
}

Colour colour_of(const json::value& worker) {
  const std::string state = text_at(worker, {"state"});
  return state == "ready" ? Colour::Green : state == "gone" ? Colour::Red : Colour::Yellow;
}

View worker_view() {
  View view{.columns = {column("NODE", {"node"}),
                        column("STATE", {"state"}),
                        {.title = "RUNNING", .data = load_of},
                        {.title = "LABELS", .data = [](const json::value& item) { return pairs(item, "labels"); }},
                        column("VERSION", {"version"}),
                        time_column("SEEN", {"seen_at"}),
                        column("HOST", {"host"}),
                        column("ADDRESS", {"address"}),
                        column("PID", {"pid"}),
                        column("ZONE DATA", {"zone_version"}),
                        time_column("STARTED", {"started_at"}),
                        {.title = "CPU", .data = cpu_of},
                        {.title = "MEMORY", .data = memory_of},
                        {.title = "SPOOL", .data = spool_of}},
            .name_path = {"node"}};
  view.columns[1].colour = colour_of;
  for (std::size_t i = 7; i < view.columns.size(); ++i) view.columns[i].wide = true;
  return view;
}

int list(const Cli& cli) {
  const auto answer = ask_json(cli, {.target = "/api/v1/workers"});
  if (!answer) return failed(cli, answer.error());
  print_list(cli, *answer, worker_view());
  note_staleness(cli, *answer);
  return kExitOk;
}

int get(const Cli& cli, const std::string& node) {
  const auto answer = ask_json(cli, {.target = address_of(node)});
  if (!answer) return failed(cli, answer.error());
  const json::value& worker = *answer;
  Details details{{"NODE", text_at(worker, {"node"})},
                  {"STATE", text_at(worker, {"state"})},
                  {"RUNNING", load_of(worker)},
                  {"RUNS LEFT", text_at(worker, {"runs_left"})},
                  {"LABELS", pairs(worker, "labels")},
                  {"HOST", text_at(worker, {"host"})},
                  {"ADDRESS", text_at(worker, {"address"})},
                  {"PID", text_at(worker, {"pid"})},
                  {"VERSION", text_at(worker, {"version"})},
                  {"ZONE DATA", text_at(worker, {"zone_version"})},
                  {"STARTED", local_time(text_at(worker, {"started_at"}))},
                  {"SEEN", local_time(text_at(worker, {"seen_at"}))},
                  {"CPU", cpu_of(worker)},
                  {"MEMORY", memory_of(worker)},
                  {"SPOOL", spool_of(worker)},
                  {"CLOCK", clock_of(worker)},
                  {"STORE", latency_of(worker, "store_latency_ms")},
                  {"HISTORY", latency_of(worker, "history_latency_ms")}};
  for (const std::string& warning : texts(worker, "warnings")) details.emplace_back("WARNING", warning);
  details.emplace_back("REFUSED", pairs(worker, "refused"));
  if (!text_at(worker, {"settings"}).empty()) {
    details.emplace_back("DRAIN", text_at(worker, {"settings", "drain"}));
    details.emplace_back("SET BY", text_at(worker, {"settings", "by"}));
    details.emplace_back("REASON", text_at(worker, {"settings", "reason"}));
  }
  print_object(cli, worker, worker_view(), details);
  return kExitOk;
}

int drain(const Cli& cli, const std::vector<std::string>& nodes, const char* verb, const std::string& reason) {
  return for_each(cli, nodes, [&](const std::string& node) -> CliResult<void> {
    const auto answer = ask_json_again(cli, {.method = "POST",
                                             .target = address_of(node) + ":" + verb,
                                             .body = reason_body(reason),
                                             .flags = {{"/reason", "--reason"}}});
    if (!answer) return CliFailure(answer.error());
    print_change(cli, *answer, node,
                 std::string_view(verb) == "drain"
                     ? words("worker '{}' takes no more runs; what runs goes on", visible(node))
                     : words("worker '{}' takes runs again", visible(node)));
    return {};
  });
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
    if (equals != std::string::npos && equals > 0) {
      all[change.substr(0, equals)] = change.substr(equals + 1);
    } else if (change.size() > 1 && change.ends_with('-')) {
      all.erase(change.substr(0, change.size() - 1));
    } else {
      return failed(
          cli, {kExitUsage, words("'{}': expected NAME=VALUE to set a label, NAME- to leave it", visible(change))});
    }
  }
  json::value answer = *value;
  if (!changes.empty()) {
    domain::JsonWriter body;
    body.object([&] {
      for (const auto& [name, text] : all) body.member(name, text);
    });
    const auto saved = ask_json(
        cli,
        {.method = "PUT", .target = address, .headers = {{"If-Match", before->header("etag")}}, .body = body.take()});
    if (!saved) return failed(cli, saved.error());
    answer = *saved;
  }
  std::string lines;
  for (const auto& [name, text] : all) lines += visible(words("{}={}", name, text)) + "\n";
  if (!lines.empty()) lines.pop_back();
  print_change(cli, answer, node, lines);
  return kExitOk;
}

int forget(const Cli& cli, const std::string& node, const std::string& reason, bool yes) {
  const auto sure = cli.confirm(words("Is the machine of worker '{}' off for certain? If it still runs, its jobs "
                                      "can run twice at once.",
                                      visible(node)),
                                yes);
  if (!sure) return failed(cli, sure.error());
  const auto answer = ask_json_again(cli, {.method = "POST",
                                           .target = address_of(node) + ":forget",
                                           .body = reason_body(reason),
                                           .flags = {{"/reason", "--reason"}}});
  if (!answer) return failed(cli, answer.error());
  const std::vector<std::string> jobs = texts(*answer, "unlocked");
  std::string sentence =
      words("worker '{}' is forgotten; {} of its jobs may run elsewhere now", visible(node), jobs.size());
  for (const std::string& job : jobs) sentence += "\n  " + visible(job);
  print_change(cli, *answer, node, sentence);
  return kExitOk;
}

int alarms(const Cli& cli) {
  const auto answer = ask_json(cli, {.target = "/api/v1/alarms"});
  if (!answer) return failed(cli, answer.error());
  View view{.columns = {column("ALARM", {"code"}),
                        {.title = "WHERE",
                         .data =
                             [](const json::value& item) {
                               const std::string node = text_at(item, {"node"}), job = text_at(item, {"job"});
                               return node.empty() ? job : job.empty() ? node : words("{}: {}", node, job);
                             }},
                        column("WHAT", {"detail"}),
                        column("WHAT TO DO", {"action"})},
            .name_path = {"code"}};
  if (cli.settings.output.is_for_people() && array_at(*answer, "items").empty()) {
    cli.note(words("no alarms"));
    return kExitOk;
  }
  print_list(cli, *answer, view);
  return kExitOk;
}

int confirm(const Cli& cli, const std::string& alarm, const std::string& reason) {
  const auto answer = ask_json_again(cli, {.method = "POST",
                                           .target = "/api/v1/alarms/" + api::percent_encode(alarm) + ":confirm",
                                           .body = reason_body(reason),
                                           .flags = {{"/reason", "--reason"}}});
  if (!answer) return failed(cli, answer.error());
  std::string sentence = words("alarm '{}' is confirmed; claims go on", visible(alarm));
  if (alarm == "marker_ahead") {
    const std::vector<std::string> jobs = texts(*answer, "jobs");
    sentence = jobs.size() == 1 ? words("1 job fires by its schedule again")
                                : words("{} jobs fire by their schedules again", jobs.size());
    for (const std::string& job : jobs) sentence += "\n  " + visible(job);
  }
  print_change(cli, *answer, alarm, sentence);
  return kExitOk;
}

struct Flags {
  ClientOptions client;
  std::string node, reason, alarm;
  std::vector<std::string> nodes, changes;
  bool yes = false;
};

}  // namespace

void add_worker_verbs(CLI::App& worker, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  const Verbs verbs(worker, io, {flags, &flags->client}, exit_code);
  verbs.add("list", "List workers: those registered, and those that are gone and left something behind",
            "Examples:\n"
            "  cronfleet worker list\n"
            "  cronfleet worker list -o json\n"
            "  cronfleet worker list -o name",
            {"GET /api/v1/workers"}, [](const Cli& cli) { return list(cli); });
  verbs
      .add("get", "Show one worker",
           "Examples:\n"
           "  cronfleet worker get web-1\n"
           "  cronfleet worker get web-1 -o json\n"
           "  cronfleet worker list -o name | xargs -n 1 cronfleet worker get",
           {"GET /api/v1/workers/{node}"}, [flags](const Cli& cli) { return get(cli, flags->node); })
      ->add_option("node", flags->node, "its node id")
      ->required()
      ->type_name("WORKER");
  CLI::App* drain_verb = verbs.add("drain", "Take no more runs; what runs goes on",
                                   "Kept until undrain, also when the worker is restarted.\n"
                                   "Examples:\n"
                                   "  cronfleet worker drain web-1\n"
                                   "  cronfleet worker drain web-1 --reason 'new disk'\n"
                                   "  cronfleet worker drain web-1 web-2",
                                   {"POST /api/v1/workers/{node}:drain"}, [flags](const Cli& cli) {
                                     return drain(cli, flags->nodes, "drain", flags->reason);
                                   });
  CLI::App* undrain_verb = verbs.add("undrain", "Take runs again",
                                     "Examples:\n"
                                     "  cronfleet worker undrain web-1\n"
                                     "  cronfleet worker undrain web-1 web-2\n"
                                     "  cronfleet worker undrain web-1 --reason 'disk is in'",
                                     {"POST /api/v1/workers/{node}:undrain"}, [flags](const Cli& cli) {
                                       return drain(cli, flags->nodes, "undrain", flags->reason);
                                     });
  for (CLI::App* both : {drain_verb, undrain_verb}) {
    both->add_option("nodes", flags->nodes, "their node ids")->required()->type_name("WORKER");
    both->add_option("--reason", flags->reason, "why, for the record")->type_name("TEXT");
  }
  CLI::App* labels_verb =
      verbs.add("labels", "Show or change the labels that an operator has set",
                "They stand over those of the worker's configuration; NAME= takes one of these away.\n"
                "Examples:\n"
                "  cronfleet worker labels web-1\n"
                "  cronfleet worker labels web-1 gpu=true zone=eu\n"
                "  cronfleet worker labels web-1 gpu-",
                {"PUT /api/v1/workers/{node}/labels"},
                [flags](const Cli& cli) { return labels(cli, flags->node, flags->changes); });
  labels_verb->add_option("node", flags->node, "its node id")->required()->type_name("WORKER");
  labels_verb->add_option("changes", flags->changes, "NAME=VALUE to set, NAME- to leave to the configuration")
      ->type_name("");
  CLI::App* forget_verb =
      verbs.add("forget", "Vouch that the machine of a worker is off",
                "Jobs that forbid overlap wait for a worker that is out of contact, for its runs may still\n"
                "go on. This ends the waiting. If the machine is not off, jobs can run twice at once.\n"
                "Examples:\n"
                "  cronfleet worker forget web-1\n"
                "  cronfleet worker forget web-1 --yes --reason 'burnt down'\n"
                "  cronfleet alarm list",
                {"POST /api/v1/workers/{node}:forget"},
                [flags](const Cli& cli) { return forget(cli, flags->node, flags->reason, flags->yes); });
  forget_verb->add_option("node", flags->node, "its node id")->required()->type_name("WORKER");
  forget_verb->add_option("--reason", flags->reason, "why, for the record")->type_name("TEXT");
  forget_verb->add_flag("-y,--yes", flags->yes, "its machine is off for certain: do not ask");
}

void add_alarm_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* alarm = app.add_subcommand("alarm", "What is wrong in the fleet: list, confirm");
  alarm->require_subcommand(1);
  alarm->footer("Examples and options: cronfleet alarm VERB --help");
  const Verbs verbs(*alarm, io, {flags, &flags->client}, exit_code);
  verbs.add("list", "List alarms, each with what to do about it",
            "Examples:\n"
            "  cronfleet alarm list\n"
            "  cronfleet alarm list -o json\n"
            "  test -z \"$(cronfleet alarm list -o name)\"",
            {"GET /api/v1/alarms"}, [](const Cli& cli) { return alarms(cli); });
  CLI::App* confirm_verb = verbs.add(
      "confirm", "Say that an older state of the store is meant, or that markers in the future are not",
      "restored_store: claims stop when the store is found at an older state than it was. After this they go on;\n"
      "firings that the store knows nothing of are recorded as missed (restored).\n"
      "marker_ahead: jobs that a wrong clock has marked as done until a moment in the future fire by their schedules\n"
      "again; what was claimed for moments after now may run a second time.\n"
      "Examples:\n"
      "  cronfleet alarm confirm restored_store\n"
      "  cronfleet alarm confirm restored_store --reason 'backup of noon'\n"
      "  cronfleet alarm confirm marker_ahead\n"
      "  cronfleet alarm list",
      {"POST /api/v1/alarms/{code}:confirm"},
      [flags](const Cli& cli) { return confirm(cli, flags->alarm, flags->reason); });
  confirm_verb->add_option("alarm", flags->alarm, "restored_store or marker_ahead")
      ->required()
      ->check(CLI::IsMember({"restored_store", "marker_ahead"}))
      ->type_name("ALARM");
  confirm_verb->add_option("--reason", flags->reason, "why, for the record")->type_name("TEXT");
}

}  // namespace cronfleet::cli

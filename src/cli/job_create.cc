#include "cli/job_create.h"

#include <fmt/format.h>

#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/job_json.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

// "{NAME: VALUE, …}" of texts like NAME=VALUE.
CliResult<void> write_pairs(domain::JsonWriter& json, const char* key, const char* flag,
                            const std::vector<std::string>& pairs) {
  for (const std::string& pair : pairs)
    if (pair.find('=') == std::string::npos || pair.front() == '=')
      return CliFailure({kExitUsage, words("{} '{}': expected NAME=VALUE", flag, visible(pair))});
  if (pairs.empty()) return {};
  json.key(key).object([&] {
    for (const std::string& pair : pairs) json.member(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
  });
  return {};
}

}  // namespace

void add_create_options(CLI::App& verb, CreateWishes& wishes) {
  verb.add_option("name", wishes.name, "its name")->required()->type_name("");
  verb.add_option("command", wishes.command, "after --: one text for the shell, or a program and its arguments")
      ->required()
      ->type_name("");
  verb.add_option("-s,--schedule", wishes.schedule, "as '0 2 * * *', '@daily' or '@every 10m'")
      ->required()
      ->type_name("EXPRESSION");
  verb.add_option("--zone,--tz", wishes.zone, "time zone, as Europe/Berlin; UTC when absent")->type_name("ZONE");
  verb.add_option("-l,--label", wishes.labels, "a label; may be repeated")->type_name("NAME=VALUE");
  verb.add_option("-e,--env", wishes.environment, "a variable; may be repeated")->type_name("NAME=VALUE");
  verb.add_option("--where", wishes.where, "only on workers with this label; may be repeated")->type_name("NAME=VALUE");
  verb.add_option("--run-timeout", wishes.timeout, "how long a run may take, as 1h30m")->type_name("DURATION");
  verb.add_option("--user", wishes.user, "who runs it; the worker's own user when absent")->type_name("USER");
  verb.add_option("--dir", wishes.directory, "where it starts")->type_name("FOLDER");
  verb.add_option("--description", wishes.description, "what it is for")->type_name("TEXT");
  verb.add_flag("--disabled", wishes.disabled, "save it without firings");
}

const std::map<std::string, std::string>& create_flags() {
  static const std::map<std::string, std::string> kFlags = {
      {"/schedule", "--schedule"}, {"/time_zone", "--zone"},        {"/labels", "--label"},
      {"/env", "--env"},           {"/where", "--where"},           {"/timeout", "--run-timeout"},
      {"/user", "--user"},         {"/working_directory", "--dir"}, {"/description", "--description"},
      {"/name", words("name")},    {"/command", words("command")}};
  return kFlags;
}

CliResult<domain::Job> job_of(const CreateWishes& wishes) {
  domain::JsonWriter json;
  CliResult<void> pairs;
  const auto write = [&](const char* key, const char* flag, const std::vector<std::string>& texts) {
    if (pairs) pairs = write_pairs(json, key, flag, texts);
  };
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) json.member(key, value);
  };
  json.object([&] {
    json.member("name", wishes.name).member("schedule", wishes.schedule);
    text("time_zone", wishes.zone);
    if (wishes.command.size() == 1) {
      json.member("command", wishes.command.front());
    } else {
      json.key("command").array([&] {
        for (const std::string& argument : wishes.command) json.value(argument);
      });
    }
    write("labels", "--label", wishes.labels);
    write("env", "--env", wishes.environment);
    write("where", "--where", wishes.where);
    text("timeout", wishes.timeout);
    text("user", wishes.user);
    text("working_directory", wishes.directory);
    text("description", wishes.description);
    if (wishes.disabled) json.member("enabled", false);
  });
  if (!pairs) return CliFailure(pairs.error());
  auto job = domain::decode_job(json.take());
  if (job) return *std::move(job);
  std::string mistakes;
  for (domain::FieldError error : job.error().errors()) {
    // The line is one of a text that nobody wrote; a column alone is one of the value.
    if (error.line > 0) error.line = error.column = 0;
    error.pointer = in_command_line(error.pointer, create_flags());
    mistakes += (mistakes.empty() ? "" : "\n") + visible(said(error.text()));
  }
  return CliFailure({kExitInvalid, mistakes});
}

}  // namespace cronfleet::cli

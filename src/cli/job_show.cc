#include "cli/job_show.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/url.h"
#include "async/asio_loop.h"
#include "cli/answers.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/job_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

bool is_paused(const json::value& item) {
  const auto until = parse_rfc3339(text_at(item, {"job", "paused_until"}));
  return until && *until > async::SystemClock().wall();
}
std::string state_of(const json::value& item) {
  return text_at(item, {"valid"}) == "false"            ? "refused"
         : text_at(item, {"job", "enabled"}) == "false" ? "disabled"
         : is_paused(item)                              ? "paused"
                                                        : "enabled";
}
Colour colour_of(const json::value& item) {
  const std::string state = state_of(item);
  return state == "enabled" ? Colour::Green : state == "refused" ? Colour::Red : Colour::Yellow;
}
std::string labels_of(const json::value& item) {
  std::string text;
  const auto* job = item.is_object() ? item.get_object().if_contains("job") : nullptr;
  const auto* labels = job && job->is_object() ? job->get_object().if_contains("labels") : nullptr;
  if (!labels || !labels->is_object()) return text;
  for (const auto& [name, value] : labels->get_object())
    text += words("{}{}={}", text.empty() ? "" : ",", std::string_view(name.data(), name.size()),
                  value.is_string() ? value.get_string().c_str() : "");
  return text;
}

// As one line for a shell, also where it is a list of arguments.
std::string command_of(const json::value& item) {
  const auto* job = item.is_object() ? item.get_object().if_contains("job") : nullptr;
  const auto decoded = job ? std::optional(domain::decode_job(json::serialize(*job))) : std::nullopt;
  return decoded && *decoded ? domain::shown_command(**decoded) : text_at(item, {"job", "command"});
}

View job_view() {
  View view{.columns = {column("NAME", {"name"}),
                        column("SCHEDULE", {"job", "schedule"}),
                        {.title = "ZONE",
                         .data =
                             [](const json::value& item) {
                               const std::string zone = text_at(item, {"job", "time_zone"});
                               return zone.empty() ? std::string("UTC") : zone;
                             }},
                        {.title = "STATE", .data = state_of, .colour = colour_of},
                        time_column("NEXT FIRING", {"next_firings"}),
                        {.title = "LABELS", .data = labels_of, .wide = true},
                        column("OWNER", {"job", "owner"}),
                        {.title = "COMMAND", .data = command_of},
                        column("REVISION", {"revision"})},
            .name_path = {"name"}};
  for (std::size_t i = 6; i < view.columns.size(); ++i) view.columns[i].wide = true;
  return view;
}

// The first thing that is wrong with a document.
std::string refusal_of(const json::value& item) {
  const json::array& errors = array_at(item, "errors");
  if (errors.empty()) return "";
  const std::string pointer = text_at(errors.front(), {"pointer"});
  return (pointer.empty() ? "" : pointer + ": ") + text_at(errors.front(), {"detail"});
}

}  // namespace

int list_jobs(const Cli& cli, const JobFilter& filter) {
  std::string target = "/api/v1/jobs?limit=500";
  for (const std::string& label : filter.labels) target += "&label=" + api::percent_encode(label);
  if (!filter.text.empty()) target += "&text=" + api::percent_encode(filter.text);
  if (!filter.filter.empty()) target += "&filter=" + api::percent_encode(filter.filter);
  if (!filter.sort.empty()) target += "&sort=" + api::percent_encode(filter.sort);
  const auto answer = ask_all_pages(
      cli, target, {{"label", "--label"}, {"text", "--text"}, {"filter", "--filter"}, {"sort", "--sort"}});
  if (!answer) return failed(cli, answer.error());
  print_list(cli, *answer, job_view());
  for (const json::value& item : array_at(*answer, "items"))
    if (cli.settings.output.is_for_people() && text_at(item, {"valid"}) == "false")
      cli.note(words("job '{}' is refused: {}", visible(text_at(item, {"name"})), visible(refusal_of(item))));
  note_staleness(cli, *answer);
  if (array_at(*answer, "items").empty() && cli.settings.output.is_for_people()) cli.note(words("no jobs"));
  return kExitOk;
}

int show_job(const Cli& cli, const std::string& name) {
  const auto value = ask_json(cli, {.target = "/api/v1/jobs/" + api::percent_encode(name)});
  if (!value) return failed(cli, value.error());
  Details details{{"NAME", text_at(*value, {"name"})}, {"REVISION", text_at(*value, {"revision"})}};
  if (const auto* job = value->is_object() ? value->get_object().if_contains("job") : nullptr;
      job && job->is_object()) {
    for (const auto& member : job->get_object()) {
      const std::string key(member.key().data(), member.key().size());
      if (key == "name") continue;
      details.emplace_back(key, key == "command"            ? command_of(*value)
                                : member.value().is_array() ? json::serialize(member.value())
                                                            : text_at(*job, {key.c_str()}));
    }
  }
  for (const json::value& at : array_at(*value, "next_firings"))
    if (at.is_string()) details.emplace_back("NEXT FIRING", local_time(at.get_string().c_str()));
  print_object(cli, *value, job_view(), details);
  return kExitOk;
}

}  // namespace cronfleet::cli

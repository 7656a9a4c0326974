#include "cli/answers.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "api/url.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {

namespace json = boost::json;

std::string text_at(const json::value& value, std::span<const char* const> path) {
  const json::value* at = &value;
  for (const char* key : path) {
    at = at->is_object() ? at->get_object().if_contains(key) : nullptr;
    if (!at) return "";
  }
  if (at->is_array()) {
    if (at->get_array().empty()) return "";
    at = &at->get_array().front();
  }
  if (at->is_string()) return std::string(at->get_string().data(), at->get_string().size());
  return at->is_null() ? "" : json::serialize(*at);
}

CliResult<json::value> parse_answer(const ClientAnswer& answer) {
  json::error_code no_json;
  auto value = json::parse(answer.body, no_json);
  if (no_json) return CliFailure({kExitFailure, words("the server's answer is no JSON")});
  return value;
}

CliResult<json::value> ask_json(const Cli& cli, const ClientRequest& request) {
  const auto answer = cli.ask(request);
  if (!answer) return CliFailure(answer.error());
  return parse_answer(*answer);
}

CliResult<json::value> ask_json_again(const Cli& cli, const ClientRequest& request) {
  const auto answer = cli.ask_again(request);
  if (!answer) return CliFailure(answer.error());
  return parse_answer(*answer);
}

const json::array& array_at(const json::value& value, const char* key) {
  static const json::array kNone;
  const auto* found = value.is_object() ? value.get_object().if_contains(key) : nullptr;
  return found && found->is_array() ? found->get_array() : kNone;
}

CliResult<json::value> ask_all_pages(const Cli& cli, const std::string& target,
                                     const std::map<std::string, std::string>& flags) {
  json::array items;
  json::value last;
  for (std::string cursor;;) {
    std::string page = target;
    if (!cursor.empty())
      page += words("{}cursor={}", page.find('?') == std::string::npos ? "?" : "&", api::percent_encode(cursor));
    auto answer = ask_json(cli, {.target = page, .flags = flags});
    if (!answer) return CliFailure(answer.error());
    if (!answer->is_object()) return CliFailure({kExitFailure, words("the server's answer is no list")});
    for (const json::value& item : array_at(*answer, "items")) items.push_back(item);
    cursor = text_at(*answer, {"next_cursor"});
    last = *std::move(answer);
    if (cursor.empty()) break;
  }
  last.as_object()["items"] = std::move(items);
  return last;
}

void note_staleness(const Cli& cli, const json::value& answer) {
  if (text_at(answer, {"stale"}) == "true")
    cli.note(words("the store is away: this is how it was when it was last seen"));
  if (text_at(answer, {"partial"}) == "true")
    cli.note("not all records: " + visible(text_at(answer, {"partial_reason"})));
}

int for_each(const Cli& cli, const std::vector<std::string>& names,
             const std::function<CliResult<void>(const std::string&)>& action) {
  int exit_code = kExitOk;
  for (const std::string& name : names)
    if (const auto done = action(name); !done) exit_code = failed(cli, done.error());
  return exit_code;
}

std::string reason_body(const std::string& reason) {
  domain::JsonWriter body;
  body.object([&] {
    if (!reason.empty()) body.member("reason", reason);
  });
  return body.take();
}

int failed(const Cli& cli, const CliError& error) {
  cli.say(error.message);
  return error.exit_code;
}

}  // namespace cronfleet::cli

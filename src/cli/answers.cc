#include "cli/answers.h"

#include <boost/json.hpp>

#include "domain/json_writer.h"

namespace cronfleet::cli {

namespace json = boost::json;

std::string text_at(const json::value& value, std::initializer_list<const char*> path) {
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
  if (no_json) return CliFailure({kExitFailure, "the server's answer is no JSON"});
  return value;
}

CliResult<json::value> ask_json(const Cli& cli, const ClientRequest& request) {
  const auto answer = cli.ask(request);
  if (!answer) return CliFailure(answer.error());
  return parse_answer(*answer);
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

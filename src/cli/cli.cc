#include "cli/cli.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>

#include "api/http.h"
#include "async/asio_loop.h"
#include "base/time.h"
#include "cli/terminal.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

int exit_code_of(int status) {
  switch (status) {
    case 401:
    case 403: return kExitDenied;
    case 404: return kExitNotFound;
    case 408:
    case 504: return kExitTimedOut;
    case 409:
    case 412:
    case 428: return kExitConflict;
    case 429:
    case 502:
    case 503: return kExitUnreachable;
    default: return status >= 400 && status < 500 ? kExitInvalid : kExitFailure;
  }
}

std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string().c_str()) : "";
}
std::int64_t number_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_int64() ? value->get_int64() : 0;
}

std::string mistake_text(const json::object& mistake) {
  std::string place;
  for (const char* key : {"pointer", "parameter", "header"})
    if (place.empty()) place = text_of(mistake, key);
  if (const auto line = number_of(mistake, "line"); line > 0) place += fmt::format(" line {}", line);
  if (const auto column = number_of(mistake, "column"); column > 0) place += fmt::format(" column {}", column);
  const std::string suggestion = text_of(mistake, "suggestion");
  return fmt::format("{}: {}{}", place, text_of(mistake, "detail"),
                     suggestion.empty() ? "" : fmt::format("; did you mean '{}'?", suggestion));
}

}  // namespace

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : std::to_string(::geteuid());
}

void add_client_options(CLI::App& verb, ClientOptions& options) {
  verb.add_option("--server", options.server, "address of the server")
      ->envname("CRONFLEET_SERVER")
      ->capture_default_str();
  verb.add_option("-o,--output", options.output, "table, json or name")
      ->check(CLI::IsMember({"table", "json", "name"}))
      ->capture_default_str();
  verb.add_option("--timeout", options.timeout_seconds, "seconds to wait for an answer")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
}

void Cli::say(std::string_view sentence) const {
  const std::string line = fmt::format("{}\n", sentence);
  std::fwrite(line.data(), 1, line.size(), io.err);
}

CliResult<Client> Cli::client() const {
  auto server = parse_server(options.server);
  if (!server) return CliFailure({kExitUsage, server.error()});
  return Client(*std::move(server),
                std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_seconds * 1000)));
}

CliResult<ClientAnswer> Cli::ask(const ClientRequest& request) const {
  const auto to = client();
  if (!to) return CliFailure(to.error());
  ClientRequest full = request;
  full.headers.emplace("X-Cronfleet-Client", "cli:" + user_name());
  if (full.method != "GET") full.headers.emplace("Content-Type", "application/json");
  auto answer = to->ask(full);
  if (!answer) return CliFailure(error_of(answer.error()));
  if (answer->status < 200 || answer->status >= 300) return CliFailure(error_of(*answer));
  return *std::move(answer);
}

CliResult<ClientAnswer> Cli::ask_again(ClientRequest request) const {
  constexpr int kTries = 3;
  request.headers.emplace("Idempotency-Key", async::SystemTokens().token());
  auto answer = ask(request);
  for (int tries = 1; tries < kTries && !answer && answer.error().exit_code == kExitFailure; ++tries)
    answer = ask(request);
  return answer;
}

CliError error_of(const ClientError& error) {
  switch (error.kind) {
    case ClientError::Kind::Unreachable: return {kExitUnreachable, error.message};
    case ClientError::Kind::TimedOut: return {kExitTimedOut, error.message};
    case ClientError::Kind::Broken: break;
  }
  return {kExitFailure, error.message};
}

CliError error_of(const ClientAnswer& answer) {
  CliError error{exit_code_of(answer.status),
                 fmt::format("the server answered {} {}", answer.status, api::reason_phrase(answer.status))};
  json::error_code no_json;
  const auto parsed = json::parse(answer.body, no_json);
  if (no_json || !parsed.is_object()) return error;
  const json::object& problem = parsed.get_object();
  const std::string detail = text_of(problem, "detail");
  if (detail.empty()) return error;
  error.message = visible(detail);
  const auto* mistakes = problem.if_contains("errors");
  if (!mistakes || !mistakes->is_array() || mistakes->get_array().empty()) return error;
  error.message = visible(text_of(problem, "title"));
  for (const auto& mistake : mistakes->get_array())
    if (mistake.is_object()) error.message += "\n  " + visible(mistake_text(mistake.get_object()));
  return error;
}

std::string local_time(std::string_view rfc3339) {
  if (rfc3339.empty()) return "-";
  const auto at = parse_rfc3339(rfc3339);
  if (!at) return std::string(rfc3339);
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(at->time_since_epoch()).count();
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

}  // namespace cronfleet::cli

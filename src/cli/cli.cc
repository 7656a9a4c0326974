#include "cli/cli.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "api/http.h"
#include "async/asio_loop.h"
#include "base/rng.h"
#include "base/time.h"
#include "cli/contexts.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "cli/words.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{200}, kPauseMost{5'000};

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
    case 503:
    case 507: return kExitUnreachable;
    default: return status >= 400 && status < 500 ? kExitInvalid : kExitFailure;
  }
}

// Answers that a proxy may give in front of a cronfleet server.
bool may_be_of_a_proxy(int status) {
  for (const int one : {401, 403, 407, 408, 413, 414, 429, 431})
    if (status == one) return true;
  return status >= 500 && status != 501;
}

std::string text_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string().c_str()) : "";
}
std::int64_t number_of(const json::object& object, const char* key) {
  const auto* value = object.if_contains(key);
  return value && value->is_int64() ? value->get_int64() : 0;
}

std::string mistake_text(const json::object& mistake, const std::map<std::string, std::string>& flags) {
  std::string place;
  const std::string hint = text_of(mistake, "suggestion");
  const std::string suggested = hint.empty() ? "" : words("; did you mean '{}'?", hint);
  // The names of what stands in the address stand in no command line: the sentence does without.
  if (const std::string parameter = text_of(mistake, "parameter");
      (parameter == "name" || parameter == "id" || parameter == "node" || parameter == "revision" ||
       parameter == "code") &&
      flags.count(parameter) == 0)
    return text_of(mistake, "detail") + suggested;
  for (const char* key : {"pointer", "parameter", "header"})
    if (place.empty()) place = in_command_line(text_of(mistake, key), flags);
  // A line is one of the body, which nobody wrote: it was made here. A column alone is one of the value.
  if (const auto column = number_of(mistake, "column"); column > 0 && number_of(mistake, "line") == 0)
    place += words(" column {}", column);
  return words("{}: {}{}", place, text_of(mistake, "detail"), suggested);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// What parse_output_form says of "-o", told of where the form stands.
std::string at_place(std::string message, const std::string& place) {
  return message.starts_with("-o") ? place + message.substr(2) : message;
}

CliFailure usage(std::string message) { return CliFailure({kExitUsage, std::move(message)}); }

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

CliResult<double> seconds_of(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || !(seconds >= 0.1 && seconds <= 3600))
    return usage(words("{} '{}': expected seconds from 0.1 to 3600", name, visible(text)));
  return seconds;
}

// The context that counts; an empty one where none is named.
CliResult<Context> context_of(const ClientOptions& options) {
  if (!options.needs_server) return Context{};
  std::string name = !options.context.empty() ? options.context : variable("CRONFLEET_CONTEXT");
  // With a server of its own and no context named, the file does not matter, nor what is wrong with it.
  const bool named = !name.empty();
  if (!named && (!options.servers.empty() || !variable("CRONFLEET_SERVER").empty())) return Context{};
  const auto contexts = load_contexts(contexts_path());
  if (!contexts) return CliFailure(contexts.error());
  if (!named) name = contexts->current;
  if (name.empty()) return Context{};
  const auto found = contexts->all.find(name);
  if (found == contexts->all.end())
    return CliFailure({kExitBadConfiguration, words("there is no context '{}' in {}: cronfleet context list "
                                                    "shows those there are",
                                                    visible(name), contexts_path())});
  return found->second;
}

CliResult<std::vector<ServerAddress>> servers_of(const ClientOptions& options, const Context& context) {
  std::vector<std::string> texts = options.servers;
  std::string place = "--server";
  if (texts.empty() && options.needs_server) {
    texts = split(variable("CRONFLEET_SERVER"));
    place = "CRONFLEET_SERVER";
  }
  if (texts.empty()) {
    texts = context.servers;
    place = words("a server of the context");
  }
  if (texts.empty()) texts = {"http://127.0.0.1:8090"};
  std::vector<ServerAddress> servers;
  for (const std::string& text : texts) {
    auto server = parse_server(text);
    if (!server) return usage(words("{}: {}", place, server.error()));
    servers.push_back(*std::move(server));
  }
  return servers;
}

CliResult<bool> coloured(const std::string& said, bool to_terminal) {
  const std::string choice = said.empty() ? "auto" : said;
  if (choice == "always") return true;
  if (choice == "never") return false;
  if (choice != "auto") return usage(words("--color '{}': expected auto, always or never", visible(choice)));
  const std::string term = variable("TERM");  // empty: nobody says that it knows colours
  return to_terminal && variable("NO_COLOR").empty() && !term.empty() && term != "dumb";
}

std::size_t width_of(std::FILE* terminal) {
  winsize size{};
  if (::ioctl(::fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const int columns = std::atoi(variable("COLUMNS").c_str());
  return columns > 0 ? static_cast<std::size_t>(columns) : 0;
}

// The server takes no other, and answers with an id of its own then.
std::string request_id_mistake(const std::string& id) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (!id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), is_allowed)) return "";
  return words("'{}': expected 1 to 64 letters, digits, '.', '_' and '-'", id);
}

bool is_terminal(std::FILE* file) { return ::fileno(file) >= 0 && ::isatty(::fileno(file)); }

std::string code_of(const ClientAnswer& answer) {
  json::error_code no_json;
  const auto problem = json::parse(answer.body, no_json);
  return !no_json && problem.is_object() ? text_of(problem.get_object(), "code") : "";
}

// Nothing was done for it: whatever it was, it may be asked again.
bool not_taken(const ClientAnswer& answer) {
  if (answer.status == 429) return true;
  if (answer.status != 503) return false;
  const std::string code = code_of(answer);
  return code == "starting" || code == "overloaded";
}

bool asks_for_patience(const ClientAnswer& answer) {
  if (answer.status == 429 || answer.status == 503) return true;
  return answer.status == 409 && code_of(answer) == "request_in_flight";  // our own first try
}

milliseconds retry_after(const ClientAnswer& answer) {
  const int seconds = std::atoi(answer.header("retry-after").c_str());
  return std::clamp<milliseconds>(std::chrono::seconds(seconds), milliseconds(0), std::chrono::seconds(30));
}

}  // namespace

CliResult<ClientSettings> settings_of(const CliIo& io, const ClientOptions& options) {
  ClientSettings settings;
  const auto context = context_of(options);
  if (!context) return CliFailure(context.error());
  auto servers = servers_of(options, *context);
  if (!servers) return CliFailure(servers.error());
  settings.servers = *std::move(servers);

  std::string output = options.output, place = "-o";
  if (output.empty()) {
    output = variable("CRONFLEET_OUTPUT");
    place = "CRONFLEET_OUTPUT";
  }
  if (output.empty()) {
    output = context->output;
    place = words("the output of the context");
  }
  auto form = parse_output_form(output.empty() ? "table" : output);
  if (!form) return usage(at_place(form.error(), place));
  settings.output = *std::move(form);

  auto timeout = options.timeout_seconds ? options.timeout_seconds : context->timeout_seconds;
  if (const std::string said = variable("CRONFLEET_TIMEOUT");
      options.needs_server && !options.timeout_seconds && !said.empty()) {
    const auto seconds = seconds_of("CRONFLEET_TIMEOUT", said);
    if (!seconds) return CliFailure(seconds.error());
    timeout = *seconds;
  }
  if (timeout) settings.timeout = milliseconds(static_cast<std::int64_t>(*timeout * 1000));
  settings.retries = options.retries.value_or(settings.retries);
  settings.request_id = options.request_id;
  settings.quiet = options.quiet;
  settings.may_ask = !options.no_input && is_terminal(io.in) && is_terminal(io.err);
  settings.to_terminal = is_terminal(io.out);
  const auto colours = coloured(options.colour, settings.to_terminal);
  if (!colours) return CliFailure(colours.error());
  settings.coloured = *colours;
  settings.width = settings.to_terminal ? width_of(io.out) : 0;
  return settings;
}

CliResult<void> template_fits(const OutputForm& output, const AnswerForm& answer) {
  if (output.kind != OutputForm::Kind::Template) return {};
  auto mistake = template_mistake(output.pattern, answer);
  return mistake ? CliResult<void>(usage(*std::move(mistake))) : CliResult<void>();
}

int with_cli(const CliIo& io, const ClientOptions& options, const AnswerForm& answer,
             const std::function<int(const Cli&)>& action) {
  auto settings = settings_of(io, options);
  const auto fits = settings ? template_fits(settings->output, answer) : CliResult<void>();
  if (!settings || !fits) {
    const CliError& error = settings ? fits.error() : settings.error();
    std::fprintf(io.err, "%s\n", error.message.c_str());
    return error.exit_code;
  }
  return action(Cli(io, *std::move(settings)));
}

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : std::to_string(::geteuid());
}

void add_client_options(CLI::App& verb, ClientOptions& options) {
  const auto add = [](CLI::Option* option) { option->group("Client"); };
  add(verb.add_option("--server", options.servers, "address of the server; of several the next one when one is away")
          ->delimiter(',')
          ->type_name("URL"));
  add(verb.add_option("--context", options.context, "a named set of servers; see cronfleet context")
          ->type_name("CONTEXT"));
  add(verb.add_option("-o,--output", options.output, "table, wide, json, ndjson, yaml, csv, name or template=…")
          ->type_name("FORM"));
  add(verb.add_option("--color", options.colour, "auto, always or never")->type_name("WHEN"));
  add(verb.add_option("--timeout", options.timeout_seconds, "seconds to wait for an answer (30)")
          ->check(seconds_from(0.1, 3600))
          ->type_name("SECONDS"));
  add(verb.add_option("--retries", options.retries, "further tries when an answer is lost or put off (3)")
          ->check(whole_number(0, 20))
          ->type_name("COUNT"));
  add(verb.add_option("--request-id", options.request_id, "sent along; stands in the server's log")
          ->check(CLI::Validator(request_id_mistake, ""))
          ->type_name("ID"));
  add(verb.add_flag("-q,--quiet", options.quiet, "say only what failed"));
  add(verb.add_flag("--no-input", options.no_input, "never ask"));
}

void Cli::say(std::string_view sentence) const {
  const std::string line = words("{}\n", sentence);
  std::fwrite(line.data(), 1, line.size(), io.err);
}

void Cli::note(std::string_view sentence) const {
  if (!settings.quiet) say(sentence);
}

CliResult<void> Cli::confirm(std::string_view question, bool yes) const {
  if (yes) return {};
  if (!settings.may_ask)
    return CliFailure({kExitUsage, words("nothing was done: say --yes where nobody can be asked")});
  std::fflush(io.out);
  fmt::print(io.err, "{} [y/N] ", question);
  std::fflush(io.err);
  char line[16] = {};
  if (std::fgets(line, sizeof line, io.in) && (line[0] == 'y' || line[0] == 'Y')) return {};
  return CliFailure({kExitFailure, words("nothing was done")});
}

ClientRequest Cli::completed(ClientRequest request) const {
  request.headers.emplace("X-Cronfleet-Client", "cli:" + user_name());
  request.headers.emplace("Accept-Language", language() == Language::Chinese ? "zh" : "en");
  if (!settings.request_id.empty()) request.headers.emplace("X-Request-Id", settings.request_id);
  if (request.method != "GET") request.headers.emplace("Content-Type", "application/json");
  return request;
}

tl::expected<ClientAnswer, ClientError> Cli::ask_servers(const ClientRequest& request) const {
  tl::expected<ClientAnswer, ClientError> answer = tl::unexpected(ClientError{});
  for (std::size_t i = 0; i < settings.servers.size(); ++i) {
    answer = Client(settings.servers[server_], settings.timeout).ask(request);
    if (answer || answer.error().kind != ClientError::Kind::Unreachable) return answer;
    server_ = (server_ + 1) % settings.servers.size();
  }
  return answer;
}

tl::expected<ClientAnswer, ClientError> Cli::stream(const ClientRequest& request, milliseconds silence,
                                                    const std::function<bool(std::string_view)>& take,
                                                    int interrupt) const {
  const ClientRequest full = completed(request);
  tl::expected<ClientAnswer, ClientError> answer = tl::unexpected(ClientError{});
  for (std::size_t i = 0; i < settings.servers.size(); ++i) {
    answer = Client(settings.servers[server_], settings.timeout, interrupt).stream(full, silence, take);
    if (answer || answer.error().kind == ClientError::Kind::Interrupted) return answer;
    server_ = (server_ + 1) % settings.servers.size();
    if (answer.error().kind != ClientError::Kind::Unreachable) return answer;
  }
  return answer;
}

CliResult<ClientAnswer> Cli::ask(const ClientRequest& request) const {
  const ClientRequest full = completed(request);
  const bool repeatable = full.method == "GET" || full.headers.count("Idempotency-Key") != 0;
  Rng rng(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  milliseconds pause = kFirstPause;
  for (int tries = 0;; ++tries) {
    const auto answer = ask_servers(full);
    const bool lost = !answer && answer.error().kind != ClientError::Kind::Unreachable;
    const bool put_off = answer && asks_for_patience(*answer);
    const bool again = repeatable && (lost || put_off);
    if (tries >= settings.retries || !(again || (answer && not_taken(*answer)))) {
      if (!answer) return CliFailure(error_of(answer.error()));
      if (answer->status < 200 || answer->status >= 300) return CliFailure(error_of(*answer, request.flags));
      if (!answer->body.empty() && !answer->header("content-type").starts_with("application/json"))
        return CliFailure({kExitUnreachable, foreign_sentence(answer->server, answer->status)});
      return *answer;
    }
    if (lost) server_ = (server_ + 1) % settings.servers.size();
    const auto least = put_off ? retry_after(*answer) : milliseconds(0);
    std::this_thread::sleep_for(std::max(least, pause + milliseconds(rng.below(100))));
    pause = std::min(pause * 2, kPauseMost);
  }
}

CliResult<ClientAnswer> Cli::ask_again(ClientRequest request) const {
  request.headers.emplace("Idempotency-Key", async::SystemTokens().token());
  return ask(request);
}

CliError error_of(const ClientError& error) {
  switch (error.kind) {
    case ClientError::Kind::Unreachable: return {kExitUnreachable, error.message};
    case ClientError::Kind::TimedOut: return {kExitTimedOut, error.message, true};
    case ClientError::Kind::Foreign: return {kExitUnreachable, error.message};
    case ClientError::Kind::Interrupted: return {kExitInterrupted, error.message};
    case ClientError::Kind::Broken: break;
  }
  return {kExitFailure, error.message, true};
}
std::string in_command_line(const std::string& place, const std::map<std::string, std::string>& flags) {
  for (const auto& [known, flag] : flags) {
    if (place == known) return flag;
    if (known.starts_with('/') && place.starts_with(known + "/"))
      return words("{} '{}'", flag, place.substr(known.size() + 1));
  }
  return place;
}

CliError error_of(const ClientAnswer& answer, const std::map<std::string, std::string>& flags) {
  CliError error{exit_code_of(answer.status),
                 words("the server answered {} {}", answer.status, api::reason_phrase(answer.status))};
  json::error_code no_json;
  const auto parsed = json::parse(answer.body, no_json);
  const bool is_problem = !no_json && parsed.is_object() && !text_of(parsed.get_object(), "code").empty();
  if (!is_problem && !answer.server.empty() && !may_be_of_a_proxy(answer.status))
    return {kExitUnreachable, foreign_sentence(answer.server, answer.status)};
  if (!is_problem) return error;
  const json::object& problem = parsed.get_object();
  const std::string detail = text_of(problem, "detail");
  if (detail.empty()) return error;
  error.message = visible(detail);
  const auto* mistakes = problem.if_contains("errors");
  if (!mistakes || !mistakes->is_array() || mistakes->get_array().empty()) return error;
  std::vector<std::string> lines;
  for (const auto& mistake : mistakes->get_array())
    if (mistake.is_object()) lines.push_back(visible(mistake_text(mistake.get_object(), flags)));
  if (lines.size() == 1) {
    error.message = lines.front();
  } else {
    error.message = words("{} mistakes:", lines.size());
    for (const std::string& line : lines) error.message += "\n  " + line;
  }
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

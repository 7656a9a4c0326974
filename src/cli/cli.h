// cli/cli.h: what all client commands share: where they read and write, their exit codes, the options that name the
// server and the form of the output, and what they say when something fails.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/answer_form.h"
#include "cli/client.h"
#include "cli/output.h"

namespace cronfleet::cli {

// Data goes to `out`, all else to `err`.
struct CliIo {
  std::FILE* in = stdin;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// CLI-5. Stable.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitDifferences = 3,
  kExitNotFound = 4,
  kExitDenied = 5,
  kExitConflict = 6,
  kExitInvalid = 7,
  kExitUnreachable = 8,
  kExitTimedOut = 9,
  kExitBadConfiguration = 78,
  kExitWaitFailed = 125,  // of `job run --wait`: our own failure, not the job's
  kExitInterrupted = 130,
};

// As the command line says it; what is empty was not said.
struct ClientOptions {
  std::vector<std::string> servers;
  std::string context, output, colour, request_id;
  std::optional<double> timeout_seconds;
  std::optional<int> retries;
  bool quiet = false, no_input = false;
  bool needs_server = true;  // else no context and no variable about servers counts, nor what is wrong with them
};
// The options of every client command, on a verb.
void add_client_options(CLI::App& verb, ClientOptions& options);

// What holds in the end: flags, then environment, then the context, then the default (CLI-6).
struct ClientSettings {
  std::vector<ServerAddress> servers;  // one at least; the next is asked where one cannot be reached
  OutputForm output;
  std::chrono::milliseconds timeout{std::chrono::seconds(30)};
  int retries = 3;  // further tries of a request whose answer was lost or put off
  std::string request_id;
  bool quiet = false;
  bool may_ask = false;      // somebody sits at a terminal
  bool to_terminal = false;  // data goes to one
  bool coloured = false;
  std::size_t width = 0;  // of that terminal in cells; 0: none
};

// A failure on its way to the exit code; the sentence goes to `err`.
struct CliError {
  int exit_code = kExitFailure;
  std::string message;
  bool outcome_unknown = false;  // what was asked for may have happened
};
template <typename T>
using CliResult = tl::expected<T, CliError>;
using CliFailure = tl::unexpected<CliError>;

CliResult<ClientSettings> settings_of(const CliIo& io, const ClientOptions& options);

// The calls of one command.
class Cli {
 public:
  Cli(const CliIo& with, ClientSettings chosen) : io(with), settings(std::move(chosen)) {}

  // A 2xx answer; anything else is an error with the server's own sentence, its mistakes each on a line. A server that
  // cannot be reached is passed over for the next. A request that may be repeated (GET, or with an idempotency key) is,
  // with growing pauses, while its answer is lost, or the server asks for patience (429, 503).
  CliResult<ClientAnswer> ask(const ClientRequest& request) const;
  // The same, with one key for all tries: a lost answer is asked for again.
  CliResult<ClientAnswer> ask_again(ClientRequest request) const;
  // Streams an answer as Client::stream does, from the first server that can be reached.
  tl::expected<ClientAnswer, ClientError> stream(const ClientRequest& request, std::chrono::milliseconds silence,
                                                 const std::function<bool(std::string_view)>& take,
                                                 int interrupt = -1) const;

  void print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), io.out); }
  void say(std::string_view sentence) const;   // a line on `err`
  void note(std::string_view sentence) const;  // the same, but nothing with --quiet

  // Asks `question` where somebody can answer, and takes yes for a yes; else says what is missing and answers no.
  CliResult<void> confirm(std::string_view question, bool yes) const;

  const CliIo io;
  const ClientSettings settings;

 private:
  tl::expected<ClientAnswer, ClientError> ask_servers(const ClientRequest& request) const;
  ClientRequest completed(ClientRequest request) const;

  mutable std::size_t server_ = 0;  // the one that answered last
};

// Runs `action` with a Cli of these options; the exit code. A template must fit what the command prints.
int with_cli(const CliIo& io, const ClientOptions& options, const AnswerForm& answer,
             const std::function<int(const Cli&)>& action);
CliResult<void> template_fits(const OutputForm& output, const AnswerForm& answer);

std::string user_name();  // who runs this

CliError error_of(const ClientError& error);
CliError error_of(const ClientAnswer& answer, const std::map<std::string, std::string>& flags = {});
// "/schedule" as `flags` have it (ClientRequest), as it is where they do not.
std::string in_command_line(const std::string& place, const std::map<std::string, std::string>& flags);

// "2026-03-01 03:00:00", in the zone of whoever reads it; "-" for an empty text. `rfc3339` as the API gives it.
std::string local_time(std::string_view rfc3339);

}  // namespace cronfleet::cli

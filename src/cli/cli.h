// cli/cli.h: what all client commands share: where they read and write, their exit codes, the options that name the
// server and the form of the output, and what they say when something fails.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "cli/client.h"

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
  kExitWaitFailed = 125,  // of `job run --wait`: our own failure, not the job's
};

struct ClientOptions {
  std::string server = "http://127.0.0.1:8090";
  std::string output = "table";  // table, json, name
  double timeout_seconds = 30;
};
// --server (CRONFLEET_SERVER), -o and --timeout, on a verb.
void add_client_options(CLI::App& verb, ClientOptions& options);

// A failure on its way to the exit code; the sentence goes to `err`.
struct CliError {
  int exit_code = kExitFailure;
  std::string message;
};
template <typename T>
using CliResult = tl::expected<T, CliError>;
using CliFailure = tl::unexpected<CliError>;

// The calls of one command.
class Cli {
 public:
  // A wrong --server is an error of the first call.
  Cli(const CliIo& with, const ClientOptions& chosen) : io(with), options(chosen) {}

  // A 2xx answer; anything else is an error with the server's own sentence, its mistakes each on a line.
  CliResult<ClientAnswer> ask(const ClientRequest& request) const;
  // The same, with one key for all tries: a lost answer is asked for again.
  CliResult<ClientAnswer> ask_again(ClientRequest request) const;
  CliResult<Client> client() const;

  void print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), io.out); }
  void say(std::string_view sentence) const;  // a line on `err`

  const CliIo io;
  const ClientOptions options;
};

std::string user_name();  // who runs this

CliError error_of(const ClientError& error);
CliError error_of(const ClientAnswer& answer);

// "2026-03-01 03:00:00", in the zone of whoever reads it; "-" for an empty text. `rfc3339` as the API gives it.
std::string local_time(std::string_view rfc3339);

}  // namespace cronfleet::cli

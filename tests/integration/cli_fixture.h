// tests/integration/cli_fixture.h: the client commands in this process, against a real server in it.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/events_command.h"
#include "cli/import_command.h"
#include "cli/job_command.h"
#include "cli/run_command.h"
#include "cli/usage.h"
#include "cli/version_command.h"
#include "cli/worker_command.h"
#include "tests/integration/api_server.h"

namespace cronfleet::testing {

// A FILE that keeps what is written.
class Captured {
 public:
  Captured() : file_(::open_memstream(&text_, &bytes_)) {}
  ~Captured() {
    std::fclose(file_);
    std::free(text_);
  }
  std::FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    return {text_, bytes_};
  }

 private:
  char* text_ = nullptr;
  std::size_t bytes_ = 0;
  std::FILE* file_;
};

struct Ran {
  int exit_code = -1;
  std::string out{}, err{};
};

class CliTest : public ::testing::Test {
 protected:
  Ran run(std::vector<std::string> arguments, std::string input = "") {
    Captured out, err;
    std::FILE* in = input.empty() ? std::fopen("/dev/null", "re") : ::fmemopen(input.data(), input.size(), "r");
    const cli::CliIo io{in, out.file(), err.file()};
    CLI::App app("cronfleet", "cronfleet");
    int exit_code = -1;
    cli::add_job_command(app, io, exit_code);
    cli::add_run_command(app, io, exit_code);
    cli::add_version_command(app, io, exit_code);
    cli::add_worker_verbs(*app.add_subcommand("worker", "workers"), io, exit_code);
    cli::add_alarm_command(app, io, exit_code);
    cli::add_import_command(app, io, exit_code);
    cli::add_events_command(app, io, exit_code);
    cli::set_values(app);
    if (arguments.size() > 1)
      arguments.insert(std::find(arguments.begin(), arguments.end(), "--"), {"--server", server_address_});
    std::vector<const char*> words{"cronfleet"};
    for (const std::string& argument : arguments) words.push_back(argument.c_str());
    const auto all = cli::words_of(static_cast<int>(words.size()), words.data());
    words.clear();
    for (const std::string& word : all) words.push_back(word.c_str());
    const int count = static_cast<int>(words.size());
    try {
      app.parse(count, words.data());
    } catch (const CLI::ParseError& error) {
      exit_code = error.get_exit_code() == 0 ? 0 : 2;
      if (exit_code != 0) std::fputs(cli::usage_mistake(app, error, count, words.data()).c_str(), err.file());
    }
    std::fclose(in);
    return {exit_code, out.text(), err.text()};
  }
  std::string job(const std::string& name, const std::string& schedule) {
    return fmt::format(R"({{"name":"{}","schedule":"{}","command":"true","labels":{{"team":"db"}}}})", name, schedule);
  }

  ApiServer server_;
  std::string server_address_ = fmt::format("http://127.0.0.1:{}", server_.port());
};

}  // namespace cronfleet::testing

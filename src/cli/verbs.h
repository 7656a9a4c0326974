// cli/verbs.h: the verbs of a noun. Each has its help, the options of every client command, and says what its answers
// look like.
//
//   const Verbs verbs(*run, io, {flags, &flags->client}, exit_code);
//   verbs.add("list", "List runs", "Examples:\n…", {"GET /api/v1/runs"}, [flags](const Cli& cli) { … });
#pragma once

#include <functional>
#include <memory>

#include "cli/answer_form.h"
#include "cli/cli.h"

namespace cronfleet::cli {

class Verbs {
 public:
  Verbs(CLI::App& noun, CliIo io, std::shared_ptr<ClientOptions> options, int& exit_code)
      : noun_(noun), io_(io), options_(std::move(options)), exit_code_(exit_code) {}

  // `action` answers the exit code; it is not called where the options, or a template over `answer`, are wrong.
  CLI::App* add(const char* name, const char* what, const char* examples, AnswerForm answer,
                std::function<int(const Cli&)> action) const;

 private:
  CLI::App& noun_;
  const CliIo io_;
  const std::shared_ptr<ClientOptions> options_;
  int& exit_code_;
};

}  // namespace cronfleet::cli

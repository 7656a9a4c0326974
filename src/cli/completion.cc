#include "cli/completion.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <set>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/contexts.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "tz/zone_database.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

#ifdef CRONFLEET_SANITIZED  // many times slower than what people run
constexpr std::chrono::milliseconds kPatience{5'000};
#else
constexpr std::chrono::milliseconds kPatience{150};
#endif
constexpr std::size_t kCandidatesMax = 200;

std::string first_sentence(const std::string& text) { return text.substr(0, text.find_first_of(";:\n")); }

const CLI::Option* option_named(const CLI::App& app, std::string_view word) {
  const std::string name(word.substr(0, word.find('=')));
  for (const CLI::Option* one : app.get_options()) {
    for (const std::string& known : one->get_lnames())
      if ("--" + known == name) return one;
    for (const std::string& known : one->get_snames())
      if ("-" + known == name) return one;
  }
  return nullptr;
}

std::vector<std::string> fixed_words(const std::string& kind) {
  if (kind == "FORM") {
    std::vector<std::string> words;
    for (const std::string_view form : output_form_names()) words.emplace_back(form);
    return words;
  }
  if (kind == "WHEN") return {"auto", "always", "never"};
  if (kind == "WHAT") return {"ask", "detach", "kill"};
  if (kind == "TOPIC") return {"jobs", "runs", "workers", "system"};
  if (kind == "SHELL") return {"bash", "zsh", "fish"};
  if (kind == "ROLE") return {"standalone", "master", "worker"};
  if (kind == "LANGUAGE") return {"en", "zh"};
  if (kind == "ALARM") return {"restored_store", "marker_ahead"};
  if (kind == "KEY") return {"name", "next", "revision", "-name", "-next", "-revision"};
  if (kind == "STATUS")
    return {"waiting",   "claimed", "running", "succeeded", "failed", "signalled",
            "timed_out", "killed",  "skipped", "missed",    "lost",   "refused"};
  return {};
}

void complete_value(const std::string& kind, Completion& completion) {
  if (kind == "PATH" || kind == "FILE" || kind == "FOLDER") {
    completion.kind = "PATH";
  } else if (const auto words = fixed_words(kind); !words.empty()) {
    for (const std::string& word : words) completion.candidates.push_back({word, ""});
  } else {
    completion.kind = kind;
  }
}

void add_commands(const CLI::App& app, Completion& completion) {
  for (const CLI::App* sub : commands_of(app))
    completion.candidates.push_back({sub->get_name(), first_sentence(sub->get_description())});
}

// The words behind `help`.
void add_path(const CLI::App& app, const std::vector<std::string>& words, Completion& completion) {
  const CLI::App* command = &app;
  for (std::size_t i = 1; command && i + 1 < words.size(); ++i) command = command_named(*command, words[i]);
  if (command) add_commands(*command, completion);
}

void note_option(const CLI::Option& option, const std::string& value, ClientOptions& options) {
  const auto& names = option.get_lnames();
  if (std::find(names.begin(), names.end(), "server") != names.end()) options.servers.push_back(value);
  if (std::find(names.begin(), names.end(), "context") != names.end()) options.context = value;
}

std::string path_query(const Completion& completion) {
  if (completion.kind == "JOB")
    return "/api/v1/jobs?limit=200" + (completion.word.empty() ? "" : "&text=" + api::percent_encode(completion.word));
  if (completion.kind == "LABEL") return "/api/v1/jobs?limit=500";
  if (completion.kind == "WORKER") return "/api/v1/workers";
  if (completion.kind == "REVISION" && !completion.first.empty())
    return "/api/v1/jobs/" + api::percent_encode(completion.first) + "/versions";
  if (completion.kind == "RUN") return "/api/v1/runs?limit=100";
  return "";
}

void add_labels(const json::value& item, std::set<std::string>& labels) {
  const auto* job = item.is_object() ? item.get_object().if_contains("job") : nullptr;
  const auto* all = job && job->is_object() ? job->get_object().if_contains("labels") : nullptr;
  if (!all || !all->is_object()) return;
  for (const auto& [name, value] : all->get_object())
    if (value.is_string())
      labels.insert(fmt::format("{}={}", std::string_view(name.data(), name.size()), value.get_string().c_str()));
}

void ask_server(Completion& completion) {
  ClientOptions options = completion.options;
  options.retries = 0;
  options.timeout_seconds = static_cast<double>(kPatience.count()) / 1000;
  CliIo io;
  const auto settings = settings_of(io, options);
  if (!settings) return;
  const Cli cli(io, *settings);
  const auto answer = ask_json(cli, {.target = path_query(completion)});
  if (!answer) return;
  std::set<std::string> labels;
  for (const json::value& item : array_at(*answer, "items")) {
    if (completion.kind == "JOB")
      completion.candidates.push_back({text_at(item, {"name"}), text_at(item, {"job", "schedule"})});
    if (completion.kind == "WORKER")
      completion.candidates.push_back({text_at(item, {"node"}), text_at(item, {"state"})});
    if (completion.kind == "REVISION")
      completion.candidates.push_back({text_at(item, {"revision"}), text_at(item, {"since"})});
    if (completion.kind == "RUN") completion.candidates.push_back({text_at(item, {"id"}), text_at(item, {"status"})});
    if (completion.kind == "LABEL") add_labels(item, labels);
  }
  for (const std::string& label : labels) completion.candidates.push_back({label, ""});
}

void add_names(Completion& completion) {
  if (completion.kind == "CONTEXT") {
    if (const auto contexts = load_contexts(contexts_path()))
      for (const auto& [name, context] : contexts->all) completion.candidates.push_back({name, ""});
  } else if (completion.kind == "ZONE") {
    if (const auto zones = tz::ZoneDatabase::open())
      for (const std::string& name : (*zones)->names()) completion.candidates.push_back({name, ""});
  } else if (!path_query(completion).empty()) {
    ask_server(completion);
  }
}

// A word as bash reads it back; what stands in an open quote stays as it is.
std::string quoted_for_bash(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(" \t\"'\\$`&|;<>()*?[]{}!#~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string line_of(const std::string& shell, const Candidate& candidate, const std::string& word) {
  const std::string description = visible(candidate.description);
  if (shell == "zsh") {
    std::string text;
    for (const char c : candidate.text) text += c == ':' ? "\\:" : c == '\\' ? "\\\\" : std::string(1, c);
    return description.empty() ? text : text + ":" + description;
  }
  if (shell == "fish") return description.empty() ? candidate.text : candidate.text + "\t" + description;
  // bash replaces only what follows the last : or =.
  const auto broken = word.find_last_of(":=");
  return quoted_for_bash(broken == std::string::npos ? candidate.text : candidate.text.substr(broken + 1));
}

constexpr std::string_view kBash = R"(# cronfleet completion bash: put it into your ~/.bashrc as
#   source <(cronfleet completion bash)
_cronfleet() {
  local answer
  answer=$("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  if [ $? -eq 3 ]; then compopt -o default 2>/dev/null; COMPREPLY=(); return; fi
  COMPREPLY=()
  [ -n "$answer" ] && mapfile -t COMPREPLY <<<"$answer"
  [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -F _cronfleet cronfleet
)";
constexpr std::string_view kZsh = R"(#compdef cronfleet
# cronfleet completion zsh: put it into your ~/.zshrc, after compinit, as
#   source <(cronfleet completion zsh)
_cronfleet() {
  local answer
  local -a candidates
  answer=$("${words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  if [ $? -eq 3 ]; then _files; return; fi
  candidates=("${(@f)answer}")
  [ -n "$answer" ] && _describe cronfleet candidates
}
compdef _cronfleet cronfleet
)";
constexpr std::string_view kFish = R"(# cronfleet completion fish: put it into ~/.config/fish/completions/cronfleet.fish
function __cronfleet_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answer ($words[1] __complete fish $words[2..-1] 2>/dev/null)
  if test $status -eq 3
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $answer
  end
end
complete -c cronfleet -f -a '(__cronfleet_complete)'
)";

}  // namespace

Completion complete(const CLI::App& app, const std::vector<std::string>& words) {
  Completion completion;
  completion.word = words.empty() ? "" : words.back();
  if (words.size() > 1 && words.front() == "help" && !completion.word.starts_with('-')) {
    add_path(app, words, completion);
    return completion;
  }
  const CLI::App* command = &app;
  const CLI::Option* pending = nullptr;  // the option whose value comes next
  std::size_t positional = 0;
  bool only_values = false;  // after --
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (pending) {
      note_option(*pending, word, completion.options);
      pending = nullptr;
    } else if (word == "--") {
      only_values = true;
    } else if (!only_values && word.size() > 1 && word.front() == '-') {
      const CLI::Option* option = option_named(*command, word);
      const auto equals = word.find('=');
      if (option && option->get_items_expected_max() != 0 && equals == std::string::npos) pending = option;
      if (option && equals != std::string::npos) note_option(*option, word.substr(equals + 1), completion.options);
    } else if (const CLI::App* sub = only_values ? nullptr : command_named(*command, word)) {
      command = sub;
      positional = 0;
    } else if (!commands_of(*command).empty()) {
      return completion;  // no command that there is
    } else {
      if (positional++ == 0) completion.first = word;
    }
  }
  if (pending) {
    complete_value(type_of(*pending), completion);
    return completion;
  }
  // "--status=suc": what comes behind the = is completed, with what stands before it.
  if (const auto equals = completion.word.find('=');
      !only_values && completion.word.starts_with("--") && equals != std::string::npos) {
    const CLI::Option* option = option_named(*command, completion.word);
    if (!option || option->get_items_expected_max() == 0) return completion;
    completion.before = completion.word.substr(0, equals + 1);
    completion.word = completion.word.substr(equals + 1);
    complete_value(type_of(*option), completion);
    return completion;
  }
  if (!only_values && completion.word.starts_with('-')) {
    for (const CLI::Option* one : command->get_options())
      if (one->nonpositional() && !one->get_lnames().empty())
        completion.candidates.push_back({"--" + one->get_lnames().front(), first_sentence(one->get_description())});
    return completion;
  }
  if (!only_values) add_commands(*command, completion);
  const auto places = command->get_options([](const CLI::Option* one) { return one->get_positional(); });
  if (places.empty()) return completion;
  const bool last_repeats = places.back()->get_expected_max() > 1;
  if (positional >= places.size() && !last_repeats) return completion;
  complete_value(type_of(*places[std::min(positional, places.size() - 1)]), completion);
  return completion;
}

std::vector<std::string> words_of_line(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else if (c == '\\' && quote == '"' && i + 1 < line.size()) {
        word += line[++i];
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::exchange(word, ""));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  words.push_back(word);
  words.erase(words.begin());
  return words;
}

int run_completion(const CLI::App& app, int count, const char* const* arguments) {
  // Nobody waits for a server that does not answer.
  ::signal(SIGALRM, [](int) { ::_exit(0); });
  itimerval patience{};
  patience.it_value.tv_sec = kPatience.count() / 1000;
  patience.it_value.tv_usec = kPatience.count() % 1000 * 1000;
  ::setitimer(ITIMER_REAL, &patience, nullptr);
  if (count < 1) return kExitUsage;
  const std::string shell = arguments[0];
  std::vector<std::string> words(arguments + 1, arguments + count);
  if (shell == "bash") words = words_of_line(words.empty() ? "" : words.front());
  Completion completion = complete(app, words);
  add_names(completion);
  if (completion.kind == "PATH") return kExitDifferences;
  std::string out;
  std::size_t lines = 0;
  for (const Candidate& one : completion.candidates) {
    if (!one.text.starts_with(completion.word) || visible(one.text) != one.text) continue;
    if (++lines > kCandidatesMax) break;
    out += line_of(shell, {completion.before + one.text, one.description}, completion.before + completion.word) + "\n";
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return kExitOk;
}

void add_completion_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* completion = app.add_subcommand("completion", "Print what makes a shell complete commands and names");
  completion->footer(
      "Names of jobs, runs, workers and labels come from the server, where it answers at once.\n"
      "Examples:\n"
      "  source <(cronfleet completion bash)\n"
      "  cronfleet completion zsh > \"${fpath[1]}/_cronfleet\"\n"
      "  cronfleet completion fish > ~/.config/fish/completions/cronfleet.fish");
  completion->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  completion->callback([shell, io, &exit_code] {
    const std::string_view text = *shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish;
    std::fwrite(text.data(), 1, text.size(), io.out);
    exit_code = kExitOk;
  });
}

}  // namespace cronfleet::cli

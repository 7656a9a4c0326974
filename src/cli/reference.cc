#include "cli/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "cli/cli.h"
#include "cli/usage.h"

namespace cronfleet::cli {
namespace {

struct Topic {
  std::string_view title;
  std::vector<std::pair<std::string_view, std::string_view>> entries;
};
// What holds for every client command; said once.
const std::vector<Topic>& topics() {
  static const std::vector<Topic> kTopics = {
      {"Exit codes",
       {{"0", "done"},
        {"1", "failed"},
        {"2", "the command line is wrong, or a question cannot be asked"},
        {"3", "differences were found: a dry run, job diff, import crontab"},
        {"4", "there is no such thing"},
        {"5", "not allowed"},
        {"6", "conflict: it exists already, or somebody else changed it"},
        {"7", "a document, expression or value is wrong"},
        {"8",
         "no server can be reached, or it cannot serve now: it starts, is busy, its store is away or has no space"},
        {"9", "no answer in time"},
        {"1, of a service",
         "it could not run, and the next start may: the disk is full, the store is away; its log says why"},
        {"69", "a service was refused its node id, data folder or port"},
        {"78", "a configuration or the file of contexts is wrong"},
        {"125", "job run --wait, run wait: cronfleet itself failed, or the job never ran"},
        {"130", "Ctrl-C; job run --wait has detached"}}},
      {"Forms of output (-o)",
       {{"table", "for people: local times, colours on a terminal, cut to its width"},
        {"wide", "the same with more columns, nothing cut"},
        {"json", "the API's own object"},
        {"ndjson", "one object a line"},
        {"yaml", "the same values as json"},
        {"csv", "RFC 4180, the columns of wide, values as the API gives them"},
        {"name", "one name a line"},
        {"template=…", "a line for each object: {name}, {job.labels.team}, {next_firings.0}; \\n, \\t, {{ and }}"}}},
      {"Environment",
       {{"CRONFLEET_SERVER", "addresses, with commas between them; the next one is asked where one is away"},
        {"CRONFLEET_CONTEXT", "the context to use"},
        {"CRONFLEET_CONTEXTS", "the file of contexts; ~/.config/cronfleet/contexts.json when absent"},
        {"CRONFLEET_OUTPUT", "the form of output"},
        {"CRONFLEET_TIMEOUT", "seconds to wait for an answer"},
        {"NO_COLOR", "no colours"},
        {"VISUAL, EDITOR", "what job edit opens"},
        {"LC_ALL, LC_MESSAGES, LANG", "zh…: messages in Chinese; names, codes and data stay as they are"}}},
  };
  return kTopics;
}

std::string option_text(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) text += fmt::format("{}-{}", text.empty() ? "" : ", ", name);
  for (const std::string& name : option.get_lnames()) text += fmt::format("{}--{}", text.empty() ? "" : ", ", name);
  if (text.empty()) text = option.get_name(true, false);
  if (const std::string type = type_of(option); !type.empty() && option.nonpositional()) text += " " + type;
  return text;
}

std::string usage_of(const CLI::App& app) {
  std::string text = path_of(app);
  if (!app.get_options([](const CLI::Option* one) { return one->nonpositional(); }).empty()) text += " [OPTIONS]";
  for (const CLI::Option* one : app.get_options([](const CLI::Option* o) { return o->get_positional(); })) {
    const std::string name = one->get_name(true, false) + (one->get_expected_max() > 1 ? "…" : "");
    text += one->get_required() ? " " + name : " [" + name + "]";
  }
  if (!commands_of(app).empty()) text += app.get_require_subcommand_min() == 0 ? " [COMMAND]" : " COMMAND";
  return text;
}

// Options of the verb itself; those of every client command are told once.
std::vector<const CLI::Option*> own_options(const CLI::App& app) {
  return app.get_options([&](const CLI::Option* one) {
    return one != app.get_help_ptr() && one->get_group() != "Client" && !one->get_group().empty();
  });
}
const CLI::App* first_with_client_options(const CLI::App& app) {
  for (const CLI::Option* one : app.get_options())
    if (one->get_group() == "Client") return &app;
  for (const CLI::App* sub : commands_of(app))
    if (const CLI::App* found = first_with_client_options(*sub)) return found;
  return nullptr;
}
std::vector<const CLI::Option*> client_options(const CLI::App& app) {
  const CLI::App* with = first_with_client_options(app);
  if (!with) return {};
  return with->get_options([](const CLI::Option* one) { return one->get_group() == "Client"; });
}

// The footer without its examples, and the examples alone.
std::pair<std::string, std::string> parts_of(const std::string& footer) {
  const auto at = footer.find("Examples:\n");
  if (at == std::string::npos) return {footer, ""};
  std::string before = footer.substr(0, at), examples = footer.substr(at + 10), after;
  // Lines that are not indented follow the examples.
  for (std::size_t line = 0; line < examples.size();) {
    const auto end = std::min(examples.find('\n', line), examples.size());
    if (examples[line] != ' ') {
      after = examples.substr(line);
      examples.resize(line);
      break;
    }
    line = end + 1;
  }
  std::string text = before + after;
  while (text.ends_with('\n')) text.pop_back();
  return {text, examples};
}

std::string without_indent(const std::string& text) {
  std::string out;
  for (std::size_t line = 0; line < text.size();) {
    const auto end = std::min(text.find('\n', line), text.size());
    out += text.substr(line + std::min<std::size_t>(2, end - line), end - line - std::min<std::size_t>(2, end - line)) +
           "\n";
    line = end + 1;
  }
  return out;
}

void add_options(const std::vector<const CLI::Option*>& options, std::string& page) {
  if (options.empty()) return;
  page += "\n| option | |\n|---|---|\n";
  for (const CLI::Option* one : options) {
    std::string name = option_text(*one), about = one->get_description();
    for (std::string* text : {&name, &about})
      for (std::size_t at = 0; (at = text->find('|', at)) != std::string::npos; at += 2) text->insert(at, "\\");
    page += fmt::format("| `{}` | {} |\n", name, about);
  }
}

void add_command(const CLI::App& app, int level, std::string& page) {
  const auto [text, examples] = parts_of(app.get_footer());
  page += fmt::format("\n{} {}\n\n{}.\n", std::string(static_cast<std::size_t>(level), '#'), path_of(app),
                      app.get_description());
  page += fmt::format("\n```\n{}\n```\n", usage_of(app));
  if (!text.empty()) page += "\n" + text + "\n";
  add_options(own_options(app), page);
  if (!examples.empty()) page += "\n```sh\n" + without_indent(examples) + "```\n";
  for (const CLI::App* sub : commands_of(app)) add_command(*sub, std::min(level + 1, 4), page);
}

// --- roff ---

std::string roff(std::string_view text) {
  std::string out;
  bool begins_line = true;
  for (const char c : text) {
    if (begins_line && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    begins_line = c == '\n';
  }
  return out;
}

void add_man_options(const std::vector<const CLI::Option*>& options, std::string& page) {
  for (const CLI::Option* one : options)
    page += fmt::format(".TP\n.B {}\n{}\n", roff(option_text(*one)), roff(one->get_description()));
}

void add_man_command(const CLI::App& app, std::string& page) {
  const auto [text, examples] = parts_of(app.get_footer());
  page +=
      fmt::format(".SS {}\n{}.\n.PP\n.B {}\n", roff(path_of(app)), roff(app.get_description()), roff(usage_of(app)));
  if (!text.empty()) page += fmt::format(".PP\n{}\n", roff(text));
  add_man_options(own_options(app), page);
  if (!examples.empty())
    page += fmt::format(".PP\nExamples:\n.PP\n.nf\n.RS\n{}.RE\n.fi\n", roff(without_indent(examples)));
  for (const CLI::App* sub : commands_of(app)) add_man_command(*sub, page);
}

std::string man_head(const std::string& name, const std::string& about) {
  std::string title = name;
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return fmt::format(
      ".\\\" Written by scripts/cli-page from the table of --help.\n.TH {} 1 \"\" cronfleet\n.SH NAME\n{} \\- {}\n",
      roff(title), roff(name), roff(about));
}

std::string lower_first(std::string text) {
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && !(text[1] >= 'A' && text[1] <= 'Z'))
    text[0] = static_cast<char>(text[0] + 32);
  return text;
}

void add_man_topics(const CLI::App& app, std::string& page) {
  page += ".SH OPTIONS OF EVERY CLIENT COMMAND\n";
  add_man_options(client_options(app), page);
  for (const Topic& topic : topics()) {
    std::string title(topic.title);
    for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    page += fmt::format(".SH {}\n", roff(title));
    for (const auto& [name, about] : topic.entries) page += fmt::format(".TP\n.B {}\n{}\n", roff(name), roff(about));
  }
}

bool write_file(const std::string& path, const std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "we"), &std::fclose);
  return file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
}

}  // namespace

std::string reference_page(const CLI::App& app) {
  std::string page =
      "# Command line\n\n<!-- Written by scripts/cli-page from the table of --help. -->\n\n"
      "One binary holds the services and the client. `cronfleet COMMAND --help` says the same as this page.\n\n"
      "Flags come before the environment, that before the context, that before the default. Data goes to standard "
      "output, all\n"
      "else to standard error. Nothing is asked where nobody sits at a terminal: what deletes then needs `--yes`. A "
      "request\n"
      "whose answer is lost is repeated with the same idempotency key.\n";
  page += "\n## Options of every client command\n";
  add_options(client_options(app), page);
  for (const Topic& topic : topics()) {
    page += fmt::format("\n## {}\n\n| | |\n|---|---|\n", topic.title);
    for (const auto& [name, about] : topic.entries) page += fmt::format("| `{}` | {} |\n", name, about);
  }
  for (const CLI::App* sub : commands_of(app)) add_command(*sub, 2, page);
  return page;
}

std::map<std::string, std::string> man_pages(const CLI::App& app) {
  std::map<std::string, std::string> pages;
  std::string& main = pages["cronfleet.1"];
  main = man_head("cronfleet", "a crontab for a fleet");
  main += fmt::format(".SH SYNOPSIS\n.B {}\n.SH DESCRIPTION\n{}\n.SH COMMANDS\n", roff(usage_of(app)),
                      roff(app.get_description()));
  for (const CLI::App* sub : commands_of(app))
    main += fmt::format(".TP\n.BR {} (1)\n{}\n", roff("cronfleet-" + sub->get_name()), roff(sub->get_description()));
  add_man_topics(app, main);
  for (const CLI::App* sub : commands_of(app)) {
    const std::string name = "cronfleet-" + sub->get_name();
    std::string& page = pages[name + ".1"];
    page = man_head(name, lower_first(sub->get_description()));
    page += fmt::format(".SH SYNOPSIS\n.B {}\n.SH DESCRIPTION\n", roff(usage_of(*sub)));
    add_man_command(*sub, page);
    page += ".SH SEE ALSO\n.BR cronfleet (1): options of every client command, exit codes, forms of output\n";
  }
  return pages;
}

int write_reference(const CLI::App& app, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder + "/man", error);
  bool written = write_file(folder + "/cli.md", reference_page(app));
  for (const auto& [name, page] : man_pages(app)) written = write_file(folder + "/man/" + name, page) && written;
  if (!written) std::fprintf(stderr, "cannot write into %s\n", folder.c_str());
  return written ? kExitOk : kExitFailure;
}

}  // namespace cronfleet::cli

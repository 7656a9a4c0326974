#include "cli/context_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "cli/answers.h"
#include "cli/contexts.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/nearest.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

struct Flags {
  ClientOptions client;  // --server and --timeout are what `set` keeps
  std::string name, keep_output;
};

// 10, not 1E1.
json::value number(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return static_cast<double>(whole) == value ? json::value(whole) : json::value(value);
}

json::value value_of(const std::string& name, const Context& context, const std::string& current) {
  json::array servers;
  for (const std::string& server : context.servers) servers.emplace_back(server);
  json::object value{{"name", name}, {"current", name == current}, {"servers", std::move(servers)}};
  if (!context.output.empty()) value["output"] = context.output;
  if (context.timeout_seconds) value["timeout"] = number(*context.timeout_seconds);
  return value;
}

constexpr AnswerForm kContextForm{.schema = R"({"properties":{"name":{"type":"string"},"current":{"type":"boolean"},
    "servers":{"items":{"type":"string"}},"output":{"type":"string"},"timeout":{"type":"number"}}})"};

View view() {
  return {.columns = {{.title = "CURRENT",
                       .data = [](const json::value& item) { return text_at(item, {"current"}); },
                       .shown =
                           [](const json::value& item) {
                             return std::string(text_at(item, {"current"}) == "true" ? "*" : "");
                           }},
                      column("NAME", {"name"}),
                      {.title = "SERVERS",
                       .data =
                           [](const json::value& item) {
                             std::string all;
                             for (const json::value& one : array_at(item, "servers"))
                               if (one.is_string())
                                 all += words("{}{}", all.empty() ? "" : ",", one.get_string().c_str());
                             return all;
                           }},
                      column("OUTPUT", {"output"}),
                      column("TIMEOUT", {"timeout"})},
          .name_path = {"name"}};
}

CliFailure unknown(const Contexts& contexts, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& [known, context] : contexts.all) names.push_back(known);
  const std::string_view near = domain::nearest(name, names);
  return CliFailure({kExitNotFound, words("there is no context '{}'{}", visible(name),
                                          near.empty() ? "" : words("; did you mean '{}'?", near))});
}

int list(const Cli& cli) {
  const auto contexts = load_contexts(contexts_path());
  if (!contexts) return failed(cli, contexts.error());
  json::array items;
  for (const auto& [name, context] : contexts->all) items.push_back(value_of(name, context, contexts->current));
  if (items.empty() && cli.settings.output.is_for_people())
    cli.note(words("no contexts: cronfleet context set makes one"));
  if (!items.empty() || !cli.settings.output.is_for_people())
    print_list(cli, json::object{{"items", std::move(items)}}, view());
  return kExitOk;
}

// Loads, lets `change` do its work, saves.
int change(const Cli& cli, const std::string& name, const std::string& sentence,
           const std::function<CliResult<void>(Contexts&)>& change_it) {
  auto contexts = load_contexts(contexts_path());
  if (!contexts) return failed(cli, contexts.error());
  if (auto done = change_it(*contexts); !done) return failed(cli, done.error());
  if (auto saved = save_contexts(contexts_path(), *contexts); !saved) return failed(cli, saved.error());
  const auto found = contexts->all.find(name);
  print_change(cli,
               found == contexts->all.end() ? json::value(json::object{{"name", name}})
                                            : value_of(name, found->second, contexts->current),
               name, sentence);
  return kExitOk;
}

int use(const Cli& cli, const std::string& name) {
  return change(cli, name, words("context '{}' is the current one", visible(name)),
                [&](Contexts& contexts) -> CliResult<void> {
                  if (contexts.all.count(name) == 0) return unknown(contexts, name);
                  contexts.current = name;
                  return {};
                });
}

int set(const Cli& cli, const Flags& flags) {
  return change(cli, flags.name, words("context '{}' set", visible(flags.name)),
                [&](Contexts& contexts) -> CliResult<void> {
                  Context& context = contexts.all[flags.name];
                  if (!flags.client.servers.empty()) context.servers = flags.client.servers;
                  if (!flags.keep_output.empty()) {
                    if (auto form = parse_output_form(flags.keep_output); !form)
                      return CliFailure({kExitUsage, words("--keep-output{}", form.error().substr(2))});
                    context.output = flags.keep_output;
                  }
                  if (flags.client.timeout_seconds) context.timeout_seconds = flags.client.timeout_seconds;
                  if (context.servers.empty())
                    return CliFailure({kExitUsage, words("a context names a server: --server http://host:8090")});
                  if (contexts.current.empty()) contexts.current = flags.name;
                  return {};
                });
}

int erase(const Cli& cli, const std::string& name) {
  return change(cli, name, words("context '{}' deleted", visible(name)), [&](Contexts& contexts) -> CliResult<void> {
    if (contexts.all.erase(name) == 0) return unknown(contexts, name);
    if (contexts.current == name) contexts.current.clear();
    return {};
  });
}

}  // namespace

void add_context_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* context = app.add_subcommand("context", "Named servers to work with: list, use, set, delete");
  context->require_subcommand(1);
  context->footer(
      "They stand in ~/.config/cronfleet/contexts.json ($CRONFLEET_CONTEXTS), which nobody else may read.\n"
      "Examples and options: cronfleet context VERB --help");
  const auto verb = [&](const char* name, const char* what, const char* examples, auto action) {
    CLI::App* sub = context->add_subcommand(name, what);
    sub->footer(examples);
    sub->callback([flags, io, &exit_code, action] {
      // The file itself is the matter here: none of its contexts counts.
      ClientOptions options = flags->client;
      options.needs_server = false;
      exit_code = with_cli(io, options, kContextForm, action);
    });
    add_client_options(*sub, flags->client);
    return sub;
  };
  verb("list", "List contexts",
       "Examples:\n"
       "  cronfleet context list\n"
       "  cronfleet context list -o json\n"
       "  cronfleet context list -o name",
       [](const Cli& cli) { return list(cli); });
  verb("use", "Make a context the current one",
       "Examples:\n"
       "  cronfleet context use prod\n"
       "  cronfleet context use test -q\n"
       "  cronfleet context use prod -o json",
       [flags](const Cli& cli) { return use(cli, flags->name); })
      ->add_option("name", flags->name, "its name")
      ->required()
      ->type_name("CONTEXT");
  CLI::App* set_verb = verb("set", "Make or change a context",
                            "Examples:\n"
                            "  cronfleet context set prod --server http://10.0.0.1:8090,http://10.0.0.2:8090\n"
                            "  cronfleet context set prod --timeout 10\n"
                            "  cronfleet context set prod --keep-output wide",
                            [flags](const Cli& cli) { return set(cli, *flags); });
  set_verb->add_option("name", flags->name, "its name")->required()->type_name("CONTEXT");
  set_verb->add_option("--keep-output", flags->keep_output, "the form of output under this context")->type_name("FORM");
  verb("delete", "Delete a context",
       "Examples:\n"
       "  cronfleet context delete old\n"
       "  cronfleet context delete old -q\n"
       "  cronfleet context delete old -o json",
       [flags](const Cli& cli) { return erase(cli, flags->name); })
      ->add_option("name", flags->name, "its name")
      ->required()
      ->type_name("CONTEXT");
}

}  // namespace cronfleet::cli

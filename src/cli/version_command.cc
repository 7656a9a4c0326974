#include "cli/version_command.h"

#include <boost/json.hpp>
#include <memory>

#include "cli/output.h"
#include "cli/version.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

constexpr AnswerForm kVersionForm{.schema = R"({"properties":{"name":{"type":"string"},"version":{"type":"string"}}})"};

}  // namespace

void add_version_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto options = std::make_shared<ClientOptions>();
  options->needs_server = false;
  CLI::App* version = app.add_subcommand("version", "Say which release this is");
  version->add_option("-o,--output", options->output, "table, wide, json, ndjson, yaml, csv, name or template=…")
      ->type_name("FORM");
  version->footer(
      "Examples:\n"
      "  cronfleet version\n"
      "  cronfleet version -o json\n"
      "  cronfleet version -o json | jq -r .version");
  version->callback([io, options, &exit_code] {
    exit_code = with_cli(io, *options, kVersionForm, [](const Cli& cli) {
      const std::string number(kVersion);
      if (cli.settings.output.is_for_people()) {
        cli.print("cronfleet " + number + "\n");
      } else {
        print_object(cli, json::object{{"name", "cronfleet"}, {"version", number}},
                     {.columns = {column("NAME", {"name"}), column("VERSION", {"version"})}, .name_path = {"name"}},
                     {});
      }
      return static_cast<int>(kExitOk);
    });
  });
}

}  // namespace cronfleet::cli

#include "cli/version_command.h"

#include <memory>

#include "cli/version.h"

namespace cronfleet::cli {

void add_version_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto output = std::make_shared<std::string>("table");
  CLI::App* version = app.add_subcommand("version", "Say which release this is");
  version->add_option("-o,--output", *output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORM");
  version->footer(
      "Examples:\n"
      "  cronfleet version\n"
      "  cronfleet version -o json\n"
      "  cronfleet version -o json | jq -r .version");
  version->callback([io, output, &exit_code] {
    std::fprintf(io.out, *output == "json" ? "{\"name\":\"cronfleet\",\"version\":\"%s\"}\n" : "cronfleet %s\n",
                 std::string(kVersion).c_str());
    exit_code = kExitOk;
  });
}

}  // namespace cronfleet::cli

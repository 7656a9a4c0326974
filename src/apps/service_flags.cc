#include "apps/service_flags.h"

#include <unistd.h>

#include <filesystem>
#include <thread>

#include "apps/service.h"

namespace cronfleet::apps {
namespace {

// From where it was started, as shells take a path. What a shell would have expanded is left, and refused.
std::string absolute(const std::string& path) {
  std::error_code error;
  if (path.starts_with('/') || path.starts_with('~')) return path;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

}  // namespace

void ServiceFlags::add_to(CLI::App& command) {
  command.add_option("--config", config_file, "configuration file, JSON with comments")->type_name("FILE");
  command.add_option("--log-level", log_level, "debug, info, warn or error (info)")->type_name("LEVEL");
  command.add_option("--set", settings, "any setting as KEY=VALUE; may be repeated")
      ->take_all()
      ->type_name("KEY=VALUE");
  command.add_flag("--print-config", print_config, "show the resulting configuration and end");
}

void ServiceFlags::add_data_dir_to(CLI::App& command) {
  command.add_option("--data-dir", data_dir, "where everything is kept")->type_name("FOLDER");
}

void ServiceFlags::add_port_to(CLI::App& command) {
  command.add_option("--port", port, "port of API and console on 127.0.0.1 (8090)")->type_name("PORT");
}

tl::expected<config::Sources, std::pair<int, std::string>> ServiceFlags::sources() const {
  config::Sources sources;
  if (!config_file.empty()) {
    auto text = config::read_config_file(config_file);
    if (!text) return tl::unexpected(std::pair<int, std::string>(kServiceBadConfiguration, text.error().message()));
    sources.file_name = config_file;
    sources.file_text = std::move(*text);
  }
  sources.environment = environment();
  sources.is_root = ::geteuid() == 0;
  sources.cores = std::thread::hardware_concurrency();
  if (!data_dir.empty()) sources.overrides.push_back({"--data-dir", "data_dir", absolute(data_dir)});
  if (!port.empty()) sources.overrides.push_back({"--port", "http.port", port});
  if (!log_level.empty()) sources.overrides.push_back({"--log-level", "log.level", log_level});
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
      return tl::unexpected(std::pair<int, std::string>(
          2, fmt::format("--set {}: expected KEY=VALUE, as in --set log.level=debug", setting)));
    sources.overrides.push_back({"--set", setting.substr(0, equals), setting.substr(equals + 1)});
  }
  return sources;
}

}  // namespace cronfleet::apps

#include "tz/local_zone.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace cronfleet::tz {

LocalZoneSources local_zone_sources() {
  LocalZoneSources sources;
  if (const char* variable = std::getenv("TZ")) sources.variable = variable;
  std::error_code error;
  const auto link = std::filesystem::read_symlink("/etc/localtime", error);
  if (!error) sources.localtime_link = link.string();
  std::ifstream file("/etc/timezone");
  std::getline(file, sources.timezone_file);
  return sources;
}

std::string local_zone(const LocalZoneSources& sources, const cron::ZoneSource& zones) {
  static constexpr std::string_view kFolder = "zoneinfo/";
  std::string variable = sources.variable;
  if (variable.starts_with(':')) variable.erase(0, 1);
  const auto folder = sources.localtime_link.rfind(kFolder);
  const std::string linked = folder == std::string::npos ? "" : sources.localtime_link.substr(folder + kFolder.size());
  for (const std::string& name : {variable, linked, sources.timezone_file})
    if (!name.empty() && zones.find(name)) return name;
  return "UTC";
}

}  // namespace cronfleet::tz

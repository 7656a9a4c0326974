// tz/local_zone.h: which zone this machine's clocks show, by its name in the zone data.
#pragma once

#include <string>

#include "cron/zone.h"

namespace cronfleet::tz {

// Where a machine says it. What is not there is empty.
struct LocalZoneSources {
  std::string variable;        // TZ: a name, with or without a ':' in front
  std::string localtime_link;  // what /etc/localtime points to: ".../zoneinfo/Europe/Berlin"
  std::string timezone_file;   // the first line of /etc/timezone
};
LocalZoneSources local_zone_sources();  // of this machine and process

// The first of them that `zones` knows, in that order; "UTC" where none does (a TZ like "CST-8" has no name).
std::string local_zone(const LocalZoneSources& sources, const cron::ZoneSource& zones);

}  // namespace cronfleet::tz

// tz/zone_database.h: the machine's time zones (Debian's tzdata), as values for cron/.
//
// Only names that the installed zone list (tzdata.zi) gives are known, so no name reaches a file of the caller's
// choice. A zone is read once and kept: after an update of tzdata the program must be started again, and version() says
// which data it works with. Call from any thread.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cron/zone.h"

namespace cronfleet::tz {

class ZoneDatabase final : public cron::ZoneSource {
 public:
  // Reads the list of zones of `folder`.
  //   NotFound     there is no tzdata.zi: install the package tzdata
  static Result<std::shared_ptr<const ZoneDatabase>> open(const std::string& folder = "/usr/share/zoneinfo");

  cron::ZonePtr find(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string version() const override { return version_; }

  // The known name that whoever wrote `name` most likely meant; empty when there is none near enough.
  std::string nearest(std::string_view name) const;

 private:
  ZoneDatabase(std::set<std::string, std::less<>> names, std::string version)
      : names_(std::move(names)), version_(std::move(version)) {}

  const std::set<std::string, std::less<>> names_;
  const std::string version_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, cron::ZonePtr, std::less<>> loaded_;
};

}  // namespace cronfleet::tz

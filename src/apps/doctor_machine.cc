#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "apps/doctor_findings.h"
#include "async/asio_loop.h"
#include "cli/client.h"
#include "cli/words.h"
#include "exec/posix/room.h"
#include "tz/zone_database.h"

namespace cronfleet::apps {
namespace {

using cli::said;
using cli::words;

constexpr std::uint64_t kDiskRed = 256ull << 20, kDiskYellow = 1ull << 30;
constexpr std::string_view kSqliteHead = "SQLite format 3";

}  // namespace

void look_at_folder(const std::string& path, Findings& findings) {
  std::filesystem::path there = path;
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0) {
    if (!S_ISDIR(about.st_mode))
      return findings.red("data folder", words("{} is not a folder", path), words("name another with data_dir"));
    if ((about.st_mode & 077) != 0)
      findings.warn("data folder", words("{} is open to other users (mode {:04o})", path, about.st_mode & 07777),
                    words("chmod 700, or the service does it at its start"));
  } else {
    while (there.has_parent_path() && ::stat(there.c_str(), &about) != 0) there = there.parent_path();
  }
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    return findings.red("data folder", words("{} cannot be written: {}", there.string(), std::strerror(errno)),
                        words("run as the user of the service, or name another with data_dir"));
  findings.ok("data folder", there == path ? path : words("{}, which will be made", path));
  struct statvfs disk{};
  if (::statvfs(there.c_str(), &disk) != 0) return;
  const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const std::string text = words("{} MiB free", free >> 20);
  if (free < kDiskRed) return findings.red("disk", text, words("make room: a full disk takes no claims"));
  if (free < kDiskYellow) return findings.warn("disk", text, words("see that it does not fill"));
  findings.ok("disk", text);
}

void look_at_zones(Findings& findings) {
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return findings.red("time zones", said(zones.error().message()), words("install tzdata"));
  findings.ok("time zones", words("version {}", (*zones)->version()));
}

void look_at_clock(Findings& findings) {
  timex state{};
  const int answer = ::adjtimex(&state);
  if (answer < 0 || (state.status & STA_UNSYNC) != 0)
    return findings.warn("clock", words("the kernel does not know it as synchronised"),
                         words("run chrony or systemd-timesyncd (timedatectl says more)"));
  findings.ok("clock", words("synchronised, within {} ms", state.maxerror / 1000));
}

void look_at_port(const config::HttpConfig& http, Findings& findings) {
  const std::string where = fmt::format("{}:{}", http.address, http.port);
  if (http.port == 0) return findings.ok("listener", words("any free port"));
  const cli::Client client({.host = http.address, .port = std::to_string(http.port)}, std::chrono::milliseconds(2'000));
  const auto answer = client.ask({.target = "/healthz"});
  if (answer && answer->body == R"({"status":"ok"})") {
    const auto ready = client.ask({.target = "/readyz"});
    if (ready && ready->status == 200)
      return findings.ok("listener", words("{}: a cronfleet server answers, ready", where));
    return findings.red("listener", words("{}: a cronfleet server answers, but is not ready", where),
                        words("see /readyz and its log"));
  }
  if (!answer && answer.error().kind == cli::ClientError::Kind::Unreachable)
    return findings.ok("listener", words("{} is free", where));
  findings.red("listener", words("{} is in use by another program", where), words("end it, or set http.port"));
}

void look_at_store_files(const std::string& folder, Findings& findings) {
  for (const char* name : {"coord/coord.db", "history.db"}) {
    const std::string path = folder + "/" + name;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) continue;  // made at the first start
    std::ifstream file(path, std::ios::binary);
    std::string head(kSqliteHead.size(), '\0');
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    if (!file && !file.eof()) {
      findings.red("store", words("{} cannot be read", path), words("run as the user of the service"));
    } else if (file.gcount() != 0 && head != kSqliteHead) {
      findings.red("store", words("{} is no SQLite database", path),
                   words("set it aside and put the last backup in its place (docs/operations.md)"));
    } else if (::access(path.c_str(), W_OK) != 0) {
      findings.red("store", words("{} cannot be written", path), words("run as the user of the service"));
    } else {
      findings.ok("store", words("{}, {} KiB", path, std::filesystem::file_size(path, error) >> 10));
    }
  }
}

void look_at_limits(const config::NodeConfig& worker, Findings& findings) {
  const async::SystemClock clock;
  const exec::Room room = exec::posix::RoomGauge(clock).look(0);
  if (room.runs_max >= static_cast<std::uint32_t>(worker.capacity))
    return findings.ok("limits", words("room for the {} runs of worker.capacity", worker.capacity));
  findings.red("limits",
               words("room for {} runs, worker.capacity is {}: {}", room.runs_max, worker.capacity, said(room.limit)),
               words("raise that limit, or lower worker.capacity"));
}

void look_at_shell(Findings& findings) {
  constexpr const char* kShell = "/bin/bash";
  if (::access(kShell, X_OK) == 0) return findings.ok("shell", kShell);
  findings.red("shell", words("there is no {}", kShell),
               words("install bash, or name another with `shell` in every job"));
}

void look_at_metrics_port(const config::MetricsConfig& metrics, Findings& findings) {
  if (!metrics.enabled) return findings.ok("metrics", words("off"));
  const std::string where = fmt::format("{}:{}", metrics.address, metrics.port);
  if (metrics.port == 0) return findings.ok("metrics", words("any free port"));
  const cli::Client client({.host = metrics.address, .port = std::to_string(metrics.port)},
                           std::chrono::milliseconds(2'000));
  const auto answer = client.ask({.target = "/metrics"});
  if (answer && answer->body.find("cronfleet_") != std::string::npos)
    return findings.ok("metrics", words("{}: a cronfleet service answers", where));
  if (!answer && answer.error().kind == cli::ClientError::Kind::Unreachable)
    return findings.ok("metrics", words("{} is free", where));
  findings.red("metrics", words("{} is in use by another program", where), words("end it, or set metrics.port"));
}

}  // namespace cronfleet::apps

#include "apps/machine_gauge.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "exec/posix/journal.h"

namespace cronfleet::apps {
namespace {

std::string read_all(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The number after the blanks that `text` begins with, which it then leaves behind.
std::uint64_t take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() ? value : 0;
}

std::uint64_t kib_of(std::string_view meminfo, std::string_view name) {
  const std::size_t at = meminfo.find(name);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = meminfo.substr(at + name.size());
  return take_number(rest);
}

}  // namespace

CpuTicks cpu_ticks_of(std::string_view stat) {
  // user nice system idle iowait irq softirq steal; guests are counted among user and nice.
  constexpr int kColumns = 8, kIdle = 3, kWaits = 4;
  if (!stat.starts_with("cpu ")) return {};
  stat.remove_prefix(4);
  CpuTicks ticks;
  for (int column = 0; column < kColumns; ++column) {
    const std::uint64_t value = take_number(stat);
    ticks.all += value;
    if (column != kIdle && column != kWaits) ticks.busy += value;
  }
  return ticks;
}

int percent_between(const CpuTicks& before, const CpuTicks& now) {
  if (now.all <= before.all || now.busy < before.busy) return 0;  // counters of idle time may go back a little
  const std::uint64_t all = now.all - before.all;
  return static_cast<int>(std::min<std::uint64_t>((100 * (now.busy - before.busy) + all / 2) / all, 100));
}

Memory memory_of(std::string_view meminfo) {
  const std::uint64_t all = kib_of(meminfo, "MemTotal:"), free = kib_of(meminfo, "MemAvailable:");
  return {(all - std::min(free, all)) << 10, all << 10};
}

std::uint64_t spool_bytes_of(const std::filesystem::path& journal_folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(journal_folder, error)) {
    if (file.path().extension() != ".journal") continue;
    const auto size = file.file_size(error);
    if (error) continue;  // freed meanwhile
    bytes += size - std::min<std::uint64_t>(size, exec::posix::Journal::empty_bytes());
  }
  return bytes;
}

MachineGauge::MachineGauge(std::filesystem::path journal_folder, std::uint64_t spool_bytes_max)
    : journal_folder_(std::move(journal_folder)),
      spool_bytes_max_(spool_bytes_max),
      before_(cpu_ticks_of(read_all("/proc/stat"))) {}

core::WorkerLoad MachineGauge::look() {
  core::WorkerLoad load;
  load.cpus = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const CpuTicks now = cpu_ticks_of(read_all("/proc/stat"));
  load.cpu_percent = percent_between(std::exchange(before_, now), now);
  const Memory memory = memory_of(read_all("/proc/meminfo"));
  load.memory_bytes = memory.used;
  load.memory_bytes_max = memory.all;
  load.spool_bytes = spool_bytes_of(journal_folder_);
  load.spool_bytes_max = spool_bytes_max_;
  return load;
}

}  // namespace cronfleet::apps

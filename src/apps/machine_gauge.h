// apps/machine_gauge.h: how busy this machine is, as /proc says it, and what is in the journal on its disk.
//
// In a container /proc shows the machine below it. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "core/entries.h"

namespace cronfleet::apps {

// Of all CPUs together since the machine started, in ticks.
struct CpuTicks {
  std::uint64_t busy = 0, all = 0;
  friend bool operator==(const CpuTicks&, const CpuTicks&) = default;
};
CpuTicks cpu_ticks_of(std::string_view stat);  // of /proc/stat; zeros where it cannot be read
int percent_between(const CpuTicks& before, const CpuTicks& now);

struct Memory {
  std::uint64_t used = 0, all = 0;
  friend bool operator==(const Memory&, const Memory&) = default;
};
Memory memory_of(std::string_view meminfo);  // of /proc/meminfo

// What waits in the journal: what the history does not have yet stands there.
std::uint64_t spool_bytes_of(const std::filesystem::path& journal_folder);

class MachineGauge {
 public:
  MachineGauge(std::filesystem::path journal_folder, std::uint64_t spool_bytes_max);
  // The CPUs since the last look.
  core::WorkerLoad look();

 private:
  std::filesystem::path journal_folder_;
  std::uint64_t spool_bytes_max_;
  CpuTicks before_;
};

}  // namespace cronfleet::apps

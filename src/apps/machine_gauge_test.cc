#include "apps/machine_gauge.h"

#include <gtest/gtest.h>

namespace cronfleet::apps {
namespace {

TEST(MachineGauge, ReadsWhatTheKernelSays) {
  const CpuTicks before = cpu_ticks_of("cpu  100 0 50 800 50 0 0 0 40 0\ncpu0 1 2 3 4\n");
  EXPECT_EQ(before, (CpuTicks{150, 1000}));
  EXPECT_EQ(percent_between(before, cpu_ticks_of("cpu  200 10 60 860 70 0 0 0 40 0\n")), 60);
  EXPECT_EQ(percent_between(before, before), 0);
  EXPECT_EQ(percent_between(cpu_ticks_of("cpu  9 0 0 100"), cpu_ticks_of("cpu  8 0 0 110")), 0);
  EXPECT_EQ(cpu_ticks_of(""), CpuTicks{});
  EXPECT_EQ(memory_of("MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    400 kB\n"),
            (Memory{600 << 10, 1000 << 10}));
  EXPECT_EQ(memory_of("garbage"), Memory{});
}

TEST(MachineGauge, LooksAtThisMachine) {
  MachineGauge gauge("/nowhere", 7);
  const core::WorkerLoad load = gauge.look();
  EXPECT_GE(load.cpus, 1);
  EXPECT_GE(load.cpu_percent, 0);
  EXPECT_LE(load.cpu_percent, 100);
  EXPECT_GT(load.memory_bytes, 0u);
  EXPECT_LT(load.memory_bytes, load.memory_bytes_max);
  EXPECT_EQ(load.spool_bytes, 0u);
  EXPECT_EQ(load.spool_bytes_max, 7u);
}

}  // namespace
}  // namespace cronfleet::apps

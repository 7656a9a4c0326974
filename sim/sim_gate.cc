// sim_gate: the simulator as a gate of every test run. Simulates at least the firings asked for, on one node in most
// seeds and on two to four in some, under all faults, and ends with 1 when a single one of them is wrong.
//
//   sim_gate [FIRINGS]        1,000,000 unless told otherwise; fewer under sanitizers
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "sim/simulation.h"

int main(int argc, char** argv) {
  using namespace cronfleet::sim;
#ifdef CRONFLEET_SANITIZED
  std::uint64_t wanted = 30'000;
#else
  std::uint64_t wanted = 1'000'000;
#endif
  if (argc > 1) wanted = std::strtoull(argv[1], nullptr, 10);

  // Seeds share nothing, so each thread takes the next one; which thread ran it makes no difference.
  std::atomic<std::uint64_t> next_seed{1}, firings{0}, execs{0}, faults{0}, seeds{0}, failed{0};
  std::mutex printing;
  const auto began = std::chrono::steady_clock::now();
  const auto work = [&] {
    while (firings < wanted) {
      const std::uint64_t seed = next_seed++;
      Profile profile;
      profile.nodes = seed % 5 == 0 ? 2 + seed / 5 % 3 : 1;
      profile.jobs = 16;
      if (seed % 10 != 1) profile.faults = {"all"};
      const Verdict verdict = simulate(make_plan(seed, profile));
      firings += verdict.firings;
      execs += verdict.execs;
      faults += verdict.faults;
      ++seeds;
      if (verdict.violations.empty()) continue;
      ++failed;
      const std::lock_guard lock(printing);
      std::printf("seed %llu FAILED, see it with: cronfleet-sim --seed %llu --nodes %zu --jobs 16%s --shrink\n%s",
                  static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed), profile.nodes,
                  profile.faults.empty() ? " --faults none" : "", summary(verdict.violations).c_str());
      std::fflush(stdout);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu simulated firings, %llu runs, %llu seeds (%llu failed), %llu faults, %.1f s\n",
              static_cast<unsigned long long>(firings.load()), static_cast<unsigned long long>(execs.load()),
              static_cast<unsigned long long>(seeds.load()), static_cast<unsigned long long>(failed.load()),
              static_cast<unsigned long long>(faults.load()), took.count());
  return failed > 0 ? 1 : 0;
}

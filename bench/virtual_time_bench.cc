// Events per second of the simulator's heap, and calls per second to its store.
#include <benchmark/benchmark.h>

#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::sim {
namespace {

// `range(0)` timers of 16 nodes, each of which sets itself anew.
void Timers(benchmark::State& state) {
  VirtualTime time(from_seconds(0));
  std::deque<VirtualNode> nodes;
  for (int i = 0; i < 16; ++i) nodes.emplace_back(time, std::chrono::hours(i));
  Rng rng(1);
  struct Timer {
    VirtualNode& node;
    Rng& rng;
    void arm() {
      node.at(node.mono() + std::chrono::nanoseconds(rng.below(1'000'000'000)), [this] { arm(); });
    }
  };
  std::deque<Timer> timers;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    timers.emplace_back(Timer{nodes[static_cast<std::size_t>(i) % nodes.size()], rng}).arm();
  for (auto _ : state) time.run_one();
  state.SetItemsProcessed(state.iterations());
}

void Posts(benchmark::State& state) {
  VirtualTime time(from_seconds(0));
  VirtualNode node(time);
  std::function<void()> again = [&] { node.post([&] { again(); }); };
  again();
  for (auto _ : state) time.run_one();
  state.SetItemsProcessed(state.iterations());
}

void StoreCommits(benchmark::State& state) {
  VirtualTime time(from_seconds(0));
  VirtualNode cluster(time), node(time);
  SimStore store(cluster, cluster, Rng(1));
  const auto client = store.client(node);
  std::int64_t number = 0;
  for (auto _ : state) {
    bool answered = false;
    const std::string key = std::to_string(++number % 10'000);
    std::vector<Txn> batch;
    batch.push_back({{{key, Condition::Kind::ValueLess, "", 0}}, {{key, "x", 0}}, {key}});
    batch.push_back({{}, {{"m/" + key, "x", 0}}, {}});
    client->commit(std::move(batch), [&](auto) { answered = true; });
    while (!answered) time.run_one();
    if (number % 10'000 == 0) client->compact(store.revision(), [](auto) {});
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(Timers)->Arg(100)->Arg(100'000);
BENCHMARK(Posts);
BENCHMARK(StoreCommits);

}  // namespace
}  // namespace cronfleet::sim

BENCHMARK_MAIN();

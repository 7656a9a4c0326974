#include "runtime/outbox.h"

#include <gtest/gtest.h>

#include <set>

#include "history/own_folder_test.h"
#include "sim/sim_history.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::runtime {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = from_seconds(1'767'225'600);
constexpr std::uint64_t kChunks = 2;
constexpr std::size_t kChunkBytes = 4'000;

struct NoZones final : cron::ZoneSource {
  cron::ZonePtr find(std::string_view) const override { return nullptr; }
  std::vector<std::string> names() const override { return {}; }
  std::string version() const override { return {}; }
};

struct Silent final : WorkerObserver {
  void on_message(Level, std::string_view, std::string_view) override {}
  void on_refused(const Status&) override {}
};

// A machine whose journal has output of runs that are over.
struct Journal final : exec::Executor {
  explicit Journal(const sim::SimHistoryStore& store) : history(store) {}
  void start(exec::StartRequest) override {}
  void cancel(const domain::RunId&) override {}
  void kill(const domain::RunId&, exec::KillOrder) override {}
  void set_fence_deadline(const domain::RunId&, MonoTime) override {}
  void acknowledge(const domain::RunId& run) override {
    EXPECT_EQ(runs.erase(run), 1u) << run.text() << " a second time";
    const auto* chunks = history.chunks(run);
    EXPECT_TRUE(chunks != nullptr && chunks->size() == kChunks) << run.text() << " before the history has its output";
  }

  const sim::SimHistoryStore& history;
  std::set<domain::RunId> runs;
};

domain::RunId run(int i) { return {{JobName("talks"), kNow + std::chrono::seconds(i)}, 1}; }

class OutboxTest : public history::OwnFolderTest {
 protected:
  void SetUp() override {
    OwnFolderTest::SetUp();
    options.attic_folder = folder_;
    options.history.output_bytes_max = options.history.output_bytes_away = 64 << 10;
  }

  // Tells it what the journal has, as at the start of a worker.
  void begin_life() {
    history = std::make_unique<sim::SimHistory>(history_store, node);
    parts =
        std::make_unique<WorkerParts>(WorkerParts{*store, *history, journal, node, node, node, tokens, zones, Rng(1)});
    const auto step = [this](const core::Event& event) {
      if (const auto* answer = std::get_if<core::RunRecorded>(&event)) recorded.insert(answer->run);
    };
    outbox = std::make_unique<Outbox>(*parts, options, measures, observer, step);
    for (const domain::RunId& left : journal.runs) {
      core::RunOutput output{.text = "its text", .chunks = {}};
      for (std::uint64_t i = 0; i < kChunks; ++i)
        output.chunks.push_back({left, i, i * kChunkBytes, domain::OutputChunk::Stream::Out, kNow,
                                 std::string(kChunkBytes, static_cast<char>('a' + i))});
      outbox->left(left, output);
    }
  }
  void end_life() {
    outbox.reset();
    history.reset();
  }
  // As the scheduler does when it has listed its own keys and a run's is not among them.
  void forget_all() {
    for (const domain::RunId& left : std::set(journal.runs)) {
      core::Forget forget{left, true};
      outbox->perform(forget);
    }
  }
  void run_for(int seconds) {
    for (; seconds > 0; --seconds) {
      time.run_for(1s);
      outbox->look();
      held_most = std::max(held_most, outbox->output_bytes_waiting());
    }
  }

  sim::VirtualTime time{kNow};
  sim::VirtualNode world{time}, node{time};
  sim::SimStore sim_store{world, world, Rng(1), {}};
  std::unique_ptr<sim::SimClient> store = sim_store.client(node);
  sim::SimHistoryStore history_store{world, world, Rng(1), {}};
  Journal journal{history_store};
  RngTokens tokens{Rng(1)};
  NoZones zones;
  Silent observer;
  Measures measures;
  WorkerOptions options;
  std::unique_ptr<sim::SimHistory> history;
  std::unique_ptr<WorkerParts> parts;
  std::unique_ptr<Outbox> outbox;
  std::set<domain::RunId> recorded;
  std::size_t held_most = 0;
};

TEST_F(OutboxTest, OutputOfRunsThatOthersRecordedWaitsOnDiskAndGetsThere) {
  for (int i = 0; i < 300; ++i) journal.runs.insert(run(i));
  begin_life();
  history_store.set_down(true);
  forget_all();
  run_for(30);
  EXPECT_EQ(journal.runs.size(), 300u);
  // Killed while some of it is through.
  history_store.set_down(false);
  for (int i = 0; i < 30 && journal.runs.size() > 200; ++i) run_for(1);
  end_life();
  EXPECT_LE(journal.runs.size(), 200u);
  EXPECT_GT(journal.runs.size(), 0u);
  begin_life();
  forget_all();
  run_for(60);
  EXPECT_EQ(journal.runs.size(), 0u);
  std::printf("%zu bytes of output in memory at most\n", held_most);
  EXPECT_LE(held_most, 3 * options.history.output_bytes_max) << "of 2,400,000";
}

// Whoever had taken it over died before it was recorded.
TEST_F(OutboxTest, OneThatIsToBeRecordedAfterAllIsForgottenWithItsRecord) {
  journal.runs = {run(0), run(1)};
  begin_life();
  history_store.set_down(true);
  forget_all();
  core::Record record;
  record.record.id = run(1);
  outbox->perform(record);
  run_for(1);
  history_store.set_down(false);
  run_for(30);
  EXPECT_TRUE(recorded.contains(run(1)));
  EXPECT_EQ(history_store.records().at(run(1)).output, "its text");
  EXPECT_EQ(journal.runs, std::set{run(1)});
  core::Forget forget{run(1)};
  outbox->perform(forget);
  EXPECT_TRUE(journal.runs.empty());
}

}  // namespace
}  // namespace cronfleet::runtime

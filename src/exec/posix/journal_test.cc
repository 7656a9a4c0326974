#include "exec/posix/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/rng.h"
#include "exec/posix/replay.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "cronfleet-journal-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempFolder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string run_name(int i) { return fmt::format("job@r-{}.1", i); }

JournalOptions small(const std::string& folder) { return {folder, 4 << 20, 64 << 10, 64 << 10}; }

std::unique_ptr<Journal> open(const JournalOptions& options) {
  auto journal = Journal::open(options, milliseconds(0));
  EXPECT_TRUE(journal) << journal.error().text();
  return std::move(*journal);
}

EndedReport ended(const std::string& run, std::uint64_t bytes = 0) {
  EndedReport report{run, {}};
  report.end.status = domain::RunStatus::Succeeded;
  report.end.exit_code = 0;
  report.end.output_bytes = bytes;
  return report;
}
OutputReport output(const std::string& run, std::uint64_t sequence, std::uint64_t offset) {
  return {run, sequence, offset, domain::OutputChunk::Stream::Out, from_ms(1), {}};
}

// One run with everything, as the runner writes it.
void write_run(Journal& journal, const std::string& run, const std::string& bytes) {
  journal.add_intent(run);
  journal.flush();
  journal.add(StartedReport{run, 7, from_ms(5)});
  ASSERT_TRUE(journal.add_output(run, output(run, 0, 0), bytes));
  journal.add(ended(run, bytes.size()));
  journal.flush();
}

TEST(Journal, WhatWasWrittenIsReadBack) {
  TempFolder temp;
  const std::string folder = temp / "journal";
  {
    auto journal = open(small(folder));
    write_run(*journal, run_name(1), "hello");
    journal->add_intent(run_name(2));
    journal->add_intent(run_name(3));
    journal->add(StartFailedReport{run_name(3), NotStarted::SpawnFailed, "no such program"});
    write_run(*journal, run_name(4), "acknowledged");
    journal->acknowledge(run_name(4));
  }
  struct stat facts{};
  ASSERT_EQ(::stat(folder.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0700u);
  for (const auto& file : fs::directory_iterator(folder)) {
    ASSERT_EQ(::stat(file.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777u, 0600u) << file.path();
  }
  const auto read = replay(folder);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_TRUE(read->same_boot);
  EXPECT_TRUE(read->damage.empty());
  ASSERT_EQ(read->entries.size(), 3u);
  EXPECT_EQ(read->entries[0].run.text(), run_name(1));
  EXPECT_TRUE(read->entries[0].reached_exec);
  ASSERT_TRUE(read->entries[0].started);
  EXPECT_EQ(read->entries[0].started->pid, 7);
  ASSERT_TRUE(read->entries[0].ended);
  EXPECT_EQ(read->entries[0].ended->end.status, domain::RunStatus::Succeeded);
  EXPECT_EQ(read->entries[0].ended->output_text, "hello");
  EXPECT_EQ(read->entries[0].output.size(), 1u);
  EXPECT_TRUE(read->entries[1].reached_exec) << "an intent alone proves nothing";
  EXPECT_FALSE(read->entries[1].ended);
  EXPECT_FALSE(read->entries[2].reached_exec);
}

TEST(Journal, NoFolderIsEmptyAndProvesNothing) {
  TempFolder temp;
  const auto read = replay(temp / "none");
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->entries.empty());
  EXPECT_FALSE(read->same_boot);
}

TEST(Journal, SurvivesACutAtEveryByte) {
  TempFolder temp;
  const std::string folder = temp / "journal";
  {
    auto journal = open(small(folder));
    for (int i = 0; i < 4; ++i) write_run(*journal, run_name(i), "output " + std::to_string(i));
  }
  const std::string segment = folder + "/0000000000000001.journal";
  std::ifstream in(segment, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::size_t ended_before = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::string copy = temp / ("cut" + std::to_string(size));
    fs::create_directory(copy);
    std::ofstream(copy + "/0000000000000001.journal", std::ios::binary) << whole.substr(0, size);
    const auto read = replay(copy);
    ASSERT_TRUE(read) << read.error().text();
    std::size_t ended_runs = 0;
    for (const JournalEntry& entry : read->entries) {
      if (!entry.ended) continue;
      EXPECT_EQ(entry.ended->output_text, "output " + std::to_string(ended_runs));
      ++ended_runs;
    }
    EXPECT_GE(ended_runs, ended_before);
    ended_before = ended_runs;
    // A runner goes on after the cut, and what it adds is found.
    {
      auto journal = open(small(copy));
      write_run(*journal, run_name(100), "later");
    }
    const auto again = replay(copy);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->damage.empty()) << again->damage.front();
    EXPECT_EQ(again->entries.size(), read->entries.size() + 1);
    EXPECT_EQ(again->entries.back().ended->output_text, "later");
    fs::remove_all(copy);
  }
  EXPECT_EQ(ended_before, 4u);
}

TEST(Journal, ABrokenByteIsReportedAndTheRestOfItsSegmentSetAside) {
  TempFolder temp;
  const std::string folder = temp / "journal";
  {
    auto journal = open(small(folder));
    for (int i = 0; i < 4; ++i) write_run(*journal, run_name(i), "output");
  }
  const std::string segment = folder + "/0000000000000001.journal";
  const auto middle = static_cast<std::streamoff>(fs::file_size(segment) / 2);
  std::fstream file(segment, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(middle);
  const char was = static_cast<char>(file.get());
  file.seekp(middle);
  file.put(static_cast<char>(was ^ 1));
  file.close();
  const auto read = replay(folder);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->damage.size(), 1u);
  EXPECT_NE(read->damage[0].find("0000000000000001.journal: frame at byte"), std::string::npos) << read->damage[0];
  EXPECT_GE(read->entries.size(), 2u);
}

TEST(Journal, AcknowledgedSpaceIsFreedAlsoBehindALongRun) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  auto journal = open(options);
  const std::string slow = "slow@r-1.1";
  journal->add_intent(slow);
  ASSERT_TRUE(journal->add_output(slow, output(slow, 0, 0), "first words"));
  const std::string bytes(5000, 'x');
  for (int i = 0; i < 2000; ++i) {
    write_run(*journal, run_name(i), bytes);
    journal->acknowledge(run_name(i));
    ASSERT_LE(journal->bytes(), 8 * options.segment_bytes) << i;
  }
  EXPECT_FALSE(journal->full());
  journal.reset();
  auto read = replay(options.folder);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 1u);
  EXPECT_EQ(read->entries[0].run.text(), slow);
  EXPECT_EQ(read->entries[0].output.at(0).bytes, "first words");
  // The same after a restart, and once it is acknowledged too nothing is left.
  journal = open(options);
  journal->acknowledge(slow);
  EXPECT_EQ(journal->segments(), 1u);
  journal.reset();
  read = replay(options.folder);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->entries.empty());
}

TEST(Journal, RandomWritesAcknowledgementsAndRestartsLoseNothing) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  Rng rng(11);
  std::map<std::string, std::string> expected;
  auto journal = open(options);
  for (int i = 0; i < 1500; ++i) {
    const std::string bytes(rng.below(10) == 0 ? 20'000 : rng.below(3000), static_cast<char>('a' + i % 26));
    write_run(*journal, run_name(i), bytes);
    expected[run_name(i)] = bytes;
    while (expected.size() > 20 || (!expected.empty() && rng.chance(0.5))) {
      auto chosen = std::next(expected.begin(), static_cast<std::ptrdiff_t>(rng.below(expected.size())));
      journal->acknowledge(chosen->first);
      expected.erase(chosen);
      ASSERT_EQ(journal->runs(), expected.size());
    }
    if (rng.chance(0.02)) {
      journal.reset();
      const auto read = replay(options.folder);
      ASSERT_TRUE(read);
      ASSERT_EQ(read->entries.size(), expected.size());
      for (const JournalEntry& entry : read->entries) {
        ASSERT_TRUE(entry.ended);
        ASSERT_EQ(entry.ended->output_text, expected.at(entry.run.text()));
      }
      journal = open(options);
    }
  }
}

// What is needed decides what is written once more: a sum that drifts would do so always or never.
TEST(Journal, CountsWhatIsNeeded) {
  TempFolder temp;
  auto journal = open(small(temp / "journal"));
  Rng rng(13);
  std::vector<std::string> waiting;
  const auto acknowledge_one = [&] {
    const auto chosen = waiting.begin() + static_cast<std::ptrdiff_t>(rng.below(waiting.size()));
    journal->acknowledge(*chosen);
    waiting.erase(chosen);
  };
  for (int i = 0; i < 1500; ++i) {
    write_run(*journal, run_name(i), std::string(rng.below(10) == 0 ? 20'000 : rng.below(300), 'x'));
    waiting.push_back(run_name(i));
    while (waiting.size() > 60) acknowledge_one();
    ASSERT_LE(journal->live_bytes(), journal->bytes());
  }
  while (!waiting.empty()) acknowledge_one();
  EXPECT_EQ(journal->runs(), 0u);
  EXPECT_EQ(journal->live_bytes(), 0u);
}

// Refused at first, as where the machine was full, then started under the same id.
TEST(Journal, ARunThatWasRefusedAndStartedAgainReachedItsProgram) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  auto journal = open(options);
  const std::string again = "again@r-1.1", refused = "refused@r-1.1", told = "told@r-1.1";
  for (const std::string& run : {again, refused, told}) {
    journal->add_intent(run);
    journal->add(StartFailedReport{run, NotStarted::Overloaded, "no room"});
  }
  for (const std::string& run : {again, told}) journal->add_intent(run);
  journal->add(StartedReport{told, 7, from_ms(5)});
  journal->flush();
  const auto read = replay(options.folder);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 3u);
  for (const JournalEntry& entry : read->entries)
    EXPECT_EQ(entry.reached_exec, entry.run.text() != refused) << entry.run.text();
}

TEST(Journal, ARunThatWasRefusedAndStartedAgainLosesNothing) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  auto journal = open(options);
  const std::string slow = "slow@r-1.1", bytes(5000, 'x');
  journal->add_intent(slow);
  journal->add(StartFailedReport{slow, NotStarted::Overloaded, "no room"});
  journal->add_intent(slow);
  std::uint64_t pieces = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i % 70 == 0) {
      ASSERT_TRUE(journal->add_output(slow, output(slow, pieces, pieces), "p"));
      ++pieces;
    }
    write_run(*journal, run_name(i), bytes);
    journal->acknowledge(run_name(i));
  }
  journal.reset();
  const auto read = replay(options.folder);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 1u);
  EXPECT_EQ(read->entries[0].output.size(), pieces);
}

// The oldest segment is written once more, what is not acknowledged of it, before it goes: after a crash in between
// both stand.
TEST(Journal, AnAcknowledgementReachesBothPlacesOfARunThatWasCarriedOver) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  const std::string first = options.folder + "/0000000000000001.journal", kept = temp / "kept", waits = "waits@r-1.1";
  const auto link_all = [](const std::string& from, const std::string& to) {
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(from))
      if (const fs::path name = fs::path(to) / entry.path().filename(); !fs::exists(name))
        fs::create_hard_link(entry.path(), name);
  };
  auto journal = open(options);
  const std::string bytes(5000, 'x');
  write_run(*journal, waits, "its words");
  for (int i = 0; fs::exists(first); ++i) {
    link_all(options.folder, kept);
    write_run(*journal, run_name(i), bytes);
    journal->acknowledge(run_name(i));
    ASSERT_LT(i, 1000);
  }
  journal.reset();
  link_all(kept, options.folder);
  JournalOptions patient = options;
  patient.segment_bytes = 8 << 20;  // so that it is not carried over at once
  journal = open(patient);
  EXPECT_EQ(replay(options.folder)->entries.size(), 1u);
  journal->acknowledge(waits);
  EXPECT_EQ(journal->runs(), 0u);
  EXPECT_EQ(journal->segments(), 1u);
}

// Their frames lie in many segments, of which the oldest are freed again and again while they go on.
TEST(Journal, SlowRunsLoseNothingWhileTheirSegmentsAreFreed) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  Rng rng(12);
  auto journal = open(options);
  std::vector<std::string> written(5);
  std::vector<std::uint64_t> pieces(5);
  const auto slow = [](std::size_t i) { return fmt::format("slow@r-{}.1", i); };
  const auto go_on = [&](std::size_t i) {
    const std::string bytes(1 + rng.below(200), static_cast<char>('a' + pieces[i] % 26));
    ASSERT_TRUE(journal->add_output(slow(i), output(slow(i), pieces[i]++, written[i].size()), bytes));
    written[i] += bytes;
  };
  for (std::size_t i = 0; i < 5; ++i) journal->add_intent(slow(i));
  for (int i = 0; i < 1000; ++i) {
    // The first and the last write often, the others seldom or only once: then segments between hold nothing of them.
    go_on(0), go_on(4);
    if (i % 150 == 7) go_on(1);
    if (i == 20) go_on(2);
    write_run(*journal, run_name(i), std::string(5000, 'x'));
    journal->acknowledge(run_name(i));
    ASSERT_LE(journal->bytes(), 2u * 400'000 + 8 * options.segment_bytes) << i;
    if (!rng.chance(0.01)) continue;
    journal.reset();
    const auto read = replay(options.folder);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->entries.size(), 5u);
    for (const JournalEntry& entry : read->entries) {  // in the order in which they were carried over
      std::string found;
      for (const domain::OutputChunk& chunk : entry.output) found += chunk.bytes;
      const auto run = static_cast<std::size_t>(entry.run.text().at(7) - '0');
      ASSERT_EQ(entry.run.text(), slow(run));
      ASSERT_TRUE(found == written[run]) << run << ": " << found.size() << " bytes, written " << written[run].size();
    }
    journal = open(options);
    ASSERT_EQ(journal->runs(), 5u);
  }
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_GT(journal->segments(), 1u);
    journal->acknowledge(slow(i));
  }
  EXPECT_EQ(journal->runs(), 0u);
  EXPECT_EQ(journal->segments(), 1u);
}

// What is in memory at once is one segment and what began before it, however much there is.
TEST(Journal, IsReadInParts) {
  TempFolder temp;
  const JournalOptions options = {temp / "journal", 64 << 20, 64 << 10, 64 << 10};
  constexpr int kRuns = 1000;
  const auto text = [](int i) { return std::string(2000, static_cast<char>('a' + i % 26)); };
  const std::string slow = "slow@r-1.1";
  {
    auto journal = open(options);
    journal->add_intent(slow);
    for (int i = 0; i < kRuns; ++i) {
      write_run(*journal, run_name(i), text(i));
      if (i % 100 == 50) {
        ASSERT_TRUE(journal->add_output(slow, output(slow, static_cast<std::uint64_t>(i), 0), "x"));
      }
      if (i % 10 == 9) journal->acknowledge(run_name(i - 5));
    }
    ASSERT_GT(journal->segments(), 20u);
  }
  std::size_t seen = 0, slow_seen = 0;
  int last = -1;
  const auto findings = replay(options.folder, [&](JournalEntry entry) {
    if (entry.run.text() == slow) {
      ++slow_seen;
      EXPECT_EQ(entry.output.size(), 10u);
      return;
    }
    const int i = std::stoi(entry.run.text().substr(6));
    EXPECT_GT(i, last);
    EXPECT_NE(i % 10, 4) << "it is acknowledged";
    last = i;
    ASSERT_TRUE(entry.ended);
    EXPECT_TRUE(entry.ended->output_text == text(i)) << i;
    ++seen;
  });
  ASSERT_TRUE(findings) << findings.error().text();
  EXPECT_EQ(seen, static_cast<std::size_t>(kRuns - kRuns / 10));
  EXPECT_EQ(slow_seen, 1u);
  std::printf("%zu of %zu runs in memory at once\n", findings->held_most, seen + slow_seen);
  EXPECT_LE(findings->held_most, 40u) << "a segment holds some thirty of them";
  EXPECT_EQ(replay(options.folder)->entries.size(), seen + slow_seen);
}

// With the history away very many wait, each with a name of some length.
TEST(Journal, HoldsLittleOfEachRunThatWaits) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "memory is not counted under a sanitizer";
#endif
  TempFolder temp;
  JournalOptions options = {temp / "journal"};
  options.segment_bytes = 256 << 10;
  auto journal = open(options);
  constexpr int kRuns = 50'000;
  const auto name = [](int i) { return fmt::format("a-job-of-some-name-{}@2026-11-27T02:00:00Z.1", i); };
  const auto before = ::mallinfo2().uordblks;
  for (int i = 0; i < kRuns; ++i) {
    journal->add_intent(name(i));
    journal->add(ended(name(i)));
    if (i % 100 == 99) journal->flush();
  }
  const double each = static_cast<double>(::mallinfo2().uordblks - before) / kRuns;
  std::printf("%.0f bytes of memory for each run that waits\n", each);
  EXPECT_EQ(journal->runs(), static_cast<std::size_t>(kRuns));
  EXPECT_LT(each, 20);
  for (int i = 0; i < kRuns; ++i) {
    journal->acknowledge(name(i));
    if (i % 100 == 99) journal->flush();
  }
  EXPECT_EQ(journal->runs(), 0u);
}

TEST(Journal, ASecondRunnerIsRefused) {
  TempFolder temp;
  auto journal = open(small(temp / "journal"));
  const auto second = Journal::open(small(temp / "journal"), milliseconds(30));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::Conflict);
}

TEST(Journal, AtItsCapItTakesNoOutputAndSaysItIsFull) {
  TempFolder temp;
  JournalOptions options = small(temp / "journal");
  options.bytes_max = 256 << 10;
  auto journal = open(options);
  const std::string bytes(10'000, 'x');
  int taken = 0;
  while (journal->add_output(run_name(taken), output(run_name(taken), 0, 0), bytes)) ++taken;
  EXPECT_LE(journal->bytes(), options.bytes_max);
  EXPECT_FALSE(journal->full());
  for (int i = 1000; !journal->full(); ++i) {
    journal->add(ended(run_name(i)));
    journal->flush();
    ASSERT_LT(journal->bytes(), options.bytes_max + 1000);
  }
  for (int i = 0; i < taken; ++i) journal->acknowledge(run_name(i));
  journal->retry();
  EXPECT_FALSE(journal->full());
  EXPECT_TRUE(journal->takes_output());
}

TEST(Journal, OnceAllIsAcknowledgedItGivesItsBytesBack) {
  TempFolder temp;
  const JournalOptions options = small(temp / "journal");
  auto journal = open(options);
  EXPECT_EQ(journal->bytes(), Journal::empty_bytes());
  EXPECT_FALSE(journal->idle()) << "there is nothing to give back";
  for (int i = 0; i < 30; ++i) write_run(*journal, run_name(i), std::string(5'000, 'x'));
  for (int i = 0; i < 29; ++i) journal->acknowledge(run_name(i));
  journal->flush();
  EXPECT_FALSE(journal->idle());
  journal->tidy();  // does nothing while a run is left
  EXPECT_EQ(replay(options.folder)->entries.size(), 1u);
  journal->acknowledge(run_name(29));
  EXPECT_FALSE(journal->idle()) << "the acknowledgement is not written yet";
  journal->flush();
  ASSERT_TRUE(journal->idle());
  journal->tidy();
  EXPECT_EQ(journal->bytes(), Journal::empty_bytes());
  std::uint64_t on_disk = 0;
  for (const auto& file : fs::directory_iterator(options.folder))
    if (file.path().extension() == ".journal") on_disk += file.file_size();
  EXPECT_EQ(on_disk, Journal::empty_bytes());
  // What comes then is written and read like anything else.
  write_run(*journal, run_name(100), "hello");
  journal.reset();
  const auto read = replay(options.folder);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->damage.empty());
  ASSERT_EQ(read->entries.size(), 1u);
  EXPECT_EQ(read->entries[0].run.text(), run_name(100));
  EXPECT_TRUE(read->entries[0].ended);
}

// A file system of its own, so small that it is soon full.
TEST(Journal, OnAFullDiskEndsGoToTheReserve) {
  TempFolder temp;
  if (::mount("tmpfs", temp.path().c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs: not root";
  JournalOptions options = small(temp / "journal");
  auto journal = open(options);
  const std::string filler = temp / "filler";
  {
    const Fd fd(::open(filler.c_str(), O_WRONLY | O_CREAT, 0600));
    const std::string block(4096, 'f');
    while (::write(fd.get(), block.data(), block.size()) > 0) {
    }
  }
  const std::string bytes(60'000, 'x');
  EXPECT_FALSE(journal->add_output(run_name(0), output(run_name(0), 0, 0), bytes));
  EXPECT_TRUE(journal->full());
  for (int i = 0; i < 200; ++i) {
    journal->add_intent(run_name(i));
    journal->add(ended(run_name(i), 60'000));
    journal->flush();
  }
  auto read = replay(options.folder);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->damage.empty()) << read->damage.front();
  ASSERT_EQ(read->entries.size(), 200u);
  for (const JournalEntry& entry : read->entries) EXPECT_TRUE(entry.ended);
  EXPECT_EQ(read->entries[0].ended->output_text, "[... 60000 bytes left out ...]\n");

  journal->retry();
  EXPECT_TRUE(journal->full()) << "still no room";
  fs::remove(filler);
  journal->retry();
  EXPECT_FALSE(journal->full());
  EXPECT_TRUE(journal->add_output(run_name(0), output(run_name(0), 0, 0), bytes));
  journal.reset();
  read = replay(options.folder);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entries.size(), 200u);
  ::umount(temp.path().c_str());
}

}  // namespace
}  // namespace cronfleet::exec::posix

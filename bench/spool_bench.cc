// What the spool takes: ends of runs and output in the runner's journal, each group of them on disk before the next
// one, beside a bare write and fdatasync of the same bytes in the same groups.
//
//   build/release/bench/spool_bench [rounds]
//
// On the disk of TMPDIR. Both sides take turns in one process; the medians of the rounds are told.
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "exec/posix/journal.h"
#include "tests/conformance/run_samples.h"
#include "tests/conformance/temporary_folder.h"

namespace cronfleet {
namespace {

using exec::posix::EndedReport;
using exec::posix::Journal;
using exec::posix::OutputReport;

constexpr std::size_t kRecords = 200'000, kRecordsPerSync = 2'000;
constexpr std::size_t kPieceBytes = 64 << 10, kPieces = 8'192, kPiecesPerSync = 128, kPiecesPerRun = 512;

double seconds_of(clockid_t clock) {
  timespec now{};
  CHECK(::clock_gettime(clock, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Taken {
  double per_second = 0;
  double cpu_us = 0;  // for each
};
class Watch {
 public:
  Taken taken(double count) const {
    return {count / (seconds_of(CLOCK_MONOTONIC) - wall_), (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_) / count * 1e6};
  }

 private:
  const double wall_ = seconds_of(CLOCK_MONOTONIC), cpu_ = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
};

void sync(Journal& journal) {
  journal.flush();
  for (const auto& file : journal.take_unsynced()) CHECK(file->sync().has_value());
}

std::unique_ptr<Journal> open_journal(const testing::TemporaryFolder& folder) {
  auto opened = Journal::open({.folder = folder.file("journal")}, std::chrono::seconds(0));
  CHECK(opened.has_value());
  return std::move(*opened);
}

std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back(testing::run_id("job-" + std::to_string(i % 1000), static_cast<std::int64_t>(i)).text());
  return made;
}

// Ends, as they come from runs that are over; what is on disk is acknowledged as the history does it, a group later.
// `bytes`: that one of them takes.
Taken records_spooled(const std::vector<std::string>& runs, double& bytes) {
  const testing::TemporaryFolder folder;
  const auto journal = open_journal(folder);
  const std::uint64_t before = journal->bytes();
  EndedReport report{{}, testing::record_of(testing::run_id("a", 0)).end};
  const Watch watch;
  for (std::size_t first = 0; first < runs.size(); first += kRecordsPerSync) {
    for (std::size_t i = first; i < first + kRecordsPerSync; ++i) {
      report.run = runs[i];
      journal->add(report);
    }
    if (first >= kRecordsPerSync)
      for (std::size_t i = first - kRecordsPerSync; i < first; ++i) journal->acknowledge(runs[i]);
    sync(*journal);
    if (first == 0) bytes = static_cast<double>(journal->bytes() - before) / kRecordsPerSync;
  }
  CHECK(!journal->full());
  return watch.taken(static_cast<double>(runs.size()));
}

Taken output_spooled(const std::vector<std::string>& runs) {
  const testing::TemporaryFolder folder;
  const auto journal = open_journal(folder);
  const std::string piece(kPieceBytes, 'x');
  const Watch watch;
  for (std::size_t i = 0; i < kPieces; ++i) {
    const std::string& run = runs[i / kPiecesPerRun];
    const std::size_t of_run = i % kPiecesPerRun;
    CHECK(journal->add_output(run, OutputReport{run, of_run, of_run * kPieceBytes, {}, {}, {}}, piece));
    if ((i + 1) % kPiecesPerSync == 0) sync(*journal);
    if (of_run == kPiecesPerRun - 1) journal->acknowledge(run);
  }
  return watch.taken(static_cast<double>(kPieces));
}

// The same bytes in the same groups into one file.
Taken bare(std::size_t count, std::size_t per_sync, std::size_t bytes_each, std::size_t writes_per_sync) {
  const testing::TemporaryFolder folder;
  const int fd = ::open(folder.file("bare").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  CHECK(fd >= 0);
  const std::string block(per_sync * bytes_each / writes_per_sync, 'x');
  const Watch watch;
  for (std::size_t done = 0; done < count; done += per_sync) {
    for (std::size_t i = 0; i < writes_per_sync; ++i)
      CHECK(::write(fd, block.data(), block.size()) == static_cast<ssize_t>(block.size()));
    CHECK(::fdatasync(fd) == 0);
  }
  const Taken taken = watch.taken(static_cast<double>(count));
  ::close(fd);
  return taken;
}

Taken median(std::vector<Taken> all) {
  std::sort(all.begin(), all.end(), [](const Taken& a, const Taken& b) { return a.per_second < b.per_second; });
  return all[all.size() / 2];
}

int run(int rounds) {
  std::vector<Taken> records, records_bare, output, output_bare;
  const auto runs = names(kRecords);
  double bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    records.push_back(records_spooled(runs, bytes));
    records_bare.push_back(bare(kRecords, kRecordsPerSync, static_cast<std::size_t>(bytes), 1));
    output.push_back(output_spooled(runs));
    output_bare.push_back(bare(kPieces, kPiecesPerSync, kPieceBytes, kPiecesPerSync));
  }
  const Taken r = median(records), rb = median(records_bare), o = median(output), ob = median(output_bare);
  constexpr double kMega = kPieceBytes / 1e6;
  std::printf(
      "records of %.0f bytes, %zu in a group: %.0f/s, %.2f us of CPU; bare write and fdatasync %.0f/s, %.2f us: %.2f "
      "x\n",
      bytes, kRecordsPerSync, r.per_second, r.cpu_us, rb.per_second, rb.cpu_us, r.per_second / rb.per_second);
  std::printf(
      "output in pieces of 64 KiB, 8 MiB in a group: %.0f MB/s, %.2f us of CPU for each MB; bare %.0f MB/s, %.2f us: "
      "%.2f x\n",
      o.per_second * kMega, o.cpu_us / kMega, ob.per_second * kMega, ob.cpu_us / kMega, o.per_second / ob.per_second);
  return 0;
}

}  // namespace
}  // namespace cronfleet

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 5;
  if (rounds < 1) {
    std::fprintf(stderr, "spool_bench: expected a number of rounds\n");
    return 2;
  }
  return cronfleet::run(rounds);
}

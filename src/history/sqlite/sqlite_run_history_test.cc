#include "history/sqlite/sqlite_run_history.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/rng.h"
#include "history/sqlite/database.h"
#include "history/sqlite/reader.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/queue_loop.h"
#include "tests/conformance/run_samples.h"
#include "tests/conformance/temporary_folder.h"

namespace {
std::atomic<int> syncs = 0;
}  // namespace

// SQLite's way to the disk leads through here, so that a test can count.
extern "C" int fdatasync(int file) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

namespace cronfleet::history {
namespace {

using testing::chunk_of;
using testing::record_of;
using testing::run_id;
using Outcome = Inserted::Outcome;

const WallTime kNow = from_seconds(testing::kFirstSecond + 86'400);

struct SqliteRunHistoryTest : ::testing::Test {
  Result<void> open(SqliteHistoryOptions options = {}) {
    history.reset();
    auto opened = SqliteRunHistory::open(file, loop, clock, options);
    if (!opened) return Failure(opened.error());
    history = std::move(*opened);
    return {};
  }
  auto calls() {
    return testing::HistoryCalls(*history, [this](auto done) { return loop.run_until(done); });
  }
  Result<std::vector<Inserted>> insert(std::int64_t first, std::int64_t count, std::size_t output_bytes = 0) {
    std::vector<domain::RunRecord> records;
    for (std::int64_t i = first; i < first + count; ++i) {
      records.push_back(record_of(run_id("a", i)));
      records.back().output.assign(output_bytes, 'x');
    }
    return calls().insert(std::move(records));
  }
  // What SQLite itself, beside us, says to `sql`: its first column, one row a line.
  std::string ask(const std::string& sql) {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
    std::string text;
    const auto add = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) += std::string(values[0] != nullptr ? values[0] : "null") + "\n";
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), add, &text, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
    return text;
  }
  std::int64_t number(const std::string& sql) { return std::stoll(ask(sql)); }
  void overwrite(std::streamoff at, const std::string& bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(at);
    stream << bytes;
  }

  testing::TemporaryFolder folder;
  std::string file = folder.file("history.db");
  testing::QueueLoop loop;
  testing::SetClock clock{kNow};
  std::unique_ptr<SqliteRunHistory> history;
};

TEST_F(SqliteRunHistoryTest, WhatWasAnsweredIsThereAfterAReopen) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(insert(0, 100));
  ASSERT_TRUE(calls().append({chunk_of(run_id("a", 0), 0, 0, "hello")}));
  ASSERT_TRUE(open());
  EXPECT_EQ(history->find({.limit = 500})->items.size(), 100u);
  EXPECT_EQ(history->output(run_id("a", 0), 0, 10)->chunks.size(), 1u);
  EXPECT_EQ(insert(99, 2)->at(0).outcome, Outcome::Duplicate);
  EXPECT_EQ(calls().prune({std::chrono::hours(0), 10}, kNow, 1000), std::size_t{91}) << "counted anew";
}

TEST_F(SqliteRunHistoryTest, OnlyItsOwnerReadsTheFile) {
  const mode_t before = ::umask(0);
  ASSERT_TRUE(open());
  ASSERT_TRUE(insert(0, 1));
  ::umask(before);
  for (const char* end : {"", "-wal", "-shm"}) {
    struct stat state{};
    ASSERT_EQ(::stat((file + end).c_str(), &state), 0) << end;
    EXPECT_EQ(state.st_mode & 0777, 0600u) << end;
  }
}

TEST_F(SqliteRunHistoryTest, TheTablesAreStrictAndTheLogIsWrittenAhead) {
  ASSERT_TRUE(open());
  EXPECT_EQ(ask("PRAGMA journal_mode"), "wal\n");
  EXPECT_EQ(ask("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE "
                "'sqlite_%' AND strict = 0"),
            "0\n");
}

TEST_F(SqliteRunHistoryTest, EveryAnswerWaitsForTheDisk) {
  ASSERT_TRUE(open());
  for (std::int64_t i = 0; i < 20; ++i) {
    const int before = syncs;
    ASSERT_TRUE(insert(i, 1));
    EXPECT_GT(syncs, before);
  }
}

TEST_F(SqliteRunHistoryTest, AFileOfAnUnknownFormatIsRefusedUnchanged) {
  ASSERT_TRUE(open());
  history.reset();
  ask("PRAGMA user_version = 7");
  const auto of_version = open();
  ASSERT_FALSE(of_version);
  EXPECT_EQ(of_version.error().code(), Code::InvalidArgument);
  EXPECT_NE(of_version.error().message().find("format 7, this cronfleet knows 1"), std::string::npos)
      << of_version.error().text();
  EXPECT_EQ(number("PRAGMA user_version"), 7);

  file = folder.file("other.db");
  ask("CREATE TABLE bookmarks(url TEXT)");
  const auto of_other = open();
  ASSERT_FALSE(of_other);
  EXPECT_EQ(of_other.error().code(), Code::InvalidArgument);
  EXPECT_EQ(ask("SELECT name FROM sqlite_schema"), "bookmarks\n");
  EXPECT_EQ(ask("PRAGMA journal_mode"), "delete\n");

  file = folder.file("no such folder/history.db");
  ASSERT_FALSE(open());
  EXPECT_EQ(open().error().code(), Code::InvalidArgument);
}

TEST_F(SqliteRunHistoryTest, ADamagedFileIsNamedWithWhatToDo) {
  {
    std::ofstream garbage(file);
    garbage << std::string(8192, 'g');
  }
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::Corrupt);
  EXPECT_NE(opened.error().message().find(".recover"), std::string::npos) << opened.error().text();

  // Damage that shows only when the pages are used.
  file = folder.file("damaged.db");
  ASSERT_TRUE(open());
  ASSERT_TRUE(insert(0, 2000));
  history.reset();
  const std::int64_t pages = number("PRAGMA page_count");
  ask("PRAGMA wal_checkpoint(TRUNCATE)");
  // All pages but those of the schema.
  const std::int64_t first = 1 + number("SELECT max(rootpage) FROM sqlite_schema");
  for (std::int64_t page = first; page < pages; ++page) overwrite(page * 4096, std::string(4096, '\xff'));
  ASSERT_TRUE(open());
  const auto inserted = insert(5000, 10);
  ASSERT_FALSE(inserted);
  EXPECT_EQ(inserted.error().code(), Code::Corrupt);
  EXPECT_NE(inserted.error().message().find(".recover"), std::string::npos);
  const auto found = history->find({});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::Corrupt);
}

TEST_F(SqliteRunHistoryTest, AFullQuotaRefusesWritesAndRecovers) {
  ASSERT_TRUE(open({.file_bytes_max = 1 << 20}));
  std::int64_t stored = 0;
  for (;; stored += 10) {
    const auto answer = insert(stored, 10, 1000);
    if (answer) continue;
    EXPECT_EQ(answer.error().code(), Code::NoSpace) << answer.error().text();
    break;
  }
  EXPECT_GT(stored, 100);
  const auto output = calls().append({chunk_of(run_id("a", 0), 0, 0, std::string(1 << 20, 'x'))});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code(), Code::NoSpace);
  EXPECT_EQ(history->find({.limit = 500})->items.size(), static_cast<std::size_t>(std::min<std::int64_t>(stored, 500)))
      << "reads go on, and nothing of the refused batch is there";
  // Pruning makes room again.
  const auto pruned = calls().prune({std::chrono::hours(0), 50}, kNow, 1000);
  ASSERT_TRUE(pruned) << pruned.error().text();
  EXPECT_EQ(*pruned, static_cast<std::size_t>(stored) - 50);
  EXPECT_EQ(insert(stored, 10, 1000)->at(0).outcome, Outcome::Stored);
}

// A real full disk, where a file system may be mounted; in a process of its own with its own view of the mounts.
TEST_F(SqliteRunHistoryTest, AFullDiskRefusesWritesAndRecovers) {
  constexpr int kNoMount = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string disk = folder.file("disk");
    if (::mkdir(disk.c_str(), 0700) != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=4m") != 0)
      ::_exit(kNoMount);
    file = disk + "/history.db";
    if (!open()) ::_exit(1);
    const std::string filler = disk + "/filler";
    std::ofstream(filler) << std::string(2 << 20, 'x') << std::flush;
    std::int64_t stored = 0;
    Code code = Code::Cancelled;
    for (; code == Code::Cancelled; stored += 10) {
      const auto answer = insert(stored, 10, 2000);
      if (!answer) code = answer.error().code();
    }
    stored -= 10;
    if (code != Code::NoSpace) ::_exit(2);
    if (!history->get(run_id("a", stored - 1)) || history->get(run_id("a", stored))) ::_exit(3);
    ::unlink(filler.c_str());
    const auto again = insert(stored, 10, 2000);
    if (!again || again->at(0).outcome != Outcome::Stored) ::_exit(4);
    history.reset();
    if (!open() || !history->get(run_id("a", stored + 9)) || ask("PRAGMA integrity_check") != "ok\n") ::_exit(5);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoMount) GTEST_SKIP() << "may not mount a small tmpfs here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// kill -9 at any moment: what was answered stands, with its output, and the file is sound.
TEST_F(SqliteRunHistoryTest, AKillLosesNothingThatWasAnswered) {
  Rng rng(11);
  std::int64_t next = 0;
  for (int round = 0; round < 25; ++round) {
    int answers[2];
    ASSERT_EQ(::pipe(answers), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      if (!open()) ::_exit(1);
      for (std::int64_t i = next;; i += 5) {
        std::vector<domain::OutputChunk> chunks;
        for (std::int64_t n = i; n < i + 5; ++n) chunks.push_back(chunk_of(run_id("a", n), 0, 0, "output"));
        if (!calls().append(std::move(chunks)) || !insert(i, 5)) ::_exit(1);
        if (::write(answers[1], &i, sizeof i) != sizeof i) ::_exit(1);
      }
    }
    ::close(answers[1]);
    std::int64_t last = -1, seen = 0;
    const std::uint64_t wanted = rng.below(40);
    while (seen <= static_cast<std::int64_t>(wanted) && ::read(answers[0], &last, sizeof last) == sizeof last) ++seen;
    ::usleep(static_cast<useconds_t>(rng.below(3000)));  // somewhere within a commit
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(answers[0], &last, sizeof last) == sizeof last) ++seen;
    ::close(answers[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_GT(seen, 0);

    ASSERT_TRUE(open());
    for (std::int64_t i = next; i < last + 5; ++i) {
      ASSERT_TRUE(history->get(run_id("a", i))) << "run " << i << " was answered and is gone";
      ASSERT_EQ(history->output(run_id("a", i), 0, 10)->chunks.size(), 1u);
    }
    ASSERT_EQ(number("SELECT count(*) FROM runs") % 5, 0) << "half a batch";
    ASSERT_EQ(ask("PRAGMA integrity_check"), "ok\n");
    next = last + 10;
    history.reset();
  }
}

TEST_F(SqliteRunHistoryTest, QueuedWritesShareACommit) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(insert(0, 1));
  // A writer that waits for us: what comes meanwhile gathers.
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  int answered = 0;
  constexpr int kInserts = 200;
  for (int i = 1; i <= kInserts; ++i) {
    history->insert({record_of(run_id("a", i))}, [&](Result<std::vector<Inserted>> answer) {
      EXPECT_TRUE(answer);
      ++answered;
    });
  }
  const auto log_bytes = [&] { return std::filesystem::file_size(file + "-wal"); };
  const auto before = log_bytes();
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  ASSERT_TRUE(loop.run_until([&] { return answered == kInserts; }));
  EXPECT_LT(log_bytes() - before, 4096u * 100) << "200 commits of their own write more than a page each";
}

TEST_F(SqliteRunHistoryTest, AFullQueueAnswersUnavailable) {
  ASSERT_TRUE(open({.queue_bytes_max = 50'000}));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  int stored = 0, unavailable = 0;
  for (int i = 0; i < 30; ++i) {
    auto record = record_of(run_id("a", i));
    record.output.assign(10'000, 'x');
    history->insert({std::move(record)}, [&](Result<std::vector<Inserted>> answer) {
      if (answer) ++stored;
      if (!answer && answer.error().code() == Code::Unavailable) ++unavailable;
    });
  }
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  ASSERT_TRUE(loop.run_until([&] { return stored + unavailable == 30; }));
  EXPECT_GT(stored, 2);
  EXPECT_GT(unavailable, 20);
  EXPECT_EQ(history->find({})->items.size(), static_cast<std::size_t>(stored));
}

TEST_F(SqliteRunHistoryTest, ItsEndWritesWhatIsQueued) {
  ASSERT_TRUE(open());
  for (int i = 0; i < 300; ++i) history->insert({record_of(run_id("a", i))}, [](auto) {});
  ASSERT_TRUE(open());
  EXPECT_EQ(number("SELECT count(*) FROM runs"), 300);
}

TEST_F(SqliteRunHistoryTest, OldRecordsAreCountedNotStored) {
  ASSERT_TRUE(open({.retention = {std::chrono::hours(1), 0}}));
  ASSERT_TRUE(insert(0, 10));
  EXPECT_EQ(history->too_old(), 10u);
  EXPECT_EQ(number("SELECT count(*) FROM runs"), 0);
  ASSERT_TRUE(insert(86'390, 10));
  EXPECT_EQ(history->too_old(), 10u);
}

// More threads than connections read while the writer inserts and prunes: each page is of one moment.
TEST_F(SqliteRunHistoryTest, ReadersSeeWholeBatchesWhileTheWriterWrites) {
  ASSERT_TRUE(open({.readers = 2}));
  std::atomic<bool> over = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!over) {
        const auto page = history->find({.limit = 500});
        ASSERT_TRUE(page) << page.error().text();
        EXPECT_EQ(page->items.size() % 10, 0u);
        const auto counts = history->counts(from_ms(0), kNow);
        ASSERT_TRUE(counts);
        for (const auto& count : *counts) EXPECT_EQ(count.count % 10, 0u);
      }
    });
  }
  for (std::int64_t i = 0; i < 30; ++i) {
    EXPECT_TRUE(insert(i * 10, 10));
    EXPECT_TRUE(calls().prune({std::chrono::hours(0), 100}, kNow, 1000));
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
}

// No query that the API offers reads a table or an index from end to end.
TEST_F(SqliteRunHistoryTest, EveryQueryWalksAnIndex) {
  ASSERT_TRUE(open());
  ASSERT_TRUE(insert(0, 300));
  ASSERT_TRUE(calls().append({chunk_of(run_id("a", 0), 0, 0, "x")}));
  auto opened = sqlite::Database::open(file, sqlite::Database::Mode::ReadOnly);
  ASSERT_TRUE(opened);
  sqlite::Database& database = **opened;
  for (unsigned filters = 0; filters < 32; ++filters) {
    RunQuery query;
    query.limit = 5;
    if (filters & 1) query.job = JobName("a");
    if (filters & 2) query.statuses = {domain::RunStatus::Succeeded, domain::RunStatus::Lost};
    if (filters & 4) query.worker = NodeId("node-1");
    if (filters & 8) query.until = from_seconds(testing::kFirstSecond + 200);
    if (filters & 16) query.order = Order::OldestFirst;
    for (int page = 0; page < 2; ++page) {
      const auto found = sqlite::read_page(database, query);
      ASSERT_TRUE(found) << found.error().text();
      EXPECT_EQ(found->items.size(), 5u);
      query.cursor = found->next_cursor;
      EXPECT_EQ(database.rows_scanned(), 0) << "filters " << filters;
    }
  }
  EXPECT_TRUE(sqlite::read_record(database, run_id("a", 7)));
  EXPECT_FALSE(sqlite::read_record(database, testing::request_id("a", "r")));
  EXPECT_EQ(sqlite::read_output(database, run_id("a", 0), 0, 10)->chunks.size(), 1u);
  EXPECT_EQ(sqlite::read_counts(database, from_ms(0), kNow)->size(), 1u);
  EXPECT_EQ(database.rows_scanned(), 0);
}

}  // namespace
}  // namespace cronfleet::history

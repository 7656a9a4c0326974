// What only the store in a file can promise: what survives a crash, a full disk, a second process, a damaged file.
#include "coord/sqlite/sqlite_coord_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "async/asio_loop.h"
#include "base/check.h"
#include "tests/conformance/queue_loop.h"

namespace cronfleet::coord {
namespace {

using cronfleet::testing::QueueLoop;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

class SqliteCoordStoreTest : public ::testing::Test {
 protected:
  SqliteCoordStoreTest() {
    char folder[] = "/tmp/cronfleet-coord-XXXXXX";
    CHECK(::mkdtemp(folder) != nullptr);
    base_ = folder;
    folder_ = base_ / "data";
  }
  ~SqliteCoordStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(base_);
  }

  std::optional<Status> open() {
    store_.reset();
    auto store = SqliteCoordStore::open({.folder = folder_}, loop_, clock_);
    if (!store) return store.error();
    store_ = std::move(*store);
    return std::nullopt;
  }
  Result<TxnAnswer> commit(Txn txn) {
    std::optional<Result<std::vector<TxnAnswer>>> got;
    std::vector<Txn> batch;
    batch.push_back(std::move(txn));
    store_->commit(std::move(batch), [&](auto answers) { got = std::move(answers); });
    CHECK(loop_.run_until([&] { return got.has_value(); }));
    if (!*got) return Failure(got->error());
    return (**got)[0];
  }
  Result<TxnAnswer> put(std::string key, std::string value, LeaseId lease = 0) {
    return commit({{}, {{std::move(key), std::move(value), lease}}, {}});
  }
  Listing list(std::string prefix) {
    std::optional<Result<Listing>> got;
    store_->list(std::move(prefix), [&](auto listing) { got = std::move(listing); });
    CHECK(loop_.run_until([&] { return got.has_value(); }));
    EXPECT_TRUE(got->has_value()) << got->error().text();
    return *got ? **got : Listing{};
  }

  std::filesystem::path base_, folder_;
  async::SystemClock clock_;
  QueueLoop loop_;
  std::unique_ptr<SqliteCoordStore> store_;
};

TEST_F(SqliteCoordStoreTest, WhatWasCommittedIsThereAfterwardsAndRevisionsGoOn) {
  ASSERT_FALSE(open());
  const auto first = put("a", "1");
  ASSERT_TRUE(first);
  ASSERT_FALSE(open());
  const Listing listing = list("");
  ASSERT_EQ(listing.entries.size(), 1u);
  EXPECT_EQ(listing.entries[0], (KeyValue{"a", "1", first->revision, first->revision, 0}));
  EXPECT_EQ(listing.revision, first->revision);
  EXPECT_EQ(put("a", "2")->revision, first->revision + 1);
}

TEST_F(SqliteCoordStoreTest, LeasesOfAnEarlierLifeAreOver) {
  ASSERT_FALSE(open());
  std::optional<LeaseId> lease;
  store_->grant(std::chrono::hours(1), [&](auto id) { lease = *id; });
  ASSERT_TRUE(loop_.run_until([&] { return lease.has_value(); }));
  ASSERT_TRUE(put("leased", "1", *lease));
  const auto kept = put("kept", "1");
  ASSERT_FALSE(open());
  const Listing listing = list("");
  ASSERT_EQ(listing.entries.size(), 1u);
  EXPECT_EQ(listing.entries[0].key, "kept");
  EXPECT_EQ(listing.revision, kept->revision + 1);  // their end is a commit
  EXPECT_EQ(put("x", "1", *lease).error().code(), Code::LeaseLost);
  std::optional<LeaseId> next;
  store_->grant(std::chrono::hours(1), [&](auto id) { next = *id; });
  ASSERT_TRUE(loop_.run_until([&] { return next.has_value(); }));
  EXPECT_NE(*next, *lease);
}

TEST_F(SqliteCoordStoreTest, AWatchFromAnEarlierLifeListsAgain) {
  struct Sink final : WatchSink {
    void on_changes(std::vector<Change>, Revision) override { ++calls; }
    void on_failed(Status status) override { failure = std::move(status); }
    int calls = 0;
    std::optional<Status> failure;
  } sink;
  ASSERT_FALSE(open());
  const auto first = put("a", "1");
  ASSERT_TRUE(put("a", "2"));
  ASSERT_FALSE(open());
  const WatchHandle handle = store_->watch("a", first->revision, sink);
  ASSERT_TRUE(loop_.run_until([&] { return sink.failure.has_value(); }));
  EXPECT_EQ(sink.failure->code(), Code::Compacted);
  EXPECT_EQ(sink.calls, 0);
}

TEST_F(SqliteCoordStoreTest, OldChangesAreForgottenPastTheCap) {
  auto store = SqliteCoordStore::open({.folder = folder_, .changes_kept_max = 10}, loop_, clock_);
  ASSERT_TRUE(store);
  store_ = std::move(*store);
  struct Sink final : WatchSink {
    void on_changes(std::vector<Change> some, Revision) override { changes += some.size(); }
    void on_failed(Status status) override { failure = std::move(status); }
    std::size_t changes = 0;
    std::optional<Status> failure;
  } old, fresh;
  Revision last = 0;
  for (int i = 0; i < 30; ++i) last = put("a", std::to_string(i))->revision;
  const WatchHandle old_handle = store_->watch("a", last - 11, old);
  const WatchHandle handle = store_->watch("a", last - 10, fresh);
  ASSERT_TRUE(loop_.run_until([&] { return old.failure.has_value() && fresh.changes >= 10; }));
  EXPECT_EQ(old.failure->code(), Code::Compacted);
  EXPECT_EQ(fresh.changes, 10u);
}

TEST_F(SqliteCoordStoreTest, NobodyElseCanReadTheFiles) {
  ::umask(0);
  ASSERT_FALSE(open());
  ASSERT_TRUE(put("a", "1"));
  struct stat info{};
  ASSERT_EQ(::stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    ASSERT_EQ(::stat(file.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u) << file.path();
    ++files;
  }
  EXPECT_EQ(files, 4);  // lock, coord.db, coord.db-wal, coord.db-shm
  ::umask(022);
}

TEST_F(SqliteCoordStoreTest, AFolderInUseThatIsOpenToOthersIsRefused) {
  ASSERT_FALSE(open());
  store_.reset();
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  const auto refusal = open();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code(), Code::InvalidArgument);
  EXPECT_THAT(refusal->message(), HasSubstr("chmod 700"));
}

TEST_F(SqliteCoordStoreTest, ASecondProcessIsRefusedAndToldWhoHoldsTheFolder) {
  ASSERT_FALSE(open());
  ASSERT_TRUE(put("a", "1"));
  const auto second = SqliteCoordStore::open({.folder = folder_}, loop_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::Conflict);
  EXPECT_THAT(second.error().message(), HasSubstr(fmt::format("process {}, started 20", ::getpid())));
  store_.reset();
  EXPECT_FALSE(open());
  EXPECT_EQ(list("").entries.size(), 1u);
}

TEST_F(SqliteCoordStoreTest, ABackupCanBeTakenMeanwhile) {
  ASSERT_FALSE(open());
  ASSERT_TRUE(put("a", "1"));
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "coord.db").c_str(), &db), SQLITE_OK);
  const std::string into = fmt::format("VACUUM INTO '{}'", (base_ / "backup.db").string());
  int commits = 0;
  for (int i = 0; i < 100; ++i) {
    store_->commit({{{}, {{fmt::format("k{}", i), std::string(1'000, 'v'), 0}}, {}}}, [&](auto answers) {
      EXPECT_TRUE(answers.has_value());
      ++commits;
    });
  }
  EXPECT_EQ(sqlite3_exec(db, into.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  ASSERT_TRUE(loop_.run_until([&] { return commits == 100; }));
  // A reader that stays holds nobody up.
  ASSERT_EQ(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM kv", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_TRUE(put("b", "1"));
  sqlite3_close(db);

  store_.reset();
  folder_ = base_ / "restored";
  std::filesystem::create_directory(folder_);
  ::chmod(folder_.c_str(), 0700);
  std::filesystem::rename(base_ / "backup.db", folder_ / "coord.db");
  ASSERT_FALSE(open());
  EXPECT_EQ(list("a").entries.size(), 1u);
}

TEST_F(SqliteCoordStoreTest, ADamagedFileIsReportedAndLeftAlone) {
  std::filesystem::create_directory(folder_);
  ::chmod(folder_.c_str(), 0700);
  std::ofstream(folder_ / "coord.db") << std::string(8192, 'x');
  const auto refusal = open();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code(), Code::Corrupt) << refusal->text();
  EXPECT_THAT(refusal->message(), HasSubstr("coord.db"));
  EXPECT_THAT(refusal->message(), HasSubstr("move"));
  EXPECT_EQ(std::filesystem::file_size(folder_ / "coord.db"), 8192u);
}

TEST_F(SqliteCoordStoreTest, ATornPageIsFoundWhenOpening) {
  ASSERT_FALSE(open());
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(fmt::format("key-{:04}", i), std::string(200, 'v')));
  store_.reset();  // the last one out moves everything into the file
  {
    std::fstream file(folder_ / "coord.db", std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 3; page < 9; ++page) {
      file.seekp(page * 4096);
      file << std::string(600, '\x5a');
    }
  }
  const auto refusal = open();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code(), Code::Corrupt) << refusal->text();
  EXPECT_THAT(refusal->message(), HasSubstr("move"));
}

TEST_F(SqliteCoordStoreTest, AFileOfANewerVersionIsRefused) {
  ASSERT_FALSE(open());
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder_ / "coord.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=2", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  const auto refusal = open();
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->message(), HasSubstr("newer"));
}

TEST_F(SqliteCoordStoreTest, WhatWasAcceptedIsWrittenAndNoAnswerComesAfterTheEnd) {
  ASSERT_FALSE(open());
  int answers = 0;
  for (int i = 0; i < 1'000; ++i) {
    std::vector<Txn> batch;
    batch.push_back({{}, {{fmt::format("k{}", i), "1", 0}}, {}});
    store_->commit(std::move(batch), [&](auto) { ++answers; });
  }
  store_.reset();
  (void)loop_.run_until([] { return false; }, milliseconds(20));
  EXPECT_EQ(answers, 0);
  ASSERT_FALSE(open());
  EXPECT_EQ(list("k").entries.size(), 1'000u);
}

// A child commits as fast as it can and says which commits were acknowledged; it is killed at any moment.
class Killed : public SqliteCoordStoreTest {
 protected:
  // Keeps `in_flight` batches of two under way: a counter that must never go back, and a key of its own for each.
  [[noreturn]] void child(int acknowledged_fd, std::int64_t first) {
    QueueLoop loop;
    auto store = SqliteCoordStore::open({.folder = folder_}, loop, clock_);
    if (!store) ::_exit(2);
    std::int64_t next = first;
    const std::function<void()> send = [&] {
      const std::int64_t number = next++;
      std::vector<Txn> batch;
      batch.push_back(
          {{}, {{fmt::format("n/{}", number), std::string(300, 'v'), 0}, {"newest", std::to_string(number), 0}}, {}});
      batch.push_back({{}, {{fmt::format("twin/{}", number), "1", 0}}, {}});
      (*store)->commit(std::move(batch), [&, number](Result<std::vector<TxnAnswer>> answers) {
        if (!answers) ::_exit(3);
        const std::string line = std::to_string(number) + "\n";
        if (::write(acknowledged_fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(4);
        send();
      });
    };
    for (int i = 0; i < 4; ++i) send();
    loop.run_until([] { return false; }, std::chrono::hours(1));
    ::_exit(5);
  }

  static void wait_for_lines(int fd, std::uint64_t lines, std::string& text) {
    char buffer[4096];
    while (static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) < lines) {
      const ssize_t n = ::read(fd, buffer, sizeof buffer);
      if (n <= 0) return;
      text.append(buffer, static_cast<std::size_t>(n));
    }
  }

  // What the child still said before it ended, after `text`.
  static std::vector<std::int64_t> read_numbers(int fd, std::string text) {
    char buffer[4096];
    for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    std::vector<std::int64_t> numbers;
    std::size_t at = 0;
    for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
      numbers.push_back(std::stoll(text.substr(at, end - at)));
    return numbers;
  }

  void check_integrity() const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ / "coord.db").c_str(), &db), SQLITE_OK);
    std::string verdict;
    sqlite3_exec(
        db, "PRAGMA integrity_check",
        [](void* into, int, char** columns, char**) {
          *static_cast<std::string*>(into) += columns[0];
          return 0;
        },
        &verdict, nullptr);
    sqlite3_close(db);
    ASSERT_EQ(verdict, "ok");
  }
};

TEST_F(Killed, AtAnyMomentNothingAcknowledgedIsLost) {
  const int kills = std::getenv("CRONFLEET_LONG") != nullptr ? 1'000 : 100;
  Rng rng(20261123);
  std::set<std::int64_t> acknowledged;
  std::int64_t next = 1;
  for (int round = 0; round < kills; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) child(ends[1], next);
    ::close(ends[1]);
    // Some commits in, and then at any moment of the next few; every fourth time before or while the file is opened.
    std::string said;
    if (round % 4 != 0) wait_for_lines(ends[0], 1 + rng.below(20), said);
    const timespec pause{0, static_cast<long>(rng.below(round % 4 != 0 ? 3'000'000 : 25'000'000))};
    ::nanosleep(&pause, nullptr);
    ::kill(pid, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    for (const std::int64_t number : read_numbers(ends[0], std::move(said))) acknowledged.insert(number);
    ::close(ends[0]);
    check_integrity();
    ASSERT_FALSE(::testing::Test::HasFatalFailure());

    ASSERT_FALSE(open()) << "round " << round;
    std::set<std::string> found;
    for (const KeyValue& entry : list("").entries) found.insert(entry.key);
    for (const std::int64_t number : acknowledged) {
      ASSERT_TRUE(found.contains(fmt::format("n/{}", number))) << "round " << round;
      ASSERT_TRUE(found.contains(fmt::format("twin/{}", number))) << "round " << round;
    }
    // A batch is there whole or not at all, acknowledged or not.
    for (const std::string& key : found) {
      if (!key.starts_with("n/")) continue;
      const std::string number = key.substr(2);
      ASSERT_TRUE(found.contains("twin/" + number)) << "round " << round;
      next = std::max(next, static_cast<std::int64_t>(std::stoll(number)) + 1);
    }
    // Keeps the file small, so that a hundred rounds stay quick.
    Txn sweep;
    for (const std::string& key : found) {
      if (key != "newest") sweep.writes.push_back({key, std::nullopt, 0});
    }
    ASSERT_TRUE(commit(std::move(sweep)));
    acknowledged.clear();
    store_.reset();
  }
  EXPECT_GT(next, kills);
  std::printf("%d kills, %lld commits\n", kills, static_cast<long long>(next));
}

// A disk of its own that can be filled.
class FullDisk : public SqliteCoordStoreTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_);
    if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=1m,mode=0700") != 0)
      GTEST_SKIP() << "a small tmpfs cannot be mounted here: " << std::strerror(errno);
    mounted_ = true;
  }
  void TearDown() override {
    store_.reset();
    if (mounted_) {
      EXPECT_EQ(::umount(folder_.c_str()), 0);
    }
  }
  // Leaves `bytes` or a little less.
  void fill_but(std::size_t bytes) {
    const int fd = ::open((folder_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    const std::string block(4096, 'b');
    while (std::filesystem::space(folder_).available > bytes &&
           ::write(fd, block.data(), block.size()) == static_cast<ssize_t>(block.size())) {
    }
    ::close(fd);
  }
  // "leased" stands under a lease of 200 ms, and there is no room to end it.
  void fill_under_a_short_lease() {
    std::optional<LeaseId> lease;
    store_->grant(milliseconds(200), [&](auto id) { lease = *id; });
    ASSERT_TRUE(loop_.run_until([&] { return lease.has_value(); }));
    ASSERT_TRUE(put("leased", "1", *lease));
    fill_but(0);
  }
  bool mounted_ = false;
};

TEST_F(FullDisk, RefusesWritesWithNothingAppliedAndRecoversByItself) {
  ASSERT_FALSE(open());
  ASSERT_TRUE(put("before", "1"));
  fill_but(40'000);
  std::map<std::string, std::string> applied{{"before", "1"}};
  Revision last = list("").revision;
  int refused = 0;
  for (int i = 0; refused < 20; ++i) {
    ASSERT_LT(i, 1'000);
    const std::string key = fmt::format("k{}", i), value(i % 3 == 0 ? 20'000 : 2'000, 'v');
    const auto answer = put(key, value);
    if (answer) {
      EXPECT_EQ(answer->revision, last + 1);
      last = answer->revision;
      applied[key] = value;
    } else {
      EXPECT_EQ(answer.error().code(), Code::NoSpace) << answer.error().text();
      ++refused;
    }
  }
  // Reads go on, and nothing of what was refused is there.
  const auto standing = [&] {
    std::map<std::string, std::string> entries;
    for (const KeyValue& entry : list("").entries) entries[entry.key] = entry.value;
    return entries;
  };
  EXPECT_EQ(standing(), applied);
  EXPECT_EQ(list("").revision, last);
  std::filesystem::remove(folder_ / "ballast");
  const auto after = put("after", "1");
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_EQ(after->revision, last + 1);
  applied["after"] = "1";
  ASSERT_FALSE(open());
  EXPECT_EQ(standing(), applied);
}

TEST_F(FullDisk, ALeaseThatCannotBeEndedDoesNotStopTheReads) {
  ASSERT_FALSE(open());
  ASSERT_NO_FATAL_FAILURE(fill_under_a_short_lease());
  const MonoTime over = clock_.mono() + milliseconds(400);
  int reads = 0;
  while (clock_.mono() < over) reads += list("").entries.empty() ? 0 : 1;
  EXPECT_GT(reads, 10);
  std::filesystem::remove(folder_ / "ballast");
  EXPECT_TRUE(loop_.run_until([&] { return list("").entries.empty(); }));
}

// Nobody writes but the store itself: that it found no room is told all the same, and until a write goes through.
TEST_F(FullDisk, ALeaseThatCannotBeEndedSaysThatTheDiskIsFull) {
  ASSERT_FALSE(open());
  ASSERT_NO_FATAL_FAILURE(fill_under_a_short_lease());
  EXPECT_EQ(store_->full(), "");
  ASSERT_TRUE(loop_.run_until([&] { return !store_->full().empty(); }));
  EXPECT_NE(store_->full().find("no room on the disk"), std::string::npos) << store_->full();
  ASSERT_FALSE(list("").entries.empty());  // a read that goes through says nothing about room
  EXPECT_NE(store_->full(), "");
  std::filesystem::remove(folder_ / "ballast");
  EXPECT_TRUE(loop_.run_until([&] { return store_->full().empty() && list("").entries.empty(); }));
}

TEST_F(FullDisk, OpeningWithoutRoomSaysSo) {
  fill_but(0);
  const auto refusal = open();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code(), Code::NoSpace) << refusal->text();
  std::filesystem::remove(folder_ / "ballast");
  EXPECT_FALSE(open());
}

}  // namespace
}  // namespace cronfleet::coord

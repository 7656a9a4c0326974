#include "history/sqlite/sqlite_record_spool.h"

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "history/sqlite/database.h"

namespace cronfleet::history::sqlite {
namespace {

constexpr std::int64_t kApplicationId = 0x43467370;  // "CFsp"
constexpr std::size_t kGroupMax = 1'000;
constexpr std::int64_t kPageBytes = 4'096;
const std::string kName = "spool of records";

struct Write {
  std::string run;
  std::optional<std::string> bytes;  // nothing: it is removed
  async::Callback<bool> done;
};

}  // namespace

struct SqliteRecordSpool::Impl {
  Impl(RecordSpoolOptions o, async::Loop& l) : options(std::move(o)), loop(l) {}

  Result<void> open() {
    if (database) return {};
    auto opened = Database::open(options.path, Database::Mode::ReadWrite,
                                 {.name = kName,
                                  .when_full = ": make room in its folder, or raise history.spool_bytes_max",
                                  .when_damaged = ": start the worker again, it sets the file aside"});
    if (!opened) return Failure(opened.error());
    for (const std::string& sql :
         {fmt::format("PRAGMA page_size = {}", kPageBytes), std::string("PRAGMA auto_vacuum = FULL")})
      if (auto done = (*opened)->execute(sql); !done) return done;
    if (auto logged = (*opened)->use_write_ahead_log(); !logged) return logged;
    for (const std::string& sql :
         {std::string("PRAGMA synchronous = FULL"), std::string("PRAGMA cache_size = -256"),
          fmt::format("PRAGMA application_id = {}", kApplicationId),
          fmt::format("PRAGMA max_page_count = {}", options.bytes_max / kPageBytes),
          std::string("CREATE TABLE IF NOT EXISTS records(id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, "
                      "bytes BLOB NOT NULL) STRICT")})
      if (auto done = (*opened)->execute(sql); !done) return done;
    database = std::move(*opened);
    return {};
  }

  // Over a connection of its own, so that the thread may write meanwhile.
  Result<std::vector<std::string>> left(std::size_t most) {
    std::vector<std::string> records;
    std::error_code none;
    if (read_all || !std::filesystem::exists(options.path, none)) return records;
    if (!reader) {
      auto opened = Database::open(options.path, Database::Mode::ReadOnly, {kName, {}, {}});
      if (!opened) return Failure(opened.error());
      auto whole = (*opened)->prepared("SELECT count(*), coalesce(max(id), 0) FROM records");
      if (!whole) return Failure(whole.error());
      Use use(**whole);
      if (const auto row = use->step(); !row) return Failure(row.error());
      size = static_cast<std::size_t>(use->number(0));
      last_left = use->number(1);
      reader = std::move(*opened);
    }
    auto rows = reader->prepared("SELECT id, bytes FROM records WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3");
    if (!rows) return Failure(rows.error());
    Use use(**rows);
    use->bind(1, last_read);
    use->bind(2, last_left);
    use->bind(3, static_cast<std::int64_t>(most));
    for (;;) {
      const auto row = use->step();
      if (!row) return Failure(row.error());
      if (!*row) break;
      last_read = use->number(0);
      records.emplace_back(use->text(1));
    }
    read_all = records.empty();
    return records;
  }

  Failure set_aside(const Status& why) {
    reader.reset();
    size = 0;
    read_all = true;
    std::string aside = options.path + ".damaged";
    std::error_code none;
    for (int i = 2; std::filesystem::exists(aside, none); ++i) aside = fmt::format("{}.damaged-{}", options.path, i);
    for (const char* part : {"", "-wal", "-shm"}) std::filesystem::rename(options.path + part, aside + part, none);
    return Failure(Status(Code::Corrupt,
                          fmt::format("{} and is kept as '{}': records that it holds may be in no history; `sqlite3 {} "
                                      ".recover` reads what is left of them",
                                      why.message(), aside, aside)));
  }

  Result<void> write(const std::vector<Write>& group) {
    if (auto opened = open(); !opened) return opened;
    auto remove = database->prepared("DELETE FROM records WHERE run = ?1");
    if (!remove) return Failure(remove.error());
    auto insert = database->prepared("INSERT INTO records(run, bytes) VALUES(?1, ?2)");
    if (!insert) return Failure(insert.error());
    Transaction transaction(*database);
    if (auto begun = transaction.begin_writing(); !begun) return begun;
    std::int64_t more = 0;
    for (const Write& one : group) {
      (*remove)->bind_text(1, one.run);
      if (auto done = (*remove)->run(); !done) return done;
      more -= database->changes();
      if (!one.bytes) continue;
      (*insert)->bind_text(1, one.run);
      (*insert)->bind_blob(2, *one.bytes);
      if (auto done = (*insert)->run(); !done) return done;
      ++more;
    }
    if (auto done = transaction.commit(); !done) return done;
    size += static_cast<std::size_t>(more);
    return {};
  }

  void run() {
    for (;;) {
      std::vector<Write> group;
      {
        std::unique_lock lock(mutex);
        ready.wait(lock, [&] { return ended || !writes.empty(); });
        if (writes.empty()) return;
        const auto end = writes.begin() + static_cast<std::ptrdiff_t>(std::min(writes.size(), kGroupMax));
        group.assign(std::move_iterator(writes.begin()), std::move_iterator(end));
        writes.erase(writes.begin(), end);
      }
      const auto written = write(group);
      {
        const std::lock_guard lock(mutex);
        trouble = written ? std::string() : written.error().message();
      }
      // A removal that was not written is harmless: the history finds the record a second time.
      std::vector<async::Callback<bool>> answers;
      for (Write& one : group)
        if (one.done) answers.push_back(std::move(one.done));
      if (answers.empty()) continue;
      loop.post([alive = alive, answers = std::move(answers), kept = written.has_value()]() mutable {
        if (!*alive) return;
        for (auto& answer : answers) answer(kept);
      });
    }
  }

  void push(Write write) {
    const std::lock_guard lock(mutex);
    writes.push_back(std::move(write));
    if (!thread.joinable()) thread = std::thread([this] { run(); });
    ready.notify_one();
  }

  const RecordSpoolOptions options;
  async::Loop& loop;
  std::unique_ptr<Database> database;  // the thread's
  std::unique_ptr<Database> reader;    // of left(), until it has read all
  std::int64_t last_left = 0, last_read = 0;
  bool read_all = false;
  std::atomic<std::size_t> size{0};
  mutable std::mutex mutex;
  std::condition_variable ready;
  std::vector<Write> writes;
  std::string trouble;
  bool ended = false;
  std::thread thread;  // begun with the first write
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

SqliteRecordSpool::SqliteRecordSpool(RecordSpoolOptions options, async::Loop& loop)
    : impl_(std::make_unique<Impl>(std::move(options), loop)) {}

SqliteRecordSpool::~SqliteRecordSpool() {
  *impl_->alive = false;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ended = true;
    impl_->ready.notify_one();
  }
  if (impl_->thread.joinable()) impl_->thread.join();
}

void SqliteRecordSpool::put(std::string run, std::string bytes, async::Callback<bool> done) {
  impl_->push({std::move(run), std::move(bytes), std::move(done)});
}

void SqliteRecordSpool::remove(std::string run) {
  if (impl_->size == 0) return;
  impl_->push({std::move(run), std::nullopt, {}});
}

Result<std::vector<std::string>> SqliteRecordSpool::left(std::size_t most) {
  auto records = impl_->left(most);
  if (records || records.error().code() != Code::Corrupt) return records;
  return impl_->set_aside(records.error());
}

std::size_t SqliteRecordSpool::size() const { return impl_->size; }

std::string SqliteRecordSpool::trouble() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->trouble;
}

}  // namespace cronfleet::history::sqlite

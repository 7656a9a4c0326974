#include "history/sqlite/database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace cronfleet::history::sqlite {

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::bind(int index, std::int64_t value) {
  CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK);
}
void Statement::bind_text(int index, std::string_view text) {
  const char* start = text.data() == nullptr ? "" : text.data();
  CHECK(sqlite3_bind_text64(statement_, index, start, text.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK);
}
void Statement::bind_blob(int index, std::string_view bytes) {
  const char* start = bytes.data() == nullptr ? "" : bytes.data();
  CHECK(sqlite3_bind_blob64(statement_, index, start, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
}
void Statement::bind_null(int index) { CHECK(sqlite3_bind_null(statement_, index) == SQLITE_OK); }

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return Failure(database_->failure(code));
}

Result<void> Statement::run() {
  for (;;) {
    const auto row = step();
    if (row && *row) continue;
    reset();
    if (!row) return Failure(row.error());
    return {};
  }
}

void Statement::reset() { sqlite3_reset(statement_); }  // its code repeats the failure that step() reported

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }
std::string_view Statement::text(int column) const {
  const void* start = sqlite3_column_blob(statement_, column);
  if (start == nullptr) return {};
  return {static_cast<const char*>(start), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Statement::rows_scanned() const {
  return sqlite3_stmt_status(statement_, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  Words words;
  words.when_damaged = fmt::format(
      ": stop cronfleet and move the file and its -wal and -shm files aside; a new history begins, and `sqlite3 {} "
      ".recover` reads what is left of the old",
      path);
  return open(path, mode, std::move(words));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode, Words words) {
  std::unique_ptr<Database> database(new Database(path, std::move(words)));
  if (mode == Mode::ReadWrite) {
    // Before SQLite does it with the process's umask; its -wal and -shm files take their mode from this one.
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
      const bool full = errno == ENOSPC || errno == EDQUOT;
      return fail(full ? Code::NoSpace : Code::InvalidArgument, "{} '{}': {}{}", database->words_.name, path,
                  std::strerror(errno), full ? database->words_.when_full : "");
    }
    ::close(file);
  }
  const int how = mode == Mode::ReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  const int code =
      sqlite3_open_v2(path.c_str(), &database->handle_, how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return Failure(database->failure(code));
  sqlite3_busy_timeout(database->handle_, 5000);
  return database;
}

Database::~Database() {
  statements_.clear();
  sqlite3_close(handle_);
}

Result<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(failure(code));
  return {};
}

Result<void> Database::use_write_ahead_log() {
  auto pragma = prepared("PRAGMA journal_mode = WAL");
  if (!pragma) return Failure(pragma.error());
  Use use(**pragma);
  const auto row = use->step();
  if (!row) return Failure(row.error());
  if (!*row || use->text(0) != "wal")
    return fail(Code::Unavailable, "{} '{}': a write-ahead log is not possible on this file system", words_.name,
                path_);
  return {};
}

Result<Statement*> Database::prepared(const std::string& sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return &found->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.c_str(), static_cast<int>(sql.size()) + 1, SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return Failure(failure(code));
  return &statements_.try_emplace(sql, *this, statement).first->second;
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

std::int64_t Database::rows_scanned() const {
  std::int64_t rows = 0;
  for (const auto& [sql, statement] : statements_) rows += statement.rows_scanned();
  return rows;
}

Status Database::failure(int code) const {
  const std::string said = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  const int system_error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  const int kind = code & 0xff;
  const bool io_error = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN;
  if (kind == SQLITE_FULL || (io_error && (system_error == ENOSPC || system_error == EDQUOT)))
    return {Code::NoSpace, fmt::format("{} '{}': no space left: {}{}", words_.name, path_, said, words_.when_full)};
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB)
    return {Code::Corrupt, fmt::format("{} '{}' is damaged ({}){}", words_.name, path_, said, words_.when_damaged)};
  if (io_error && system_error != 0)
    return {Code::Unavailable, fmt::format("{} '{}': {}: {}", words_.name, path_, said, std::strerror(system_error))};
  return {Code::Unavailable, fmt::format("{} '{}': {}", words_.name, path_, said)};
}

Transaction::~Transaction() {
  if (!database_.in_transaction()) return;
  // Should even this fail, the connection's next BEGIN says so.
  (void)database_.execute("ROLLBACK");
}

}  // namespace cronfleet::history::sqlite

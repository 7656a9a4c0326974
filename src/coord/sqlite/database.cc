#include "coord/sqlite/database.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace cronfleet::coord {

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path) {
  // Made by us, for its mode; the files SQLite puts beside it take the same.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    return fail(errno == ENOSPC || errno == EDQUOT ? Code::NoSpace : Code::InvalidArgument, "cannot open '{}': {}",
                path.string(), std::strerror(errno));
  }
  ::close(fd);
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::unique_ptr<Database> database(new Database(db, path));
  if (code != SQLITE_OK) return Failure(database->failure("opening it"));
  sqlite3_busy_timeout(db, 1'000);
  for (const char* setting : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-65536",
                              "PRAGMA temp_store=MEMORY", "PRAGMA trusted_schema=OFF"}) {
    if (auto failed = database->run(setting)) return Failure(failed->with("setting it up"));
  }
  return database;
}

Database::~Database() { CHECK(sqlite3_close(db_) == SQLITE_OK); }

std::optional<Status> Database::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return std::nullopt;
  return failure(sql);
}

Status Database::failure(std::string_view what) const {
  const int code = sqlite3_extended_errcode(db_);
  const int error = sqlite3_system_errno(db_);
  const auto status = [&](Code c, std::string_view advice) {
    return Status(c, fmt::format("'{}': {}: {}{}{}", path_.string(), what, sqlite3_errmsg(db_),
                                 advice.empty() ? "" : ": ", advice));
  };
  switch (code & 0xff) {
    case SQLITE_FULL: return status(Code::NoSpace, "no room on the disk");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return status(Code::Corrupt,
                    "the file is damaged: stop cronfleet, move it and the file beside it that ends in -wal to a safe "
                    "place, and put a backup there or start without (jobs are then saved anew; the history is a file "
                    "of its own)");
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return status(Code::Unavailable, "another program is writing to it");
    case SQLITE_IOERR:
      if (error == ENOSPC || error == EDQUOT || error == EFBIG) return status(Code::NoSpace, std::strerror(error));
      return status(Code::Unavailable, error != 0 ? std::strerror(error) : "");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return status(error == ENOSPC ? Code::NoSpace : Code::InvalidArgument, error != 0 ? std::strerror(error) : "");
    default: return status(Code::Unavailable, "");
  }
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  const int code = sqlite3_prepare_v3(database.raw(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  // Our own text over our own tables, checked at open; a failed read here comes back at the first step.
  CHECK(code == SQLITE_OK);
}

Statement& Statement::bind(int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();  // a null pointer would bind NULL
  CHECK(sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
  CHECK(sqlite3_bind_int64(statement_, index, number) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Status status = database_.failure(sqlite3_sql(statement_));
  sqlite3_reset(statement_);
  return Failure(std::move(status));
}

std::optional<Status> Statement::run() {
  for (;;) {
    const auto row = step();
    if (!row) return row.error();
    if (!*row) break;
  }
  reset();
  return std::nullopt;
}

std::string_view Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return {static_cast<const char*>(data == nullptr ? "" : data), static_cast<std::size_t>(size)};
}

}  // namespace cronfleet::coord

// coord/sqlite/database.h: one SQLite connection and its prepared statements, with Status for errors. One thread at a
// time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cronfleet::coord {

class Database {
 public:
  // Creates the file with mode 0600 where it is missing.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path);
  ~Database();

  std::optional<Status> run(const char* sql);  // no rows wanted; the Status is the failure
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  // The failure of the call just made: NoSpace, Corrupt, InvalidArgument (no permission), else Unavailable.
  Status failure(std::string_view what) const;
  sqlite3* raw() const { return db_; }

 private:
  Database(sqlite3* db, std::filesystem::path path) : db_(db), path_(std::move(path)) {}
  sqlite3* db_;
  std::filesystem::path path_;
};

// Bind, step until there is no row, then reset: what was bound is borrowed until then.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::string_view bytes);
  Statement& bind(int index, std::int64_t number);
  Result<bool> step();  // true: there is a row
  void reset() { sqlite3_reset(statement_); }
  std::optional<Status> run();  // steps through and resets

  std::string_view bytes(int column) const;  // until the next step
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace cronfleet::coord

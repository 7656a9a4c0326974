// history/sqlite/database.h: a connection to an SQLite file and its prepared statements, with failures as Status.
//
// One thread at a time per connection. What SQLite says becomes a code that a caller acts on: a full disk or quota is
// NoSpace, damaged bytes are Corrupt (with what to do about them), all else that may pass is Unavailable.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace cronfleet::history::sqlite {

class Database;

// A prepared statement. bind() counts from 1, columns from 0, as SQLite does.
class Statement {
 public:
  Statement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  ~Statement();
  Statement(Statement&& other) noexcept : database_(other.database_), statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement& operator=(Statement&&) = delete;

  void bind(int index, std::int64_t value);
  void bind_text(int index, std::string_view text);  // borrowed until the statement is reset
  void bind_blob(int index, std::string_view bytes);
  void bind_null(int index);

  Result<bool> step();  // true: there is a row
  Result<void> run();   // steps to the end and resets
  void reset();

  std::int64_t number(int column) const;
  std::string_view text(int column) const;  // or blob; until the next step
  bool is_null(int column) const;
  std::int64_t rows_scanned() const;  // read one after the other without help from an index

 private:
  Database* database_;
  sqlite3_stmt* statement_;
};

// Resets a statement when its use is over: one left in the middle keeps its snapshot alive.
class Use {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  ~Use() { statement_.reset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Statement* operator->() { return &statement_; }

 private:
  Statement& statement_;
};

class Database {
 public:
  enum class Mode { ReadWrite, ReadOnly };
  // What a failure calls the file, and what it tells people to do.
  struct Words {
    std::string name = "history database";
    std::string when_full, when_damaged;
  };
  // ReadWrite makes the file where there is none, readable by its owner alone.
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode, Words words);
  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);  // that of the history
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> execute(const std::string& sql);  // one or more statements, answers dropped
  Result<void> use_write_ahead_log();            // Unavailable: the file system cannot (no shared memory)
  // Prepared at first use and kept for as long as the connection.
  Result<Statement*> prepared(const std::string& sql);
  std::int64_t changes() const;  // rows of the statement before
  std::int64_t last_id() const;
  bool in_transaction() const;
  std::int64_t rows_scanned() const;  // by all statements so far: 0, unless an index is missing

  Status failure(int code) const;  // what `code`, just returned by SQLite, means

 private:
  Database(std::string path, Words words) : path_(std::move(path)), words_(std::move(words)) {}

  std::string path_;
  Words words_;
  sqlite3* handle_ = nullptr;
  std::map<std::string, Statement, std::less<>> statements_;
};

// A transaction that is rolled back unless it was committed.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Result<void> begin_writing() { return database_.execute("BEGIN IMMEDIATE"); }
  Result<void> begin_reading() { return database_.execute("BEGIN"); }
  Result<void> commit() { return database_.execute("COMMIT"); }

 private:
  Database& database_;
};

}  // namespace cronfleet::history::sqlite

// history/mongo/connection.h: clients of one server or replica set, calls on them, and their failures as Status.
//
// A call's failure is a Status of code Unavailable (no answer, or one that may change by itself), InvalidArgument
// (the server refuses us until a person does something) or NoSpace; the sentence has the server's own words, and no
// secret. Any thread may take a Session, which is one thread's until it goes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "history/mongo/document.h"
#include "history/mongo/mongo_run_history.h"

typedef struct _mongoc_client_t mongoc_client_t;
typedef struct _mongoc_client_pool_t mongoc_client_pool_t;
typedef struct _mongoc_collection_t mongoc_collection_t;
typedef struct _mongoc_cursor_t mongoc_cursor_t;
typedef struct _mongoc_uri_t mongoc_uri_t;
typedef struct _bson_error_t bson_error_t;

namespace cronfleet::history::mongo {

class Connection;

enum class Place { Records, Output };
enum class Read { AsConfigured, Primary };  // which member may answer

// One document of a batch that the server did not take.
struct WriteError {
  std::size_t index = 0;
  int code = 0;
  std::string message;

  bool duplicate() const;
  bool permanent() const;  // of this document alone: it can never be stored
};
struct BulkAnswer {
  std::size_t inserted = 0;
  std::vector<WriteError> errors;
};

class Session {
 public:
  Session(Connection& connection, mongoc_client_t* client);
  ~Session();
  Session(Session&& other) noexcept;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session& operator=(Session&&) = delete;

  // Gives each document found to `each`, until that answers false. `options`: sort, limit, projection, batchSize, skip.
  using Each = std::function<bool(std::string_view bson)>;
  Result<void> find(Place place, const Document& filter, const Document& options, Read read, const Each& each);
  Result<void> aggregate(Place place, const std::vector<Document>& stages, const Each& each);
  // Unordered, acknowledged by a majority with its journal. A Status when not all is accounted for.
  Result<BulkAnswer> insert(Place place, const std::vector<Document>& documents);
  Result<std::size_t> remove(Place place, const Document& filter);
  Result<void> command(const Document& command);  // that writes
  Result<std::int64_t> wire_version();            // what the selected server can do

 private:
  // Reads `cursor` to its end, or to where `each` has enough, and destroys it.
  Result<void> take_all(mongoc_cursor_t* cursor, const char* doing, const Each& each);
  mongoc_collection_t* at(Place place) { return place == Place::Records ? records_ : output_; }

  Connection& connection_;
  mongoc_client_t* client_;
  mongoc_collection_t *records_, *output_;
};

class Connection {
 public:
  // InvalidArgument as MongoRunHistory::open says it.
  static Result<std::unique_ptr<Connection>> open(const MongoOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Session> session();

  const std::string& database() const { return database_; }
  const std::string& collection() const { return collection_; }
  std::string output_collection() const { return collection_ + "_output"; }

 private:
  friend class Session;
  Connection() = default;
  Result<mongoc_client_pool_t*> pool();
  Status failure(std::string_view doing, const bson_error_t& error) const;
  std::string masked(std::string_view text) const;
  std::int64_t write_timeout_ms() const { return write_timeout_ms_; }

  std::string database_, collection_;
  std::vector<std::string> secrets_;
  std::int64_t write_timeout_ms_ = 8000;
  mongoc_uri_t* uri_ = nullptr;
  std::mutex mutex_;
  mongoc_client_pool_t* pool_ = nullptr;  // made when it is first needed: mongodb+srv asks the name service then
  std::uint64_t log_route_ = 0;
};

}  // namespace cronfleet::history::mongo

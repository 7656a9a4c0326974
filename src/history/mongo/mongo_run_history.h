// history/mongo/mongo_run_history.h: the run history of a fleet, in MongoDB or a server that speaks its protocol.
//
// Writes go to two threads and are answered once a majority has them in its journal. Reads block the thread that calls
// and use connections of their own. While the server is away calls answer Unavailable, and reads do so at once for most
// of them, so that a master's handlers do not all wait for it; whatever is wrong, status() says it. A record is
// inserted once and never changed: what a crash, a time-out or a retry sends again finds what stands. Documents,
// collections and indexes: docs/formats.md. Nothing here needs transactions, sessions, TTL indexes or a replica set.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/clock.h"
#include "async/loop.h"
#include "history/run_history.h"

namespace cronfleet::history {

enum class MongoLogLevel { Error, Warning, Info };

struct MongoOptions {
  // mongodb.uri: mongodb:// or mongodb+srv://, with replica set, TLS and credentials as MongoDB's tools take them.
  std::string uri = "mongodb://127.0.0.1:27017";
  std::string database = "cron";   // mongodb.database
  std::string collection = "log";  // mongodb.collection: of the records; their output is in `<collection>_output`
  Retention retention;             // a record past its age is refused: prune() would delete it again
  // Where the URI does not say otherwise:
  std::chrono::milliseconds connect_timeout{5'000};    // mongodb.connect_timeout
  std::chrono::milliseconds selection_timeout{3'000};  // for a server that takes the call
  std::chrono::milliseconds socket_timeout{10'000};    // for an answer; a frozen server is noticed after it
  std::size_t readers = 8;                             // connections for reads; one more reader waits for one of them
  std::size_t queue_bytes_max = 64 << 20;              // of writes that wait; past it they answer Unavailable
  // What the library behind this has to say; called on any thread. Secrets are masked.
  std::function<void(MongoLogLevel level, std::string_view message)> log;
};

// What is known of the server, for readyz and metrics.
struct MongoStatus {
  enum class State {
    Unknown,    // no call has ended yet
    Available,  // the newest call was answered
    Away,       // no answer, or one that may change by itself
    Refused,    // needs a person: password, rights, version, a collection that holds something else
  };
  State state = State::Unknown;
  std::string trouble;  // Away, Refused: one sentence, secrets masked
  bool indexes_ready = false;
  std::string index_trouble;      // why not; queries are slow until then, nothing else
  std::uint64_t calls = 0;        // since the start
  std::uint64_t failures = 0;     // of these, for reasons of the server
  std::uint64_t too_old = 0;      // records refused for their age
  std::uint64_t undecodable = 0;  // documents that queries passed over, counted each time
  std::size_t queue_bytes = 0;    // of writes that wait now
};

class MongoRunHistory final : public RunHistory {
 public:
  // Checks what can be checked without the server, which is then looked for in the background. Writes are answered on
  // `loop`, which must outlive this.
  //   InvalidArgument  URI, names, or a file that the URI names; the sentence names the key
  static Result<std::unique_ptr<MongoRunHistory>> open(MongoOptions options, async::Loop& loop,
                                                       const async::Clock& clock);
  ~MongoRunHistory() override;  // calls under way end first, within their time-outs; what waits answers Unavailable

  // Whether the server would take records now. Blocks; for a start that wants to know, and for `config check`.
  //   InvalidArgument  no, and it will not unless somebody does something (Refused); nothing was written
  //   Unavailable      no, and it may
  Result<void> check();
  MongoStatus status() const;  // any thread

  // None of these answers InvalidArgument for what is wrong with the server: it is Unavailable, and status() tells.
  void insert(std::vector<domain::RunRecord> records, async::Callback<Result<std::vector<Inserted>>> done) override;
  void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) override;
  Result<domain::RunRecord> get(const domain::RunId& run) override;
  Result<RunPage> find(const RunQuery& query) override;
  Result<OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) override;
  Result<std::vector<StatusCount>> counts(WallTime from, WallTime until) override;
  // What the reference recorded is listed but never deleted.
  void prune(Retention retention, WallTime now, std::size_t records_max,
             async::Callback<Result<std::size_t>> done) override;

 private:
  struct Impl;
  explicit MongoRunHistory(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The URI as it may be shown: user and host, no password, no secret option. Also for text that is no URI.
std::string mask_mongo_uri(std::string_view uri);

}  // namespace cronfleet::history

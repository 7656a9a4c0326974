// coord/etcd/etcd_coord_store.h: the coordination store of a fleet, in an etcd cluster (3.4 or newer).
//
// Every call has a deadline; the answer to one that found no member in time, or that a connection swallowed, is
// Unavailable, and the next one goes to another member. Unary calls go round the members that answer; watches and lease
// renewals have connections of their own, so that a long list cannot delay a renewal. A watch that has been silent for
// 10 s proves itself or fails. Members are probed every few seconds; health() shows what they said.
//
// open() looks at the configuration alone: trouble with the cluster shows in the calls and in health(). Certificate
// files are read again when they change. The store is made and destroyed on the loop's thread (or while the loop does
// not run); nothing is called after that. Calls may come from any thread, health() too.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "base/rng.h"
#include "coord/coord_store.h"

namespace cronfleet::coord {

enum class EtcdLogLevel { Debug, Info, Warn, Error };

struct EtcdOptions {
  std::vector<std::string> endpoints;            // "host:port", "http://host:port" or, with TLS, "https://host:port"
  std::chrono::milliseconds dial_timeout{5000};  // to connect, to log in
  std::chrono::milliseconds call_timeout{2000};  // for each call; a page of a list has five of these
  // TLS: on when an endpoint says https or one of these is set. PEM files; without a CA file the system's are trusted.
  std::string ca_file, cert_file, key_file;
  std::string server_name;  // the name that certificates must carry, where it is not the endpoint's host
  std::string user, password;
  std::string key_prefix = "etcd.";                    // of the configuration keys that error sentences name
  std::chrono::milliseconds watch_silence{10'000};     // then a watch must prove itself, within call_timeout
  std::chrono::milliseconds probe_interval{5'000};     // between two looks at every member, and at the files
  std::size_t list_page = 10'000;                      // keys per answer of a list
  std::size_t calls_max = 10'000;                      // under way at once; past that: Unavailable, not sent
  std::function<void(EtcdLogLevel, std::string)> log;  // what gRPC has to say; from any thread
};

struct EtcdMember {
  std::string endpoint;
  bool answers = false;  // the newest call to it was answered, and it knows a leader
  bool leader = false;
  std::string version;
  std::int64_t database_bytes = 0;
  std::string error;  // why it does not answer
};

struct EtcdHealth {
  bool connected = false;           // some member answers
  std::string last_error;           // of the newest failed call; stays when it has healed
  std::string cluster_id;           // hex; empty until somebody answered
  std::string version;              // the lowest of the members that answered
  Revision revision = 0;            // the highest ever seen
  Revision fell_to = 0;             // not 0: a linearizable answer was below that: an older state was restored
  bool cluster_changed = false;     // the endpoints lead to another cluster than before
  std::vector<std::string> alarms;  // "NOSPACE", "CORRUPT"; sorted
  std::vector<EtcdMember> members;  // in the order of the options
};

class EtcdCoordStore final : public CoordStore {
 public:
  //   InvalidArgument  an endpoint does not parse, a file cannot be read, what was given does not fit together; the
  //                    sentence names key and value
  static Result<std::unique_ptr<EtcdCoordStore>> open(EtcdOptions options, async::Loop& loop, async::Timers& timers,
                                                      const async::Clock& clock, Rng rng);
  ~EtcdCoordStore() override;

  // Beside what coord_store.h says, any call may answer
  //   InvalidArgument  the cluster refused user, password or permission: the sentence names the key
  void commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) override;
  void get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) override;
  void list(std::string prefix, async::Callback<Result<Listing>> done) override;
  void list_keys(std::string prefix, std::string after, std::size_t most,
                 async::Callback<Result<Listing>> done) override;
  WatchHandle watch(std::string prefix, Revision after, WatchSink& sink) override;
  void grant(std::chrono::milliseconds ttl, async::Callback<Result<LeaseId>> done) override;
  void keep_alive(LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) override;
  void revoke(LeaseId lease, async::Callback<Result<Revision>> done) override;
  void compact(Revision revision, async::Callback<Result<Revision>> done) override;

  EtcdHealth health() const;

 private:
  struct Client;
  explicit EtcdCoordStore(std::unique_ptr<Client> client);
  std::unique_ptr<Client> client_;
};

}  // namespace cronfleet::coord

#include "coord/etcd/etcd_coord_store.h"

#include <algorithm>
#include <utility>

#include "coord/batch_rules.h"
#include "coord/etcd/connection.h"
#include "coord/etcd/watch.h"

namespace cronfleet::coord {
namespace {

namespace pb = etcdserverpb;
using std::chrono::milliseconds;

constexpr Method kCommit{"/etcdserverpb.KV/Txn", "commit", Purpose::Calls, false, true};
constexpr Method kRead{"/etcdserverpb.KV/Txn", "reading keys", Purpose::Calls, true, true};
constexpr Method kList{"/etcdserverpb.KV/Range", "listing keys", Purpose::Calls, true, true};
constexpr Method kCompact{"/etcdserverpb.KV/Compact", "compacting", Purpose::Calls, false, false};
constexpr Method kGrant{"/etcdserverpb.Lease/LeaseGrant", "granting a lease", Purpose::Leases, true, false};
constexpr Method kRevoke{"/etcdserverpb.Lease/LeaseRevoke", "revoking a lease", Purpose::Leases, false, false};
// A stream by its declaration; one request and one answer look the same on the wire.
constexpr Method kRenew{"/etcdserverpb.Lease/LeaseKeepAlive", "renewing a lease", Purpose::Leases, true, false};

constexpr std::size_t kRequestBytesMax = 1 << 20;  // etcd refuses more than 1.5 MiB unless told otherwise
constexpr int kRestartsMax = 3;                    // of a list whose revision is compacted while it is read
constexpr int kPageTimeouts = 5;                   // call_timeouts that a page of a list has

std::size_t bytes_of(const Txn& txn) {
  std::size_t bytes = 64;
  for (const Condition& one : txn.expected) bytes += one.key.size() + one.value.size() + 32;
  for (const Write& one : txn.writes) bytes += one.key.size() + (one.value ? one.value->size() : 0) + 32;
  for (const std::string& key : txn.read_if_refused) bytes += key.size() + 16;
  return bytes;
}

// Batches that etcd takes. The members have no key in common, so one after the other gives the same as all at once.
std::vector<std::vector<Txn>> split(std::vector<Txn> batch) {
  std::vector<std::vector<Txn>> parts(1);
  std::size_t bytes = 0;
  for (Txn& txn : batch) {
    const std::size_t more = bytes_of(txn);
    if (!parts.back().empty() && bytes + more > kRequestBytesMax) {
      parts.emplace_back();
      bytes = 0;
    }
    bytes += more;
    parts.back().push_back(std::move(txn));
  }
  return parts;
}

// Calls of more than one step keep their state here from one answer to the next.
struct Commit {
  std::vector<std::vector<Txn>> parts;
  std::size_t next = 0;
  std::vector<TxnAnswer> answers;
  async::Callback<Result<std::vector<TxnAnswer>>> done;
};

void commit_next(Connection& connection, std::shared_ptr<Commit> commit) {
  if (commit->next == commit->parts.size()) return commit->done(std::move(commit->answers));
  std::vector<Txn> part = std::move(commit->parts[commit->next]);
  const std::size_t members = part.size();
  connection.call<pb::TxnRequest, pb::TxnResponse>(
      kCommit, connection.options.call_timeout, encode_batch(std::move(part)),
      [&connection, commit, members](Result<pb::TxnResponse> response) {
        if (!response) {
          // What went before has been applied, so nothing can be said of the whole.
          if (commit->next > 0) return commit->done(fail(Code::Unavailable, "{}", response.error().message()));
          return commit->done(Failure(response.error()));
        }
        for (TxnAnswer& answer : decode_answers(std::move(*response), members))
          commit->answers.push_back(std::move(answer));
        ++commit->next;
        commit_next(connection, commit);
      });
}

struct Read {
  std::vector<std::string> keys;
  std::size_t next = 0;
  int restarts = 0;
  Listing listing;
  async::Callback<Result<Listing>> done;
};

void read_next(Connection& connection, std::shared_ptr<Read> read) {
  const std::size_t end = std::min(read->keys.size(), read->next + kOperationsMax);
  connection.call<pb::TxnRequest, pb::TxnResponse>(
      kRead, connection.options.call_timeout, encode_reads(read->keys, read->next, end, read->listing.revision),
      [&connection, read, end](Result<pb::TxnResponse> response) {
        if (!response) {
          if (response.error().code() != Code::Compacted) return read->done(Failure(response.error()));
          if (++read->restarts > kRestartsMax)
            return read->done(fail(Code::Unavailable, "etcd was compacted faster than it could be read"));
          read->next = 0;
          read->listing = {};
          return read_next(connection, read);
        }
        if (read->listing.revision == 0) read->listing.revision = response->header().revision();
        decode_reads(std::move(*response), read->listing.entries);
        read->next = end;
        if (end == read->keys.size()) return read->done(std::move(read->listing));
        read_next(connection, read);
      });
}

struct List {
  std::string first, end;
  std::string next;
  std::size_t keys_most = 0;  // not 0: so many keys, without values
  int restarts = 0;
  Listing listing;
  async::Callback<Result<Listing>> done;
};

void list_next(Connection& connection, std::shared_ptr<List> list) {
  pb::RangeRequest request;
  request.set_key(list->next);
  request.set_range_end(list->end);
  const std::size_t page = connection.options.list_page, most = list->keys_most;
  request.set_limit(static_cast<std::int64_t>(most == 0 ? page : std::min(page, most - list->listing.entries.size())));
  request.set_revision(list->listing.revision);
  request.set_keys_only(most != 0);
  connection.call<pb::RangeRequest, pb::RangeResponse>(
      kList, kPageTimeouts * connection.options.call_timeout, std::move(request),
      [&connection, list](Result<pb::RangeResponse> response) {
        if (!response) {
          if (response.error().code() != Code::Compacted) return list->done(Failure(response.error()));
          if (++list->restarts > kRestartsMax)
            return list->done(fail(Code::Unavailable, "etcd was compacted faster than it could be listed"));
          list->next = list->first;
          list->listing = {};
          return list_next(connection, list);
        }
        if (list->listing.revision == 0) list->listing.revision = response->header().revision();
        for (mvccpb::KeyValue& entry : *response->mutable_kvs())
          list->listing.entries.push_back(decode(std::move(entry)));
        if (!response->more() || list->listing.entries.size() == list->keys_most)
          return list->done(std::move(list->listing));
        list->next = list->listing.entries.back().key + '\0';
        list_next(connection, list);
      });
}

void list_from(Connection& connection, std::string first, std::string prefix, std::size_t keys_most,
               async::Callback<Result<Listing>> done) {
  connection.post(
      [&connection, first = std::move(first), prefix = std::move(prefix), keys_most, done = std::move(done)]() mutable {
        auto list = std::make_shared<List>();
        list->first = list->next = first.empty() ? std::string(1, '\0') : std::move(first);
        list->end = prefix_end(std::move(prefix));
        list->keys_most = keys_most;
        list->done = std::move(done);
        list_next(connection, std::move(list));
      });
}

struct StopWatch final : WatchStop {
  explicit StopWatch(std::shared_ptr<Watch> one) : watch(std::move(one)) {}
  ~StopWatch() override { watch->stop(); }
  std::shared_ptr<Watch> watch;
};

}  // namespace

struct EtcdCoordStore::Client {
  Connection connection;

  template <typename... Args>
  explicit Client(Args&&... args) : connection(std::forward<Args>(args)...) {}

  // A call of one step, from any thread; `read` turns etcd's answer into ours.
  template <typename Request, typename Response, typename T, typename ReadAnswer>
  void call(const Method& method, Request request, async::Callback<Result<T>> done, ReadAnswer read) {
    connection.post([this, &method, request = std::move(request), done = std::move(done), read]() mutable {
      connection.call<Request, Response>(
          method, connection.options.call_timeout, std::move(request),
          [done = std::move(done), read](Result<Response> response) mutable { done(read(std::move(response))); });
    });
  }
};

Result<std::unique_ptr<EtcdCoordStore>> EtcdCoordStore::open(EtcdOptions options, async::Loop& loop,
                                                             async::Timers& timers, const async::Clock& clock,
                                                             Rng rng) {
  auto endpoints = parse_endpoints(options);
  if (!endpoints) return Failure(endpoints.error());
  auto credentials = Credentials::load(options, endpoints->front().tls);
  if (!credentials) return Failure(credentials.error());
  return std::unique_ptr<EtcdCoordStore>(new EtcdCoordStore(std::make_unique<Client>(
      std::move(options), std::move(*endpoints), std::move(*credentials), loop, timers, clock, rng)));
}

EtcdCoordStore::EtcdCoordStore(std::unique_ptr<Client> client) : client_(std::move(client)) {}
EtcdCoordStore::~EtcdCoordStore() = default;

EtcdHealth EtcdCoordStore::health() const { return client_->connection.health(); }

void EtcdCoordStore::commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) {
  Connection& connection = client_->connection;
  auto refusal = refuse_batch(batch);
  if (refusal || batch.empty()) {
    return connection.post([refusal = std::move(refusal), done = std::move(done)]() mutable {
      if (refusal) return done(Failure(std::move(*refusal)));
      done(std::vector<TxnAnswer>());
    });
  }
  connection.post([&connection, batch = std::move(batch), done = std::move(done)]() mutable {
    auto commit = std::make_shared<Commit>();
    commit->parts = split(std::move(batch));
    commit->done = std::move(done);
    commit_next(connection, std::move(commit));
  });
}

void EtcdCoordStore::get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) {
  client_->connection.post(
      [&connection = client_->connection, keys = std::move(keys), done = std::move(done)]() mutable {
        auto read = std::make_shared<Read>();
        read->keys = std::move(keys);
        read->done = std::move(done);
        read_next(connection, std::move(read));
      });
}

void EtcdCoordStore::list(std::string prefix, async::Callback<Result<Listing>> done) {
  std::string first = prefix;
  list_from(client_->connection, std::move(first), std::move(prefix), 0, std::move(done));
}

void EtcdCoordStore::list_keys(std::string prefix, std::string after, std::size_t most,
                               async::Callback<Result<Listing>> done) {
  std::string first = after < prefix ? prefix : std::move(after) + '\0';
  list_from(client_->connection, std::move(first), std::move(prefix), most, std::move(done));
}

WatchHandle EtcdCoordStore::watch(std::string prefix, Revision after, WatchSink& sink) {
  auto watch = std::make_shared<Watch>(std::move(prefix), after, sink);
  client_->connection.post([&connection = client_->connection, watch] { watch->start(connection); });
  return std::make_unique<StopWatch>(std::move(watch));
}

void EtcdCoordStore::grant(milliseconds ttl, async::Callback<Result<LeaseId>> done) {
  pb::LeaseGrantRequest request;
  request.set_ttl(std::chrono::ceil<std::chrono::seconds>(ttl).count());
  client_->call<pb::LeaseGrantRequest, pb::LeaseGrantResponse>(
      kGrant, std::move(request), std::move(done), [](Result<pb::LeaseGrantResponse> response) -> Result<LeaseId> {
        if (!response) return Failure(response.error());
        if (!response->error().empty()) return fail(Code::Unavailable, "granting a lease: {}", response->error());
        return response->id();
      });
}

void EtcdCoordStore::keep_alive(LeaseId lease, async::Callback<Result<milliseconds>> done) {
  pb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  client_->call<pb::LeaseKeepAliveRequest, pb::LeaseKeepAliveResponse>(
      kRenew, std::move(request), std::move(done),
      [lease](Result<pb::LeaseKeepAliveResponse> response) -> Result<milliseconds> {
        if (!response) return Failure(response.error());
        // An ended lease is no error in etcd.
        if (response->ttl() <= 0) return fail(Code::LeaseLost, "etcd: lease {:x} has ended", lease);
        return milliseconds(std::chrono::seconds(response->ttl()));
      });
}

void EtcdCoordStore::revoke(LeaseId lease, async::Callback<Result<Revision>> done) {
  pb::LeaseRevokeRequest request;
  request.set_id(lease);
  client_->call<pb::LeaseRevokeRequest, pb::LeaseRevokeResponse>(
      kRevoke, std::move(request), std::move(done), [](Result<pb::LeaseRevokeResponse> response) -> Result<Revision> {
        if (!response) return Failure(response.error());
        return response->header().revision();
      });
}

void EtcdCoordStore::compact(Revision revision, async::Callback<Result<Revision>> done) {
  pb::CompactionRequest request;
  request.set_revision(revision);  // not `physical`: that waits until the file is rewritten, up to minutes
  client_->call<pb::CompactionRequest, pb::CompactionResponse>(
      kCompact, std::move(request), std::move(done),
      [revision](Result<pb::CompactionResponse> response) -> Result<Revision> {
        if (!response && response.error().code() != Code::Compacted) return Failure(response.error());
        return revision;  // or more, where somebody was faster
      });
}

}  // namespace cronfleet::coord

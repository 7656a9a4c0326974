#include "coord/session.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/check.h"
#include "coord/guard.h"

namespace cronfleet::coord {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBackoffLeast{200}, kBackoffMost{500};
constexpr milliseconds kRefusalGrace{2'000};  // beyond S, before a second process gives up
constexpr milliseconds kRefusalPause{1'000};  // between two attempts meanwhile
constexpr int kRenewalsPerTtl = 3;            // in good times
constexpr int kUrgentRenewalsPerTtl = 12;     // after a renewal without an answer

}  // namespace

struct Session::State {
  State(CoordStore& s, async::Timers& t, const async::Clock& c, Rng r, TokenSource& k, core::Keys names,
        SessionOptions o, SessionSink& to)
      : store(s), timers(t), clock(c), rng(r), tokens(k), keys(std::move(names)), options(o), sink(to) {}

  CoordStore& store;
  async::Timers& timers;
  const async::Clock& clock;
  Rng rng;
  TokenSource& tokens;
  core::Keys keys;
  SessionOptions options;
  SessionSink& sink;

  // One of the two leases, as far as we know it.
  struct Lease {
    LeaseId id = 0;
    milliseconds ttl{0};
    MonoTime until{};  // counted from when the grant or renewal was sent, less the margin
    async::TimerId renewal = 0;
  };

  core::WorkerEntry entry;
  std::string written;  // the registration as last sent, without its clock
  std::function<bool(std::int64_t)> process_alive;
  Incarnation incarnation;
  std::string hold_key;
  std::set<Incarnation> own;  // this one and those before it in this process
  bool hold_written = false;  // under this incarnation, as far as we know
  Lease session, run;
  bool is_open = false, closing = false;
  bool writing = false, write_again = false;  // the registration
  bool must_prove_session = false;            // reopening: the old lease may still stand at the store
  milliseconds backoff = kBackoffLeast;
  std::optional<MonoTime> refused_since;
  async::TimerId retry = 0, deadline = 0;
  Guard guard;  // renewed when what is under way no longer matters

  // ---- opening ----

  // The next thing to do towards an open session. Each answer leads back here.
  void advance() {
    if (closing) return;
    if (run.id != 0 && clock.mono() >= run.until) forget_run_lease();
    if (incarnation.empty()) begin_incarnation();
    if (must_prove_session) return prove_session();
    if (session.id != 0 && clock.mono() >= session.until) session = {};
    if (session.id == 0) return grant(session, options.session_ttl);
    if (run.id == 0) return grant(run, options.run_ttl);
    do_register();
  }

  void begin_incarnation() {
    incarnation = Incarnation(tokens.token());
    hold_key = keys.hold(entry.node, incarnation);
    entry.incarnation = incarnation;
    own.insert(incarnation);
  }

  // The run lease is not revoked: while the old hold stands nobody touches the runs we are about to move (rule 8).
  void forget_run_lease() {
    timers.cancel(run.renewal);
    run = {};
    incarnation = Incarnation();
    hold_written = false;
    if (session.id == 0) return;
    store.revoke(session.id, [](Result<Revision>) {});  // it carries the registration of the old incarnation
    timers.cancel(session.renewal);
    session = {};
    must_prove_session = false;
  }

  void grant(Lease& lease, milliseconds ttl) {
    const MonoTime sent_at = clock.mono();
    store.grant(ttl, guard.wrap([this, &lease, ttl, sent_at](Result<LeaseId> id) {
      if (!id) return try_later(id.error());
      lease.id = *id;
      lease.ttl = ttl;
      lease.until = sent_at + ttl - options.margin;
      advance();
    }));
  }

  // After silence the store may know the session lease still: then registration and hold stand as they did.
  void prove_session() {
    const MonoTime sent_at = clock.mono();
    store.keep_alive(session.id, guard.wrap([this, sent_at](Result<milliseconds> ttl) {
      if (!ttl && ttl.error().code() != Code::LeaseLost) return try_later(ttl.error());
      must_prove_session = false;
      if (ttl) {
        session.until = std::max(session.until, sent_at + *ttl - options.margin);
      } else {
        session = {};
      }
      advance();
    }));
  }

  // What a change is told by: the clock and what is measured all the time are none.
  std::string without_measures() const {
    core::WorkerEntry still = entry;
    still.wall = {};
    still.load.reset();
    return encode(still);
  }

  std::string worker_key() const { return keys.worker(entry.node); }

  Txn registration(bool hold_stands) {
    written = without_measures();
    entry.wall = clock.wall();
    Txn txn;
    txn.expected = {{worker_key(), Condition::Kind::Absent, {}, 0}};
    txn.writes = {{worker_key(), encode(entry), session.id}};
    if (hold_stands) {
      txn.expected.push_back({hold_key, Condition::Kind::Present, {}, 0});
    } else {
      txn.writes.push_back({hold_key, std::string(), run.id});
    }
    txn.read_if_refused = {worker_key(), hold_key};
    return txn;
  }

  void do_register() {
    commit(registration(hold_written), [this](Result<TxnAnswer> answer) {
      if (!answer) {
        if (answer.error().code() == Code::LeaseLost) {
          session = {};
          if (!hold_written) run = {};
        }
        return try_later(answer.error());
      }
      if (answer->committed) return opened();
      on_register_refused(answer->found);
    });
  }

  void on_register_refused(const std::vector<KeyValue>& found) {
    const KeyValue* worker = nullptr;
    bool hold_stands = false;
    for (const KeyValue& value : found) {
      if (value.key == hold_key) hold_stands = true;
      if (value.key == worker_key()) worker = &value;
    }
    if (worker == nullptr) {
      // Free by now; or our hold is gone, and with it this incarnation.
      if (hold_written && !hold_stands) forget_run_lease();
      return retry_after(kBackoffLeast);
    }
    if (worker->lease == session.id) {
      // Ours: an earlier attempt whose answer we did not get.
      if (hold_stands) return opened();
      forget_run_lease();
      return advance();
    }
    const auto holder = core::decode_worker(worker->value);
    // Of an earlier session of this process: its hold goes on guarding the runs that are about to move.
    if (holder && own.contains(holder->incarnation)) return end_registration(worker->lease);
    if (holder && is_dead_predecessor(*holder)) return take_over(worker->lease, *holder);
    if (!refused_since) refused_since = clock.mono();
    if (clock.mono() - *refused_since >= options.session_ttl + kRefusalGrace) return refuse(holder);
    retry_after(kRefusalPause + milliseconds(rng.below(200)));
  }

  // A process of this machine, since this boot, that is no more. A pid equal to ours was somebody's before us (in a
  // container it is always 1).
  bool is_dead_predecessor(const core::WorkerEntry& holder) const {
    if (holder.boot_id.empty() || holder.boot_id != entry.boot_id || holder.host != entry.host) return false;
    return holder.pid == entry.pid || !process_alive(holder.pid);
  }

  // Its runs were ended before the session was opened (rule 9), so nothing needs its hold any more.
  void take_over(LeaseId session_lease, const core::WorkerEntry& holder) {
    store.get({keys.hold(entry.node, holder.incarnation)}, guard.wrap([this, session_lease](Result<Listing> hold) {
      if (!hold) return try_later(hold.error());
      if (!hold->entries.empty()) store.revoke(hold->entries[0].lease, [](Result<Revision>) {});
      end_registration(session_lease);
    }));
  }

  void end_registration(LeaseId session_lease) {
    store.revoke(session_lease, guard.wrap([this](Result<Revision> revoked) {
      if (!revoked && revoked.error().code() != Code::LeaseLost) return try_later(revoked.error());
      advance();
    }));
  }

  void refuse(const Result<core::WorkerEntry>& holder) {
    closing = true;
    for (const Lease* lease : {&session, &run}) {
      if (lease->id != 0) store.revoke(lease->id, [](Result<Revision>) {});
    }
    sink.on_refused(Status(
        Code::Conflict,
        holder
            ? fmt::format("node id '{}' is held by process {} on host '{}' ({}), started {}: each worker needs a node "
                          "id of its own",
                          entry.node, holder->pid, holder->host, holder->address, to_rfc3339(holder->started_at))
            : fmt::format("node id '{}' is held by a registration that cannot be read: {}", entry.node,
                          holder.error().message())));
  }

  void try_later(const Status&) {
    retry_after(backoff / 2 + milliseconds(rng.below(static_cast<std::uint64_t>(backoff.count()) / 2)));
    backoff = std::min(backoff * 2, kBackoffMost);
  }

  void retry_after(milliseconds wait) {
    timers.cancel(retry);
    retry = timers.at(clock.mono() + wait, guard.wrap([this] { advance(); }));
  }

  // ---- open ----

  void opened() {
    hold_written = true;
    refused_since.reset();
    backoff = kBackoffLeast;
    if (clock.mono() >= std::min(session.until, run.until)) {
      // The answer was so long under way that nothing may be built on it.
      must_prove_session = true;
      return advance();
    }
    is_open = true;
    watch_deadline();
    schedule_renewal(session, kRenewalsPerTtl);
    // It aged while there was no session.
    renew(run);
    sink.on_session_open(incarnation, hold_key);
    sink.on_leases(session.until, run.until);
    if (std::exchange(write_again, false)) write_registration();
  }

  void schedule_renewal(Lease& lease, int per_ttl) {
    timers.cancel(lease.renewal);
    lease.renewal = timers.at(clock.mono() + lease.ttl / per_ttl, guard.wrap([this, &lease] { renew(lease); }));
  }

  void renew(Lease& lease) {
    const MonoTime sent_at = clock.mono();
    if (&lease == &session) write_registration();
    store.keep_alive(lease.id, guard.wrap([this, &lease, sent_at](Result<milliseconds> ttl) {
      if (!ttl && ttl.error().code() == Code::LeaseLost) {
        const bool run_over = &lease == &run;
        return lost(ttl.error().with("renewing the {} lease", run_over ? "run" : "session"),
                    run_over ? Standing::RunOver : Standing::SessionOver);
      }
      if (ttl) {
        lease.until = std::max(lease.until, sent_at + *ttl - options.margin);
        sink.on_leases(session.until, run.until);
      }
      schedule_renewal(lease, ttl ? kRenewalsPerTtl : kUrgentRenewalsPerTtl);
    }));
  }

  void watch_deadline() {
    timers.cancel(deadline);
    deadline = timers.at(std::min(session.until, run.until), guard.wrap([this] {
      const MonoTime now = clock.mono();
      if (now < std::min(session.until, run.until)) return watch_deadline();
      if (now >= run.until) return lost(over("run"), Standing::RunOver);
      lost(over("session"), Standing::Unproved);
    }));
  }
  static Status over(std::string_view lease) {
    return Status(Code::LeaseLost, fmt::format("the {} lease could not be renewed in time", lease));
  }

  enum class Standing { SessionOver, RunOver, Unproved };  // what is known to have ended

  void lost(const Status& status, Standing standing) {
    is_open = false;
    guard.renew();
    for (const async::TimerId timer : {session.renewal, run.renewal, deadline, retry}) timers.cancel(timer);
    writing = false;
    must_prove_session = standing == Standing::Unproved;
    if (standing == Standing::SessionOver) session = {};
    if (standing == Standing::RunOver) forget_run_lease();
    sink.on_session_lost(status);
    advance();
  }

  void write_registration() {
    if (!is_open || writing) {
      write_again = true;
      return;
    }
    writing = true;
    written = without_measures();
    entry.wall = clock.wall();
    Txn txn;
    txn.expected = {{hold_key, Condition::Kind::Present, {}, 0}, {worker_key(), Condition::Kind::Present, {}, 0}};
    txn.writes = {{worker_key(), encode(entry), session.id}};
    txn.read_if_refused = {hold_key};
    commit(std::move(txn), [this](Result<TxnAnswer> answer) {
      writing = false;
      if (!answer && answer.error().code() == Code::LeaseLost)
        return lost(answer.error().with("writing the registration"), Standing::SessionOver);
      if (answer && !answer->committed) {
        return lost(Status(Code::LeaseLost, "the registration is gone"),
                    answer->found.empty() ? Standing::RunOver : Standing::SessionOver);
      }
      if (!answer) write_again = false;  // the next renewal writes it anyway
      if (!answer) written.clear();
      if (std::exchange(write_again, false)) write_registration();
    });
  }

  // One transaction by itself.
  template <typename Done>
  void commit(Txn txn, Done done) {
    std::vector<Txn> batch;
    batch.push_back(std::move(txn));
    store.commit(std::move(batch), guard.wrap([done = std::move(done)](Result<std::vector<TxnAnswer>> answers) mutable {
      if (!answers) return done(Failure(answers.error()));
      done(std::move(answers->front()));
    }));
  }

  // ---- closing ----

  void close(async::Task done) {
    closing = true;
    is_open = false;
    guard.renew();
    cancel_timers();
    if (session.id == 0 && run.id == 0) {
      retry = timers.at(clock.mono(), guard.wrap([done = std::move(done)]() mutable { done(); }));
      return;
    }
    // Both leases at once: their keys go with them.
    struct Both {
      int left;
      async::Task done;
    };
    auto both = std::make_shared<Both>(Both{0, std::move(done)});
    for (const LeaseId lease : {session.id, run.id}) {
      if (lease == 0) continue;
      ++both->left;
      store.revoke(lease, guard.wrap([both](Result<Revision>) {
        if (--both->left == 0) both->done();
      }));
    }
  }

  void cancel_timers() {
    for (const async::TimerId timer : {session.renewal, run.renewal, deadline, retry}) timers.cancel(timer);
  }
};

Session::Session(CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, TokenSource& tokens,
                 core::Keys keys, SessionOptions options, SessionSink& sink)
    : state_(std::make_unique<State>(store, timers, clock, rng, tokens, std::move(keys), options, sink)) {}

Session::~Session() { state_->cancel_timers(); }

void Session::open(core::WorkerEntry entry, std::function<bool(std::int64_t pid)> process_alive) {
  CHECK(state_->entry.node.empty() && !entry.node.empty());
  state_->entry = std::move(entry);
  state_->process_alive = std::move(process_alive);
  state_->advance();
}

void Session::update(std::function<void(core::WorkerEntry&)> change) {
  change(state_->entry);
  if (state_->without_measures() != state_->written) state_->write_registration();
}

void Session::close(async::Task done) { state_->close(std::move(done)); }

bool Session::open() const { return state_->is_open; }
const Incarnation& Session::incarnation() const { return state_->incarnation; }
const std::string& Session::hold_key() const { return state_->hold_key; }

}  // namespace cronfleet::coord

#include "coord/etcd/connection.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cronfleet::coord {
namespace {

namespace pb = etcdserverpb;

constexpr Method kLogin{"/etcdserverpb.Auth/Authenticate", "logging in", Purpose::Calls, true, false};
constexpr Method kProbe{"/etcdserverpb.Maintenance/Status", "status", Purpose::Calls, true, false};

// Against a clock that no wall clock step can move.
gpr_timespec deadline_in(std::chrono::milliseconds timeout) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout.count(), GPR_TIMESPAN));
}

// "memberID:10501334649042878790 alarm:NOSPACE " → "NOSPACE"
std::optional<std::string> alarm_of(const std::string& error) {
  const std::string mark = "alarm:";
  const auto at = error.find(mark);
  if (at == std::string::npos) return std::nullopt;
  const auto end = error.find_first_of(" \"}", at);
  return error.substr(at + mark.size(), end == std::string::npos ? end : end - at - mark.size());
}

bool blames_the_member(Code code) { return code == Code::Unavailable; }

// "3.4.23" < "3.6.1"
bool older(const std::string& a, const std::string& b) {
  int x[3] = {}, y[3] = {};
  std::sscanf(a.c_str(), "%d.%d.%d", &x[0], &x[1], &x[2]);
  std::sscanf(b.c_str(), "%d.%d.%d", &y[0], &y[1], &y[2]);
  return std::lexicographical_compare(x, x + 3, y, y + 3);
}

}  // namespace

Connection::Connection(EtcdOptions configured, std::vector<Endpoint> endpoints, Credentials credentials,
                       async::Loop& loop, async::Timers& on, const async::Clock& by, Rng rng)
    : options(std::move(configured)),
      timers(on),
      clock(by),
      members_(options, std::move(endpoints), std::move(credentials), rng),
      log_(std::make_shared<EtcdLog>(options.log)),
      landing_(std::make_shared<Landing>(loop)),
      login_(options.user.empty() ? Login::NotNeeded : Login::Needed),
      alarms_(members_.size()) {
  route_grpc_log(log_);
  for (std::size_t i = 0; i < members_.size(); ++i)
    health_.members.push_back({.endpoint = members_.endpoint(i).text, .version = {}, .error = "not asked yet"});
  probe_timer_ = timers.at(clock.mono(), [this] { probe(); });
}

Connection::~Connection() {
  timers.cancel(probe_timer_);
  for (Dependent* dependent : std::exchange(dependents_, {})) dependent->abandon();
  landing_->close();
  for (auto& [key, call] : calls_) call->context->TryCancel();
  for (auto& [key, stream] : streams_) stream->cancel();
  landing_->wait_until_idle();
}

// ---- calls ----

void Connection::start(std::unique_ptr<Call> call) {
  if (calls_.size() + waiting_.size() >= options.calls_max) {
    return call->answer(
        Status(Code::Unavailable, fmt::format("{} calls to etcd are under way already: not sent", options.calls_max)));
  }
  if (call->only) return send(std::move(call));
  with_login([this, call = std::move(call)](std::optional<Status> failure) mutable {
    if (failure) return call->answer(std::move(failure));
    send(std::move(call));
  });
}

void Connection::send(std::unique_ptr<Call> call) {
  call->member = call->only ? *call->only : members_.pick(call->method.purpose);
  call->seen_before = highest_;
  call->set_back_before = set_back_;
  call->token = token_;
  call->context.emplace();
  call->context->set_deadline(deadline_in(call->timeout));
  if (!call->only) call->context->AddMetadata("hasleader", "true");  // without a leader: refused at once, not in time
  if (!token_.empty() && &call->method != &kLogin) call->context->AddMetadata("token", token_);
  Call* const key = call.get();
  calls_.emplace(key, std::move(call));
  landing_->begin();
  key->send(members_.channel(key->member, key->method.purpose), [this, key, landing = landing_](grpc::Status status) {
    landing->end([this, key, status = std::move(status)] { on_over(key, status); });
  });
}

void Connection::on_over(Call* key, const grpc::Status& status) {
  auto found = calls_.extract(key);
  CHECK(!found.empty());
  std::unique_ptr<Call> call = std::move(found.mapped());
  if (status.ok()) {
    if (!call->only) member_answered(call->member);
    saw(call->header());
    if (call->method.linearizable && call->set_back_before == set_back_ &&
        call->header().revision() < call->seen_before) {
      const Revision fell_to = highest_ = call->header().revision();
      ++set_back_;
      note([&](EtcdHealth& health) { health.fell_to = fell_to; });
    }
    return call->answer(std::nullopt);
  }
  Status failure = status_of(status, call->member, call->method.word);
  if (blames_the_member(failure.code())) {
    member_failed(call->member, failure);
  } else if (!call->only) {
    member_answered(call->member);
  }
  if (try_again(call, status)) return;
  // Of a probe the member's own line tells.
  if (!call->only && failure.code() != Code::LeaseLost && failure.code() != Code::Compacted)
    note([&](EtcdHealth& health) { health.last_error = failure.message(); });
  call->answer(std::move(failure));
}

bool Connection::try_again(std::unique_ptr<Call>& call, const grpc::Status& status) {
  if (call->only) return false;
  if (login_ != Login::NotNeeded && asks_for_login(status) && !call->logged_in_again) {
    call->logged_in_again = true;
    forget_token(call->token);
    start(std::move(call));
    return true;
  }
  // A deadline has taken its time already; a broken connection has not.
  if (call->method.repeatable && !call->repeated && members_.size() > 1 &&
      status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    call->repeated = true;
    start(std::move(call));
    return true;
  }
  return false;
}

Status Connection::status_of(const grpc::Status& status, std::size_t member, const char* word) const {
  return coord::status_of(status, fmt::format("etcd {}: {}", members_.endpoint(member).text, word), options.key_prefix);
}

WatchStream& Connection::open_stream(std::size_t member, WatchStream::Listener& listener, pb::WatchRequest first) {
  auto stream = std::make_unique<WatchStream>(landing_, members_.channel(member, Purpose::Watches), token_, listener);
  WatchStream* const key = stream.get();
  key->when_over([this, key] { streams_.erase(key); });
  streams_.emplace(key, std::move(stream));
  key->open(std::move(first));
  return *key;
}

// ---- logging in ----

void Connection::with_login(Function<void(std::optional<Status>)> next) {
  if (login_ == Login::NotNeeded || login_ == Login::Done) return next(std::nullopt);
  waiting_.push_back(std::move(next));
  if (login_ == Login::Needed) log_in();
}

void Connection::forget_token(const std::string& used) {
  if (login_ != Login::Done || token_ != used) return;  // renewed meanwhile
  token_.clear();
  login_ = Login::Needed;
}

void Connection::log_in() {
  login_ = Login::UnderWay;
  pb::AuthenticateRequest request;
  request.set_name(options.user);
  request.set_password(options.password);
  auto call = std::make_unique<UnaryCall<pb::AuthenticateRequest, pb::AuthenticateResponse>>(
      kLogin, options.dial_timeout, std::move(request),
      [this](Result<pb::AuthenticateResponse> answer) { on_login(std::move(answer)); });
  call->only = members_.pick(Purpose::Calls);
  start(std::move(call));
}

void Connection::on_login(Result<pb::AuthenticateResponse> answer) {
  std::optional<Status> failure;
  login_ = Login::Done;
  if (answer) {
    token_ = answer->token();
  } else if (answer.error().message().find("authentication is not enabled") != std::string::npos) {
    token_.clear();  // the cluster asks for nothing; when that changes, a refusal brings us back here
  } else {
    failure = answer.error();
    login_ = Login::Needed;
    note([&](EtcdHealth& health) { health.last_error = failure->message(); });
  }
  for (auto& next : std::exchange(waiting_, {})) next(failure);
}

// ---- members ----

void Connection::member_answered(std::size_t member) {
  if (members_.answers(member)) return;
  members_.answered(member);
  note([&](EtcdHealth& health) {
    health.members[member].answers = health.connected = true;
    health.members[member].error.clear();
  });
}

void Connection::member_failed(std::size_t member, const Status& why) {
  members_.failed(member);
  note([&](EtcdHealth& health) {
    health.members[member].answers = false;
    health.members[member].error = why.message();
    health.connected = members_.any_answers();
  });
}

void Connection::saw(const pb::ResponseHeader& header) {
  const bool other_cluster = cluster_ != 0 && header.cluster_id() != 0 && header.cluster_id() != cluster_;
  if (header.revision() <= highest_ && (cluster_ != 0 || header.cluster_id() == 0) && !other_cluster) return;
  highest_ = std::max<Revision>(highest_, header.revision());
  if (cluster_ == 0) cluster_ = header.cluster_id();
  note([&](EtcdHealth& health) {
    health.revision = std::max<Revision>(health.revision, highest_);
    if (cluster_ != 0) health.cluster_id = fmt::format("{:x}", cluster_);
    health.cluster_changed = health.cluster_changed || other_cluster;
  });
}

void Connection::probe() {
  reload_files();
  for (std::size_t member = 0; member < members_.size(); ++member) {
    auto call = std::make_unique<UnaryCall<pb::StatusRequest, pb::StatusResponse>>(
        kProbe, options.call_timeout, pb::StatusRequest(),
        [this, member](Result<pb::StatusResponse> answer) { on_probe(member, std::move(answer)); });
    call->only = member;
    start(std::move(call));
  }
  probe_timer_ = timers.at(clock.mono() + options.probe_interval, [this] { probe(); });
}

void Connection::on_probe(std::size_t member, Result<pb::StatusResponse> answer) {
  if (!answer) {
    // It refuses to tell us its status, which takes a member that is well.
    if (!blames_the_member(answer.error().code())) member_answered(member);
    return;
  }
  alarms_[member].clear();
  for (const std::string& error : answer->errors()) {
    if (auto alarm = alarm_of(error)) alarms_[member].insert(std::move(*alarm));
  }
  std::set<std::string> alarms;
  for (const auto& some : alarms_) alarms.insert(some.begin(), some.end());
  if (answer->leader() == 0) {
    member_failed(member, Status(Code::Unavailable,
                                 fmt::format("etcd {}: status: it knows no leader", members_.endpoint(member).text)));
  } else {
    member_answered(member);
  }
  note([&](EtcdHealth& health) {
    EtcdMember& facts = health.members[member];
    facts.version = answer->version();
    facts.database_bytes = answer->dbsize();
    facts.leader = answer->leader() != 0 && answer->leader() == answer->header().member_id();
    health.alarms.assign(alarms.begin(), alarms.end());
    health.version.clear();
    for (const EtcdMember& one : health.members) {
      if (!one.version.empty() && (health.version.empty() || older(one.version, health.version)))
        health.version = one.version;
    }
  });
}

void Connection::reload_files() {
  auto credentials = Credentials::load(options, members_.endpoint(0).tls);
  if (!credentials) {
    // Half written, or gone: the connections that stand are as good as before.
    if (reload_failure_ != credentials.error().message() && *log_)
      (*log_)(EtcdLogLevel::Error, credentials.error().message() + ": going on with what was read before");
    reload_failure_ = credentials.error().message();
    return;
  }
  reload_failure_.clear();
  if (*credentials == members_.credentials()) return;
  members_.use(std::move(*credentials));
  if (*log_) (*log_)(EtcdLogLevel::Info, "the TLS files of etcd have changed: new connections use them");
}

EtcdHealth Connection::health() const {
  const std::lock_guard lock(health_mutex_);
  return health_;
}

}  // namespace cronfleet::coord

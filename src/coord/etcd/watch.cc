#include "coord/etcd/watch.h"

#include <algorithm>
#include <utility>

namespace cronfleet::coord {
namespace {

namespace pb = etcdserverpb;

constexpr Method kRevision{"/etcdserverpb.KV/Range", "reading the revision", Purpose::Calls, true, true};

bool refuses_login(const std::string& reason) {
  return reason.find("auth") != std::string::npos || reason.find("permission denied") != std::string::npos;
}

}  // namespace

void Watch::start(Connection& connection) {
  if (stopped_) return;
  connection_ = &connection;
  connection.add(*this);
  open();
}

void Watch::stop() {
  stopped_ = true;
  if (connection_ == nullptr) return;
  connection_->timers.cancel(timer_);
  connection_->remove(*this);
  connection_ = nullptr;
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
}

void Watch::abandon() { stop(); }

void Watch::open() {
  connection_->with_login([self = weak_from_this()](std::optional<Status> failure) {
    const auto watch = self.lock();
    if (!watch || watch->stopped_) return;
    if (failure) return watch->fail(std::move(*failure));
    watch->send();
  });
}

void Watch::send() {
  member_ = connection_->members().pick(Purpose::Watches);
  token_ = connection_->token();
  pb::WatchRequest request;
  pb::WatchCreateRequest& create = *request.mutable_create_request();
  create.set_key(prefix_.empty() ? std::string(1, '\0') : prefix_);
  create.set_range_end(prefix_end(prefix_));
  // From `after` itself, which we drop: started one later, etcd would not tell that a compaction at that very revision
  // has taken the deletions of it.
  create.set_start_revision(std::max<Revision>(after_, 1));
  stream_ = &connection_->open_stream(member_, *this, std::move(request));
  expect_word(std::max(connection_->options.dial_timeout, connection_->options.call_timeout));
}

void Watch::on_response(pb::WatchResponse response) {
  heard_at_ = connection_->clock.mono();
  asked_until_.reset();
  connection_->member_answered(member_);
  if (response.header().revision() > 0) connection_->saw(response.header());
  // Compacted: created first, then cancelled, with no reason and a header without a revision.
  if (response.canceled()) return on_cancelled(response);
  if (response.created()) return on_created(response.header().revision());
  if (!response.events().empty()) return on_events(response);
  // Progress: proves life. It may have overtaken events, so it says nothing of how far we are.
}

void Watch::on_cancelled(const pb::WatchResponse& response) {
  if (response.compact_revision() > 0) {
    return fail(Status(Code::Compacted, fmt::format("etcd has forgotten what came before revision {}, wanted after {}",
                                                    response.compact_revision(), after_)));
  }
  const std::string& reason = response.cancel_reason();
  if (refuses_login(reason)) {
    if (log_in_again()) return;
    return fail(connection_->status_of(grpc::Status(grpc::StatusCode::PERMISSION_DENIED, reason), member_, "watch"));
  }
  fail(connection_->status_of(grpc::Status(grpc::StatusCode::UNAVAILABLE, reason), member_, "watch"));
}

void Watch::on_created(Revision member_revision) {
  logged_in_again_ = false;
  if (member_revision >= after_) return;
  // The member lags, or the whole store is behind what we know: etcd would wait in silence. A read tells.
  pb::RangeRequest request;
  request.set_key(std::string(1, '\0'));
  request.set_range_end(std::string(1, '\0'));
  request.set_limit(1);
  request.set_keys_only(true);
  connection_->call<pb::RangeRequest, pb::RangeResponse>(
      kRevision, connection_->options.call_timeout, std::move(request),
      [self = weak_from_this()](Result<pb::RangeResponse> answer) {
        const auto watch = self.lock();
        if (!watch || watch->stopped_) return;
        if (!answer) return watch->fail(answer.error());
        const Revision revision = answer->header().revision();
        if (revision >= watch->after_) return;
        watch->fail(Status(
            Code::Compacted,
            fmt::format("etcd is at revision {}, before {}: an older state was restored", revision, watch->after_)));
      });
}

void Watch::on_events(pb::WatchResponse& response) {
  std::vector<Change> changes;
  changes.reserve(static_cast<std::size_t>(response.events_size()));
  for (mvccpb::Event& event : *response.mutable_events()) {
    if (event.kv().mod_revision() <= after_) continue;
    changes.push_back({decode(std::move(*event.mutable_kv())), event.type() == mvccpb::Event::DELETE});
  }
  if (changes.empty()) return;
  // The header's revision may be ahead of a batch that catches up.
  after_ = changes.back().entry.modified;
  sink_.on_changes(std::move(changes), after_);
}

void Watch::on_end(const grpc::Status& status) {
  stream_ = nullptr;  // it is gone after this
  if (asks_for_login(status) && log_in_again()) return;
  Status failure = connection_->status_of(
      status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the member ended the stream") : status, member_,
      "watch");
  if (failure.code() == Code::Unavailable) connection_->member_failed(member_, failure);
  fail(std::move(failure));
}

bool Watch::log_in_again() {
  if (logged_in_again_ || connection_->options.user.empty()) return false;
  logged_in_again_ = true;
  connection_->timers.cancel(timer_);
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
  connection_->forget_token(token_);
  open();
  return true;
}

void Watch::expect_word(std::chrono::milliseconds within) {
  asked_until_ = connection_->clock.mono() + within;
  connection_->timers.cancel(timer_);
  timer_ = connection_->timers.at(*asked_until_, [this] { look_at_silence(); });
}

void Watch::look_at_silence() {
  const MonoTime now = connection_->clock.mono();
  if (asked_until_ && now >= *asked_until_) {
    Status silent(Code::Unavailable,
                  fmt::format("etcd {}: watch: silent, and it did not answer when asked for a sign of life",
                              connection_->members().endpoint(member_).text));
    connection_->member_failed(member_, silent);
    return fail(std::move(silent));
  }
  if (now >= heard_at_ + connection_->options.watch_silence) {
    pb::WatchRequest request;
    request.mutable_progress_request();
    stream_->write(std::move(request));
    return expect_word(connection_->options.call_timeout);
  }
  timer_ = connection_->timers.at(heard_at_ + connection_->options.watch_silence, [this] { look_at_silence(); });
}

void Watch::fail(Status status) {
  stop();
  sink_.on_failed(std::move(status));
}

}  // namespace cronfleet::coord

#include "coord/etcd/watch_stream.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

namespace cronfleet::coord {

namespace pb = etcdserverpb;

WatchStream::WatchStream(std::shared_ptr<Landing> landing, std::shared_ptr<grpc::Channel> channel,
                         const std::string& token, Listener& listener)
    : landing_(std::move(landing)), channel_(std::move(channel)), listener_(&listener) {
  context_.AddMetadata("hasleader", "true");  // else a member without a leader keeps silent for ever
  if (!token.empty()) context_.AddMetadata("token", token);
}

void WatchStream::open(pb::WatchRequest first) {
  landing_->begin();
  grpc::TemplatedGenericStub<pb::WatchRequest, pb::WatchResponse>(channel_).PrepareBidiStreamingCall(
      &context_, "/etcdserverpb.Watch/Watch", {}, this);
  AddHold();  // reads and writes are begun outside of reactions; given back when the reads have ended
  const std::lock_guard lock(mutex_);
  writes_.push_back(std::move(first));
  StartWrite(&writes_.front());
  read_next();
  StartCall();
}

void WatchStream::write(pb::WatchRequest request) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  writes_.push_back(std::move(request));
  if (writes_.size() == 1) StartWrite(&writes_.front());
}

void WatchStream::cancel() {
  listener_ = nullptr;
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  context_.TryCancel();
  read_next();  // the end shows in a read
}

void WatchStream::read_next() {
  if (reading_ || ended_) return;
  reading_ = true;
  StartRead(&response_);
}

void WatchStream::OnReadDone(bool ok) {
  bool over = false;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok) {
      ended_ = over = true;
    } else if (cancelled_) {
      read_next();
    } else {
      landing_->post([this, response = std::move(response_)]() mutable { deliver(std::move(response)); });
    }
  }
  if (over) RemoveHold();
}

void WatchStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writes_.pop_front();
  if (ok && !ended_ && !writes_.empty()) StartWrite(&writes_.front());
}

void WatchStream::OnDone(const grpc::Status& status) {
  const std::shared_ptr<Landing> landing = landing_;  // the task may destroy us at once
  landing->end([this, status] {
    if (listener_ != nullptr) listener_->on_end(status);
    over_();
  });
}

void WatchStream::deliver(pb::WatchResponse response) {
  if (listener_ != nullptr) listener_->on_response(std::move(response));
  const std::lock_guard lock(mutex_);
  read_next();
}

}  // namespace cronfleet::coord

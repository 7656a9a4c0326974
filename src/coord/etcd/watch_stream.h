// coord/etcd/watch_stream.h: one stream of changes from one member. gRPC's threads only post what they bring; the next
// answer is asked for when the last one has been dealt with, so that a busy loop holds etcd back, not our memory.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <memory>
#include <mutex>

#include "base/function.h"
#include "coord/etcd/landing.h"
#include "cronfleet_etcd_rpc.pb.h"

namespace cronfleet::coord {

class WatchStream final : public grpc::ClientBidiReactor<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse> {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_response(etcdserverpb::WatchResponse response) = 0;
    virtual void on_end(const grpc::Status& status) = 0;
  };

  WatchStream(std::shared_ptr<Landing> landing, std::shared_ptr<grpc::Channel> channel, const std::string& token,
              Listener& listener);

  // Loop thread.
  void when_over(Function<void()> over) { over_ = std::move(over); }  // called last; destroys the stream
  void open(etcdserverpb::WatchRequest first);
  void write(etcdserverpb::WatchRequest request);
  void cancel();  // the listener hears nothing any more

 private:
  // gRPC's threads.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void deliver(etcdserverpb::WatchResponse response);
  void read_next();  // with mutex_ held

  const std::shared_ptr<Landing> landing_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  Listener* listener_;  // loop thread
  Function<void()> over_;

  std::mutex mutex_;
  etcdserverpb::WatchResponse response_;           // gRPC's while a read is under way
  std::deque<etcdserverpb::WatchRequest> writes_;  // the first one is under way
  bool reading_ = false, ended_ = false, cancelled_ = false;
};

}  // namespace cronfleet::coord

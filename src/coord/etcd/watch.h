// coord/etcd/watch.h: one watch of the CoordStore: picks a member, makes it prove itself when it is silent, and tells
// the sink. Loop thread only.
#pragma once

#include <optional>
#include <string>

#include "coord/etcd/connection.h"

namespace cronfleet::coord {

class Watch final : public std::enable_shared_from_this<Watch>,
                    private WatchStream::Listener,
                    private Connection::Dependent {
 public:
  Watch(std::string prefix, Revision after, WatchSink& sink) : prefix_(std::move(prefix)), after_(after), sink_(sink) {}

  void start(Connection& connection);  // does nothing once stopped
  void stop();                         // the sink hears nothing any more

 private:
  void open();
  void send();
  void on_response(etcdserverpb::WatchResponse response) override;
  void on_end(const grpc::Status& status) override;
  void on_cancelled(const etcdserverpb::WatchResponse& response);
  void on_created(Revision member_revision);
  void on_events(etcdserverpb::WatchResponse& response);
  void look_at_silence();
  void expect_word(std::chrono::milliseconds within);
  bool log_in_again();
  void fail(Status status);
  void abandon() override;

  const std::string prefix_;
  Revision after_;
  WatchSink& sink_;
  Connection* connection_ = nullptr;  // while started and not stopped
  bool stopped_ = false;
  bool logged_in_again_ = false;
  WatchStream* stream_ = nullptr;
  std::size_t member_ = 0;
  std::string token_;  // the stream was opened with
  MonoTime heard_at_{};
  std::optional<MonoTime> asked_until_;  // a word is owed by then
  async::TimerId timer_ = 0;
};

}  // namespace cronfleet::coord

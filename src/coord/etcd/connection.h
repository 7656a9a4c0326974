// coord/etcd/connection.h: calls to the cluster: to which member, with which deadline and token, and what their failure
// says about the member. Loop thread only, but for health().
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/function.h"
#include "coord/etcd/grpc_log.h"
#include "coord/etcd/landing.h"
#include "coord/etcd/members.h"
#include "coord/etcd/messages.h"
#include "coord/etcd/watch_stream.h"

namespace cronfleet::coord {

struct Method {
  const char* path;
  const char* word;  // for sentences: "etcd 10.0.0.1:2379: commit: …"
  Purpose purpose;
  bool repeatable;    // changes nothing: tried once more with another member when the connection broke
  bool linearizable;  // its answer is never older than one seen before it was sent
};

// A call under way. gRPC writes into it until it is answered.
class Call {
 public:
  Call(const Method& m, std::chrono::milliseconds t) : method(m), timeout(t) {}
  virtual ~Call() = default;
  virtual void send(const std::shared_ptr<grpc::Channel>& channel, std::function<void(grpc::Status)> over) = 0;
  virtual const etcdserverpb::ResponseHeader& header() const = 0;
  virtual void answer(std::optional<Status> failure) = 0;

  const Method& method;
  const std::chrono::milliseconds timeout;
  std::optional<std::size_t> only;  // this member, without a login: probes and logins themselves
  std::optional<grpc::ClientContext> context;
  std::size_t member = 0;
  std::string token;                  // that it was sent with
  Revision seen_before = 0;           // the highest revision seen when it was sent
  std::uint64_t set_back_before = 0;  // how often the store had been set back then
  bool logged_in_again = false, repeated = false;
};

template <typename Request, typename Response>
class UnaryCall final : public Call {
 public:
  using Done = Function<void(Result<Response>)>;
  UnaryCall(const Method& m, std::chrono::milliseconds t, Request request, Done done)
      : Call(m, t), request_(std::move(request)), done_(std::move(done)) {}

  void send(const std::shared_ptr<grpc::Channel>& channel, std::function<void(grpc::Status)> over) override {
    channel_ = channel;
    response_.Clear();
    grpc::TemplatedGenericStub<Request, Response>(channel).UnaryCall(&*context, method.path, {}, &request_, &response_,
                                                                     std::move(over));
  }
  const etcdserverpb::ResponseHeader& header() const override { return response_.header(); }
  void answer(std::optional<Status> failure) override {
    if (failure) return done_(Failure(std::move(*failure)));
    done_(std::move(response_));
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  Request request_;
  Response response_;
  Done done_;
};

class Connection {
 public:
  Connection(EtcdOptions options, std::vector<Endpoint> endpoints, Credentials credentials, async::Loop& loop,
             async::Timers& timers, const async::Clock& clock, Rng rng);
  ~Connection();  // cancels what is under way and waits until gRPC has let go of it
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `done` is called later; not when the connection is destroyed first.
  template <typename Request, typename Response>
  void call(const Method& method, std::chrono::milliseconds timeout, Request request,
            Function<void(Result<Response>)> done) {
    start(std::make_unique<UnaryCall<Request, Response>>(method, timeout, std::move(request), std::move(done)));
  }

  // Calls `next` once there is a token, or none is needed; with the failure where logging in failed. Maybe at once.
  void with_login(Function<void(std::optional<Status>)> next);
  const std::string& token() const { return token_; }
  void forget_token(const std::string& used);  // it was refused: log in before the next call

  // The stream lives until gRPC says that it is over, heard or not.
  WatchStream& open_stream(std::size_t member, WatchStream::Listener& listener, etcdserverpb::WatchRequest first);
  Members& members() { return members_; }
  void member_answered(std::size_t member);
  void member_failed(std::size_t member, const Status& why);
  void saw(const etcdserverpb::ResponseHeader& header);
  Status status_of(const grpc::Status& status, std::size_t member, const char* word) const;

  // Told when the connection goes.
  class Dependent {
   public:
    virtual ~Dependent() = default;
    virtual void abandon() = 0;
  };
  void add(Dependent& dependent) { dependents_.insert(&dependent); }
  void remove(Dependent& dependent) { dependents_.erase(&dependent); }

  template <typename F>
  void post(F task) {  // from any thread
    landing_->post(std::move(task));
  }

  EtcdHealth health() const;  // any thread

  const EtcdOptions options;
  async::Timers& timers;
  const async::Clock& clock;

 private:
  enum class Login { NotNeeded, Needed, UnderWay, Done };

  void start(std::unique_ptr<Call> call);
  void send(std::unique_ptr<Call> call);
  void on_over(Call* key, const grpc::Status& status);
  bool try_again(std::unique_ptr<Call>& call, const grpc::Status& status);
  void log_in();
  void on_login(Result<etcdserverpb::AuthenticateResponse> answer);
  void probe();
  void on_probe(std::size_t member, Result<etcdserverpb::StatusResponse> answer);
  void reload_files();
  template <typename F>
  void note(F change) {
    const std::lock_guard lock(health_mutex_);
    change(health_);
  }

  Members members_;
  std::shared_ptr<EtcdLog> log_;
  std::shared_ptr<Landing> landing_;
  std::unordered_map<Call*, std::unique_ptr<Call>> calls_;
  std::unordered_map<WatchStream*, std::unique_ptr<WatchStream>> streams_;
  std::set<Dependent*> dependents_;
  Login login_;
  std::string token_;
  std::vector<Function<void(std::optional<Status>)>> waiting_;  // for the login
  async::TimerId probe_timer_ = 0;
  Revision highest_ = 0;        // since the store was set back last
  std::uint64_t set_back_ = 0;  // how often it was, to an older state
  std::uint64_t cluster_ = 0;
  std::string reload_failure_;  // logged once
  mutable std::mutex health_mutex_;
  EtcdHealth health_;
  std::vector<std::set<std::string>> alarms_;  // by member
};

}  // namespace cronfleet::coord

// coord/etcd/members.h: the members of the cluster, the connections to each, and which one the next call goes to.
//
// A channel per member and purpose: gRPC then verifies the name of the very member, a frozen member can be left out,
// and a long answer to one purpose delays no other. Connections are made when first used. Loop thread only.
#pragma once

#include <grpcpp/channel.h>

#include <array>
#include <memory>
#include <vector>

#include "base/rng.h"
#include "coord/etcd/credentials.h"
#include "coord/etcd/endpoints.h"

namespace cronfleet::coord {

enum class Purpose { Calls, Watches, Leases };

class Members {
 public:
  Members(const EtcdOptions& options, std::vector<Endpoint> endpoints, Credentials credentials, Rng rng);

  std::size_t size() const { return members_.size(); }
  const Endpoint& endpoint(std::size_t member) const { return members_[member].endpoint; }

  // Calls go round those that answer; watches and renewals stay with the first of them, in an order of our own. Where
  // none answers, those not tried yet come first, then the one whose failure is the longest ago.
  std::size_t pick(Purpose purpose);
  void answered(std::size_t member) { members_[member].standing = Standing::Answers; }
  void failed(std::size_t member);
  bool answers(std::size_t member) const { return members_[member].standing == Standing::Answers; }
  bool any_answers() const;

  std::shared_ptr<grpc::Channel> channel(std::size_t member, Purpose purpose);
  // Connections made from now on use these; what is under way stays.
  void use(Credentials credentials);
  const Credentials& credentials() const { return credentials_; }

 private:
  enum class Standing { Untried, Answers, Failed };
  struct Member {
    Endpoint endpoint;
    Standing standing = Standing::Untried;
    std::uint64_t failed_as = 0;  // grows with each failure
    std::array<std::shared_ptr<grpc::Channel>, 3> channels;
  };

  EtcdOptions options_;
  Credentials credentials_;
  std::vector<Member> members_;
  std::vector<std::size_t> order_;  // shuffled, so that a fleet does not lean on one member
  std::size_t turn_ = 0;
  std::uint64_t failures_ = 0;
};

}  // namespace cronfleet::coord

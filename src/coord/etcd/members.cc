#include "coord/etcd/members.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace cronfleet::coord {
namespace {

grpc::ChannelArguments arguments_of(const EtcdOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // obeyed even for loopback otherwise
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // channels with equal arguments share one connection else
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);             // a write must not be repeated behind our back
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // etcd takes more than one ping in 5 s for an attack and hangs up.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(options.dial_timeout.count()));
  if (!options.server_name.empty()) arguments.SetSslTargetNameOverride(options.server_name);
  return arguments;
}

}  // namespace

Members::Members(const EtcdOptions& options, std::vector<Endpoint> endpoints, Credentials credentials, Rng rng)
    : options_(options), credentials_(std::move(credentials)) {
  for (Endpoint& endpoint : endpoints) members_.push_back({.endpoint = std::move(endpoint), .channels = {}});
  order_.resize(members_.size());
  std::iota(order_.begin(), order_.end(), 0);
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[rng.below(i)]);
}

std::size_t Members::pick(Purpose purpose) {
  if (purpose == Purpose::Calls) ++turn_;
  const std::size_t start = purpose == Purpose::Calls ? turn_ : 0;
  for (const Standing wanted : {Standing::Answers, Standing::Untried}) {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const std::size_t member = order_[(start + i) % order_.size()];
      if (members_[member].standing == wanted) return member;
    }
  }
  const auto oldest = std::min_element(members_.begin(), members_.end(),
                                       [](const Member& a, const Member& b) { return a.failed_as < b.failed_as; });
  oldest->failed_as = ++failures_;  // so that the next pick is another one
  return static_cast<std::size_t>(oldest - members_.begin());
}

void Members::failed(std::size_t member) {
  members_[member].standing = Standing::Failed;
  members_[member].failed_as = ++failures_;
}

bool Members::any_answers() const {
  return std::any_of(members_.begin(), members_.end(), [](const Member& m) { return m.standing == Standing::Answers; });
}

std::shared_ptr<grpc::Channel> Members::channel(std::size_t member, Purpose purpose) {
  std::shared_ptr<grpc::Channel>& channel = members_[member].channels[static_cast<std::size_t>(purpose)];
  if (!channel)
    channel = grpc::CreateCustomChannel(members_[member].endpoint.target, credentials_.make(), arguments_of(options_));
  return channel;
}

void Members::use(Credentials credentials) {
  credentials_ = std::move(credentials);
  for (Member& member : members_) member.channels = {};
}

}  // namespace cronfleet::coord

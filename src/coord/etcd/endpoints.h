// coord/etcd/endpoints.h: what the configuration says about where etcd is. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "coord/etcd/etcd_coord_store.h"

namespace cronfleet::coord {

struct Endpoint {
  std::string text;    // as configured
  std::string target;  // as gRPC takes it
  bool tls = false;
};

// InvalidArgument: none, not of the form, plain and TLS mixed, TLS files without https, a password without a user.
Result<std::vector<Endpoint>> parse_endpoints(const EtcdOptions& options);

}  // namespace cronfleet::coord

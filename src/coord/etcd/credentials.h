// coord/etcd/credentials.h: the files that TLS needs, read again when they change.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "coord/etcd/etcd_coord_store.h"

namespace cronfleet::coord {

class Credentials {
 public:
  // InvalidArgument: a file cannot be read or is no PEM, or one of certificate and key is missing.
  static Result<Credentials> load(const EtcdOptions& options, bool tls);

  std::shared_ptr<grpc::ChannelCredentials> make() const;
  friend bool operator==(const Credentials&, const Credentials&) = default;

 private:
  bool tls_ = false;
  std::string ca_, certificate_, key_;
};

}  // namespace cronfleet::coord

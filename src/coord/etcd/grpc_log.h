// coord/etcd/grpc_log.h: where gRPC's own lines go. gRPC has one place for them in a process, and stderr by default.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "coord/etcd/etcd_coord_store.h"

namespace cronfleet::coord {

using EtcdLog = std::function<void(EtcdLogLevel, std::string)>;

// From now on gRPC's lines go to `log`, of the newest call whose argument still lives; to nobody when none does.
void route_grpc_log(const std::shared_ptr<EtcdLog>& log);

}  // namespace cronfleet::coord

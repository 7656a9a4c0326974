#include "coord/etcd/grpc_log.h"

#include <fmt/format.h>
#include <grpc/support/log.h>

#include <mutex>
#include <string_view>
#include <vector>

namespace cronfleet::coord {
namespace {

struct Route {
  std::mutex mutex;
  std::vector<std::weak_ptr<EtcdLog>> logs;

  std::shared_ptr<EtcdLog> newest() {
    const std::lock_guard lock(mutex);
    for (auto log = logs.rbegin(); log != logs.rend(); ++log) {
      if (auto alive = log->lock()) return alive;
    }
    return nullptr;
  }
};

// Lives as long as gRPC's threads, which outlast every store.
Route& route() {
  static Route* const one = new Route;
  return *one;
}

EtcdLogLevel level_of(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG: return EtcdLogLevel::Debug;
    case GPR_LOG_SEVERITY_INFO: return EtcdLogLevel::Info;
    case GPR_LOG_SEVERITY_ERROR: break;
  }
  return EtcdLogLevel::Warn;  // what matters of it shows in the calls
}

void forward(gpr_log_func_args* line) {
  const auto log = route().newest();
  if (!log || !*log) return;
  const std::string_view file = line->file;
  (*log)(level_of(line->severity),
         fmt::format("{} ({}:{})", line->message, file.substr(file.rfind('/') + 1), line->line));
}

}  // namespace

void route_grpc_log(const std::shared_ptr<EtcdLog>& log) {
  Route& to = route();
  const std::lock_guard lock(to.mutex);
  std::erase_if(to.logs, [](const auto& one) { return one.expired(); });
  to.logs.push_back(log);
  gpr_set_log_function(forward);
}

}  // namespace cronfleet::coord

// apps/api_part.h: the API of this process on its port: made alike in standalone and in a master.
#pragma once

#include <optional>
#include <thread>

#include "api/api.h"
#include "api/compat_routes.h"
#include "api/http_server.h"
#include "apps/daemon.h"
#include "config/options.h"

namespace cronfleet::apps {

class ApiPart {
 public:
  // `parts` are borrowed and outlive it.
  ApiPart(Daemon& daemon, const config::HttpConfig& config, api::ApiParts parts);
  ~ApiPart();

  // Listens, and logs where.
  //   Conflict  another process has the port; names the setting
  Result<void> start();
  // Answers what is under way while the loop still turns, then calls `done` on it. Later calls do nothing.
  void stop(async::Task done);
  api::Api& api() { return api_; }
  api::HttpCounts counts() const { return server_.counts(); }  // from any thread

 private:
  // Adds all routes; the options of the server that answers them.
  api::HttpOptions mount(const config::HttpConfig& config);

  Daemon& daemon_;
  api::Api api_;
  std::optional<api::CompatApi> compat_;
  api::Router router_;
  api::HttpServer server_;
  std::thread closing_;  // waits for handlers, which wait for the loop
};

// What operators do, as lines of the log.
std::function<void(std::string_view, const std::string&)> audit_log(Log& log);

}  // namespace cronfleet::apps

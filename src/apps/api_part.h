// apps/api_part.h: the API of this process on its port: made alike in standalone and in a master.
#pragma once

#include "api/api.h"
#include "api/http_server.h"
#include "apps/daemon.h"
#include "config/options.h"

namespace cronfleet::apps {

class ApiPart {
 public:
  // `parts` are borrowed and outlive it.
  ApiPart(Daemon& daemon, const config::HttpConfig& config, api::ApiParts parts);

  // Listens, and logs where.
  //   Conflict  another process has the port; names the setting
  Result<void> start();
  api::Api& api() { return api_; }

 private:
  Daemon& daemon_;
  api::Api api_;
  api::Router router_;
  api::HttpServer server_;  // last: it stops before what it calls goes
};

}  // namespace cronfleet::apps

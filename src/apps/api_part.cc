#include "apps/api_part.h"

#include "console/console.h"
#include "tz/local_zone.h"

namespace cronfleet::apps {
namespace {

using Level = Log::Level;

api::HttpOptions http_options(const config::HttpConfig& config) {
  api::HttpOptions options;
  // The default stands for loopback as a whole, in both families.
  if (config.address != "127.0.0.1" && config.address != "localhost") options.addresses = {config.address};
  options.port = config.port;
  options.body_timeout = config.read_timeout;
  options.write_timeout = config.write_timeout;
  options.writes_per_second = config.writes_per_second;
  for (const std::string& host : config.allowed_hosts) options.guard.hosts.push_back(host);
  return options;
}

api::AccessLog access_log(Log& log) {
  return [&log](const api::AccessEntry& entry) {
    const std::string about = fmt::format("{} {} {} {:.1f} ms {}", entry.method, entry.path, entry.status,
                                          static_cast<double>(entry.took.count()) / 1000, entry.request_id);
    if (!entry.trouble.empty()) return log.on_message(Level::Warn, "request failed", about + ": " + entry.trouble);
    log.on_message(Level::Debug, "request", about);
  };
}

}  // namespace

ApiPart::ApiPart(Daemon& daemon, const config::HttpConfig& config, api::ApiParts parts)
    : daemon_(daemon),
      api_(std::move(parts)),
      server_(mount(config), router_, daemon.clock, daemon.tokens, access_log(daemon.log)) {}

api::HttpOptions ApiPart::mount(const config::HttpConfig& config) {
  api::HttpOptions options = http_options(config);
  api_.add_routes(router_);
  console::add_routes(router_);
  if (!config.compat.enabled) {
    api::CompatApi::mount_absent(router_);
    return options;
  }
  const api::ApiParts& parts = api_.parts();
  const std::string zone =
      config.compat.time_zone.empty() ? tz::local_zone(tz::local_zone_sources(), parts.zones) : config.compat.time_zone;
  compat_.emplace(api::CompatParts{.jobs = api_.jobs(),
                                   .runs = api_.runs(),
                                   .workers = api_.workers(),
                                   .history = parts.history,
                                   .time_zone = zone,
                                   .page_size = parts.page_size});
  api::Router routes;
  compat_->mount(routes, options);
  api_.add_when_started(router_, routes);
  daemon_.log.on_message(Level::Info, "reference endpoints mounted", "jobs saved there get the time zone " + zone);
  return options;
}

Result<void> ApiPart::start() {
  if (auto listening = server_.start(); !listening) return Failure(listening.error());
  api_.start_events([this] { server_.wake(); });
  for (const std::string& address : server_.listening()) daemon_.log.on_message(Level::Info, "listening", address);
  return {};
}

void ApiPart::stop(async::Task done) {
  if (closing_.joinable()) return;
  closing_ = std::thread([this, done = std::move(done)]() mutable {
    server_.stop();
    api_.end_events();
    daemon_.loop.post(std::move(done));
  });
}

ApiPart::~ApiPart() {
  if (closing_.joinable()) closing_.join();
  api_.end_events();  // its threads wake the server
}

std::function<void(std::string_view, const std::string&)> audit_log(Log& log) {
  return [&log](std::string_view what, const std::string& about) { log.on_message(Level::Info, what, about); };
}

}  // namespace cronfleet::apps

#include "history/mongo/log_route.h"

#include <mongoc/mongoc.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <mutex>

namespace cronfleet::history {
namespace mongo {
namespace {

constexpr std::string_view kMasked = "***";

struct Routes {
  std::mutex mutex;
  std::map<std::uint64_t, LogSink> sinks;
  std::uint64_t newest = 0;
};
Routes& routes() {
  static Routes all;
  return all;
}

void on_message(mongoc_log_level_t level, const char* domain, const char* message, void*) {
  if (level > MONGOC_LOG_LEVEL_INFO) return;
  const auto ours = level <= MONGOC_LOG_LEVEL_CRITICAL  ? MongoLogLevel::Error
                    : level == MONGOC_LOG_LEVEL_WARNING ? MongoLogLevel::Warning
                                                        : MongoLogLevel::Info;
  Routes& all = routes();
  const std::lock_guard lock(all.mutex);
  if (!all.sinks.empty()) all.sinks.rbegin()->second(ours, fmt::format("{}: {}", domain, message));
}

}  // namespace

std::uint64_t add_log_route(LogSink sink) {
  Routes& all = routes();
  static const bool installed = (mongoc_log_set_handler(on_message, nullptr), true);
  (void)installed;
  const std::lock_guard lock(all.mutex);
  all.sinks.emplace(++all.newest, std::move(sink));
  return all.newest;
}

void remove_log_route(std::uint64_t route) {
  Routes& all = routes();
  const std::lock_guard lock(all.mutex);
  all.sinks.erase(route);
}

std::string mask(std::string_view text, const std::vector<std::string>& secrets) {
  std::string masked(text);
  for (const std::string& secret : secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = 0; (at = masked.find(secret, at)) != std::string::npos; at += kMasked.size())
      masked.replace(at, secret.size(), kMasked);
  }
  return masked;
}

}  // namespace mongo

std::string mask_mongo_uri(std::string_view uri) {
  std::string shown(uri);
  // Everything between the first ':' of the authority and its last '@': a password may hold an unescaped one.
  const auto scheme = shown.find("://");
  const auto authority = scheme == std::string::npos ? 0 : scheme + 3;
  const auto at = shown.rfind('@');
  const auto colon = shown.find(':', authority);
  if (at != std::string::npos && colon != std::string::npos && colon < at)
    shown.replace(colon + 1, at - colon - 1, mongo::kMasked);
  // Options whose value is a secret.
  for (const std::string_view option : {"tlscertificatekeyfilepassword=", "sslclientcertificatekeypassword=",
                                        "sslcertificateauthoritykeypassword=", "authmechanismproperties="}) {
    for (std::size_t from = 0; from < shown.size();) {
      const auto found =
          std::search(shown.begin() + static_cast<std::ptrdiff_t>(from), shown.end(), option.begin(), option.end(),
                      [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
      if (found == shown.end()) break;
      const auto start = static_cast<std::size_t>(found - shown.begin()) + option.size();
      const auto end = std::min(shown.find('&', start), shown.size());
      shown.replace(start, end - start, mongo::kMasked);
      from = start + mongo::kMasked.size();
    }
  }
  return shown;
}

}  // namespace cronfleet::history

#include "apps/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <string>

#include "cli/words.h"

namespace cronfleet::apps {
namespace {

using Level = runtime::WorkerObserver::Level;

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::Debug: return spdlog::level::debug;
    case Level::Info: return spdlog::level::info;
    case Level::Warn: return spdlog::level::warn;
    case Level::Error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Debug: return spdlog::level::debug;
    case config::LogLevel::Info: return spdlog::level::info;
    case config::LogLevel::Warn: return spdlog::level::warn;
    case config::LogLevel::Error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

// One line whatever it holds: control characters, quotes and backslashes are written as JSON escapes.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

struct Log::Sink {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
  bool for_people = false;  // somebody sits before it: in their language
};

Log::Log(const config::LogConfig& config) : sink_(std::make_unique<Sink>()) {
  sink_->json = config.format == config::LogFormat::Json;
  sink_->for_people = !sink_->json && ::isatty(STDERR_FILENO) == 1;
  sink_->logger =
      std::make_shared<spdlog::logger>("cronfleet", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  sink_->logger->set_level(level_of(config.level));
  sink_->logger->set_pattern(
      sink_->json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v",
      spdlog::pattern_time_type::utc);
}
Log::~Log() = default;

void Log::on_message(Level level, std::string_view what, std::string_view about) {
  const auto at = level_of(level);
  if (!sink_->logger->should_log(at)) return;
  if (sink_->json) {
    sink_->logger->log(at, R"("message":{},"about":{})", quoted(what), quoted(about));
  } else {
    const std::string message = sink_->for_people ? cli::said(what) : std::string(what);
    if (about.empty()) return sink_->logger->log(at, "{}", message);
    const std::string facts = sink_->for_people ? cli::said(about) : std::string(about);
    const std::string safe = quoted(std::string_view(facts));
    sink_->logger->log(at, "{}: {}", message, std::string_view(safe).substr(1, safe.size() - 2));
  }
}

void Log::on_refused(const Status& status) {
  on_message(Level::Error, "this node id is held by another process", status.message());
  refused_ = true;
  if (when_refused) when_refused();
}

}  // namespace cronfleet::apps

#include "config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "base/check.h"
#include "config/keys.h"

namespace cronfleet::config {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

std::string_view variable(const Sources& sources, std::string_view name) {
  for (const auto& [key, value] : sources.environment) {
    if (key == name) return value;
  }
  return {};
}

std::string default_data_dir(const Sources& sources) {
  if (sources.is_root) return "/var/lib/cronfleet";
  const std::string_view state = variable(sources, "XDG_STATE_HOME");
  if (state.starts_with('/')) return fmt::format("{}/cronfleet", state);  // relative ones are to be ignored
  const std::string_view home = variable(sources, "HOME");
  return home.starts_with('/') ? fmt::format("{}/.local/state/cronfleet", home) : std::string();
}

int default_capacity(const Sources& sources) {
  return std::max(16, 4 * static_cast<int>(std::min(sources.cores, 4096u)));
}

template <typename Config>
tl::expected<Loaded<Config>, Mistakes> load(std::string role, Config defaults, const Sources& sources) {
  Loaded<Config> loaded{.config = std::move(defaults), .printed = {}, .notes = {}};
  Settings settings(std::move(role));
  declare(settings, loaded.config);
  settings.read(sources);
  settle(settings, loaded.config);
  check(settings, loaded.config);
  Mistakes mistakes = settings.take_mistakes();
  if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));
  loaded.printed = settings.printed();
  loaded.notes = settings.take_notes();
  return loaded;
}

}  // namespace

std::string Mistake::text() const {
  std::string place = source;
  if (error.line > 0) place += fmt::format(":{}:{}", error.line, error.column);
  if (!place.empty()) place += ": ";
  if (!error.pointer.empty()) place += error.pointer + ": ";
  return place + domain::FieldError{"", 0, 0, error.message, error.suggestion}.text();
}

std::string Mistakes::text() const {
  std::string lines;
  for (const Mistake& mistake : mistakes_) lines += mistake.text() + "\n";
  return lines;
}

Status Mistakes::status() const {
  CHECK(!mistakes_.empty());
  std::string sentence = mistakes_.size() > 1 ? fmt::format("{} mistakes: ", mistakes_.size()) : std::string();
  for (const Mistake& mistake : mistakes_) {
    if (&mistake != &mistakes_.front()) sentence += "; ";
    sentence += mistake.text();
  }
  return Status(Code::InvalidArgument, std::move(sentence));
}

tl::expected<Loaded<StandaloneConfig>, Mistakes> load_standalone(const Sources& sources) {
  StandaloneConfig config;
  config.data_dir = default_data_dir(sources);
  config.worker.capacity = default_capacity(sources);
  return load("standalone", std::move(config), sources);
}

tl::expected<Loaded<MasterConfig>, Mistakes> load_master(const Sources& sources) {
  return load("master", MasterConfig{}, sources);
}

tl::expected<Loaded<WorkerConfig>, Mistakes> load_worker(const Sources& sources) {
  WorkerConfig config;
  config.data_dir = default_data_dir(sources);
  config.worker.capacity = default_capacity(sources);
  return load("worker", std::move(config), sources);
}

Result<std::string> read_config_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int error = errno;
    return fail(error == ENOENT ? Code::NotFound : Code::InvalidArgument,
                "configuration file '{}' cannot be opened: {}", path, std::generic_category().message(error));
  }
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof()))
    return fail(Code::InvalidArgument, "configuration file '{}' cannot be read", path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax)
    return fail(Code::InvalidArgument, "configuration file '{}' has more than {} bytes", path, kFileBytesMax);
  return text;
}

std::string variable_of(std::string_view key) {
  std::string name = "CRONFLEET_";
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (is_capital(c) && i > 0 && key[i - 1] != '.' && !is_capital(key[i - 1])) name += '_';
    if (c == '.') {
      name += '_';
    } else {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return name;
}

}  // namespace cronfleet::config

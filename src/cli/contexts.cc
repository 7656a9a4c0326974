#include "cli/contexts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/read_input.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/json_reader.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

void read_context(const domain::JsonValue& value, Context& context) {
  for (const domain::JsonValue& member : value.members()) {
    if (member.key() == "servers") {
      for (const domain::JsonValue& element : member.elements()) {
        const auto text = element.text();
        if (!text) continue;
        if (const auto server = parse_server(*text); !server) element.refuse(server.error());
        context.servers.emplace_back(*text);
      }
    } else if (member.key() == "output") {
      const auto text = member.text();
      if (text && !parse_output_form(*text)) member.refuse(parse_output_form(*text).error());
      context.output = text.value_or("");
    } else if (member.key() == "timeout") {
      context.timeout_seconds = member.number(0.1, 3600);
    } else {
      member.refuse_key({"servers", "output", "timeout"});
    }
  }
}

CliFailure refuse(const std::string& path, std::string_view why) {
  return CliFailure({kExitBadConfiguration, words("{}: {}", path, why)});
}

}  // namespace

std::string contexts_path() {
  if (const std::string path = variable("CRONFLEET_CONTEXTS"); !path.empty()) return path;
  if (const std::string folder = variable("XDG_CONFIG_HOME"); !folder.empty())
    return folder + "/cronfleet/contexts.json";
  const std::string home = variable("HOME");
  return home.empty() ? "" : home + "/.config/cronfleet/contexts.json";
}

CliResult<Contexts> load_contexts(const std::string& path) {
  Contexts contexts;
  struct stat about{};
  if (path.empty() || (::stat(path.c_str(), &about) != 0 && (errno == ENOENT || errno == ENOTDIR))) return contexts;
  if (about.st_uid != ::geteuid()) return refuse(path, words("it belongs to another user"));
  if ((about.st_mode & 077) != 0)
    return refuse(path, words("others may read or write it (mode {:04o}): chmod 600", about.st_mode & 07777));
  const auto text = read_path(path);
  if (!text) return CliFailure({kExitBadConfiguration, text.error().message});
  const auto mistakes = domain::read_json(*text, {}, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue& member : root.members()) {
      if (member.key() == "current") {
        contexts.current = member.text().value_or("");
      } else if (member.key() == "contexts") {
        for (const domain::JsonValue& one : member.members()) read_context(one, contexts.all[std::string(one.key())]);
      } else {
        member.refuse_key({"current", "contexts"});
      }
    }
  });
  if (!mistakes.empty()) return refuse(path, visible(said(mistakes.errors().front().text())));
  return contexts;
}

CliResult<void> save_contexts(const std::string& path, const Contexts& contexts) {
  if (path.empty())
    return CliFailure({kExitBadConfiguration, words("there is no home: CRONFLEET_CONTEXTS names the file")});
  domain::JsonWriter json;
  json.object([&] {
    json.member("current", contexts.current);
    json.key("contexts").object([&] {
      for (const auto& [name, context] : contexts.all) {
        json.key(name).object([&] {
          json.key("servers").array([&] {
            for (const std::string& server : context.servers) json.value(server);
          });
          if (!context.output.empty()) json.member("output", context.output);
          if (context.timeout_seconds) json.member("timeout", *context.timeout_seconds);
        });
      }
    });
  });
  const std::string text = json.take() + "\n", fresh = path + ".new";
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool done = file >= 0 && ::fchmod(file, 0600) == 0 &&
              ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0) ::close(file);
  if (done && ::rename(fresh.c_str(), path.c_str()) == 0) return {};
  const int reason = done ? errno : why;
  ::unlink(fresh.c_str());
  return CliFailure({kExitFailure, words("cannot write {}: {}", path, std::strerror(reason))});
}

}  // namespace cronfleet::cli

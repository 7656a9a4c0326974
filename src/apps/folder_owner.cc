#include "apps/folder_owner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "apps/service.h"
#include "apps/small_file.h"

namespace cronfleet::apps {
namespace {

constexpr std::string_view kNone = "-";

std::string shown(const std::string& id) { return id.empty() ? std::string(kNone) : id; }

Result<std::optional<FolderOwner>> read(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return std::optional<FolderOwner>();
  FolderOwner owner;
  std::string rest;
  file >> owner.machine >> owner.boot >> owner.process >> owner.started_at;
  if (file.fail() || owner.process <= 0 || file >> rest)
    return fail(Code::Corrupt,
                "{}: expected machine id, boot id, process id and its start; remove the file if no other "
                "worker uses this folder or a copy of it",
                path.string());
  for (std::string* id : {&owner.machine, &owner.boot}) {
    if (*id == kNone) id->clear();
  }
  return std::optional(std::move(owner));
}

}  // namespace

std::optional<std::uint64_t> process_start(std::int64_t pid) {
  const std::string text = first_line(fmt::format("/proc/{}/stat", pid));
  const auto name_end = text.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int kBefore = 19;  // fields between the name and the start (proc(5): starttime is number 22)
  std::string skipped;
  for (int i = 0; i < kBefore; ++i) fields >> skipped;
  std::uint64_t ticks = 0;
  fields >> ticks;
  return fields.fail() ? std::nullopt : std::optional(ticks);
}

FolderOwner this_process() {
  return {first_line("/etc/machine-id"), boot_id(), ::getpid(), process_start(::getpid()).value_or(0)};
}

Result<void> own_folder(const std::filesystem::path& folder, const FolderOwner& self,
                        const std::function<std::optional<std::uint64_t>(std::int64_t pid)>& start_of) {
  const std::filesystem::path path = folder / "machine";
  const auto former = read(path);
  if (!former) return Failure(former.error());
  if (*former && !self.machine.empty() && !(*former)->machine.empty() && (*former)->machine != self.machine)
    return fail(Code::InvalidArgument,
                "data folder {0} was last used on machine {1}, and this one is {2}: if it was moved here and the other "
                "worker is off for good, remove {3}; if it is a copy, start with an empty data folder",
                folder.string(), (*former)->machine, self.machine, path.string());
  if (*former && !self.boot.empty() && (*former)->boot == self.boot && (*former)->process != self.process &&
      start_of((*former)->process) == (*former)->started_at)
    return fail(Code::Conflict,
                "data folder {} is a copy of one that process {} uses: stop that, or start with an empty data folder",
                folder.string(), (*former)->process);
  if (*former && **former == self) return {};
  return replace_file(
      path, fmt::format("{} {} {} {}\n", shown(self.machine), shown(self.boot), self.process, self.started_at));
}

}  // namespace cronfleet::apps

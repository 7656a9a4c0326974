#include "cli/job_edit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/answers.h"
#include "cli/job_apply.h"
#include "cli/job_files.h"
#include "cli/read_input.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/job_json.h"
#include "domain/json_merge.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// A file of ours alone, named *.yaml for the editor's sake; removed at the end unless it is kept.
class Draft {
 public:
  CliResult<void> create() {
    const std::string folder = variable("TMPDIR").empty() ? "/tmp" : variable("TMPDIR");
    path_ = folder + "/cronfleet-XXXXXX.yaml";
    const int file = ::mkstemps(path_.data(), 5);
    if (file < 0) return CliFailure({kExitFailure, words("cannot write {}: {}", path_, std::strerror(errno))});
    ::close(file);
    made_ = true;
    return {};
  }
  ~Draft() {
    if (made_ && !kept_) ::unlink(path_.c_str());
  }
  Draft() = default;
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  CliResult<void> write(const std::string& text) const {
    std::FILE* file = std::fopen(path_.c_str(), "we");
    const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (file && std::fclose(file) == 0 && written) return {};
    return CliFailure({kExitFailure, words("cannot write {}: {}", path_, std::strerror(errno))});
  }
  CliResult<std::string> read() const { return read_path(path_); }
  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool made_ = false, kept_ = false;
};

CliResult<void> run_editor(const std::string& path) {
  std::string editor = variable("VISUAL");
  if (editor.empty()) editor = variable("EDITOR");
  if (editor.empty() && (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0))
    return CliFailure(
        {kExitUsage, words("there is no terminal for an editor: VISUAL or EDITOR names one that needs none")});
  if (editor.empty()) editor = "vi";
  const pid_t child = ::fork();
  if (child < 0) return CliFailure({kExitFailure, words("cannot start the editor: {}", std::strerror(errno))});
  if (child == 0) {
    // As the shell would take it: EDITOR="code --wait" is usual.
    ::execl("/bin/sh", "sh", "-c", (editor + " \"$1\"").c_str(), "sh", path.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return CliFailure({kExitFailure, words("the editor ({}) failed: nothing was saved", editor)});
}

std::string as_comment(const std::string& text) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    out += words("# {}\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}
std::string without_comments_on_top(std::string_view text) {
  while (text.starts_with('#')) text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  return std::string(text);
}

bool overlap(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + "/") || b.starts_with(a + "/") || a.empty() || b.empty();
}

// What `mine` changed in `base`, applied to `theirs`; `conflicts` names what both changed, where mine stands now.
struct Merge {
  std::optional<domain::Job> job;
  std::string conflicts;  // a line for each member
};
Merge merge(const domain::Job& base, const domain::Job& mine, const domain::Job& theirs) {
  const std::string before = domain::encode_job(base);
  const auto my_changes = domain::json_changes(before, domain::encode_job(mine));
  const auto their_changes = domain::json_changes(before, domain::encode_job(theirs));
  Merge result;
  for (const auto& one : my_changes)
    for (const auto& other : their_changes)
      if (overlap(one.pointer, other.pointer) && one.after != other.after)
        result.conflicts += words("{}: yours {}, theirs {}\n", one.pointer, one.after.empty() ? "(removed)" : one.after,
                                  other.after.empty() ? "(removed)" : other.after);
  // Whole members of the document are enough: what stands inside one was changed by one side alone.
  json::object merged = json::parse(domain::encode_job(theirs)).as_object();
  const json::object wanted = json::parse(domain::encode_job(mine)).as_object();
  for (const auto& change : my_changes) {
    const std::string key = change.pointer.substr(1, change.pointer.find('/', 1) - 1);
    const bool both = std::any_of(their_changes.begin(), their_changes.end(), [&](const domain::JsonChange& other) {
      return other.pointer.substr(1, other.pointer.find('/', 1) - 1) == key;
    });
    if (both) {  // different parts of one member
      const std::string patched =
          domain::merge_patch(json::serialize(merged),
                              json::serialize(json::object{{key, wanted.contains(key) ? wanted.at(key) : nullptr}}));
      merged = json::parse(patched).as_object();
    } else if (const auto* value = wanted.if_contains(key)) {
      merged[key] = *value;
    } else {
      merged.erase(key);
    }
  }
  auto job = domain::decode_job(json::serialize(merged));
  if (job) result.job = *std::move(job);
  if (!job) result.conflicts += words("what both changed does not fit together\n");
  return result;
}

// One edit, over as many rounds as it takes.
class Edit {
 public:
  Edit(const Cli& cli, std::string name) : cli_(cli), name_(std::move(name)) {}

  int run() {
    if (auto made = begin(); !made) return failed(cli_, made.error());
    for (;;) {
      if (auto edited = run_editor(draft_.path()); !edited) return failed(cli_, edited.error());
      const auto job = edited_job();
      if (!job) return failed(cli_, job.error());
      if (!*job) continue;  // opened again
      if (**job == base_.job) {
        cli_.note(words("nothing was changed"));
        return kExitOk;
      }
      const auto done = save(**job);
      if (!done) return failed(cli_, done.error());
      if (*done) return kExitOk;
    }
  }

 private:
  CliResult<void> begin() {
    auto standing = standing_of(cli_, name_);
    if (!standing) return CliFailure(standing.error());
    base_ = *std::move(standing);
    if (auto made = draft_.create(); !made) return made;
    return draft_.write(as_comment(words("Job '{}'. Lines that begin with # on top are left out. Save and leave the "
                                         "editor to apply;\nleave it as it is to change nothing.",
                                         name_)) +
                        job_yaml(base_.job));
  }

  // What the draft says; nothing where it was written anew to be opened again.
  CliResult<std::optional<domain::Job>> edited_job() {
    const auto text = draft_.read();
    if (!text) return CliFailure(text.error());
    auto documents = read_job_text("draft", *text);
    std::string trouble;
    if (!documents) {
      trouble = documents.error().message;
    } else if (documents->size() != 1) {
      trouble = words("expected one job, found {}", documents->size());
    } else if (documents->front().job.name.text() != name_) {
      trouble = words("the name of a job cannot be changed: cronfleet job clone copies one under another name");
    }
    if (trouble.empty()) return std::optional(documents->front().job);
    return open_again(trouble, *text);
  }

  CliResult<std::optional<domain::Job>> open_again(const std::string& trouble, const std::string& text) {
    const auto again = reopen(trouble, without_comments_on_top(text), kExitInvalid);
    if (!again) return CliFailure(again.error());
    return std::optional<domain::Job>();
  }

  CliResult<void> reopen(const std::string& trouble, const std::string& text, int exit_code) {
    if (auto written = draft_.write(as_comment(trouble) + text); !written) return written;
    if (cli_.settings.may_ask) {
      cli_.say(visible_lines(trouble));
      if (cli_.confirm(words("Edit again?"), false)) return {};
    }
    draft_.keep();
    return CliFailure({exit_code, words("{}\nnothing was saved; what you wrote is kept in {}", visible_lines(trouble),
                                        draft_.path())});
  }
  static std::string visible_lines(const std::string& text) {
    std::string out;
    for (std::string_view rest = text; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      out += (out.empty() ? "" : "\n") + visible(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return out;
  }

  // True when it is saved, false when it was opened again.
  CliResult<bool> save(const domain::Job& mine) {
    domain::Job job = mine;
    for (int tries = 0; tries < 5; ++tries) {
      const auto saved = save_job(cli_, job, &base_);
      if (saved) {
        const std::string next = text_at(*saved, {"next_firings"});
        print_change(cli_, *saved, name_,
                     words("job '{}' changed; {}", visible(name_),
                           next.empty() ? words("does not fire") : words("fires next at {}", local_time(next))));
        return true;
      }
      if (saved.error().exit_code != kExitConflict) {
        const auto again = reopen(saved.error().message, job_yaml(job), saved.error().exit_code);
        if (!again) return CliFailure(again.error());
        return false;
      }
      auto newest = standing_of(cli_, name_);
      if (!newest) {
        draft_.keep();
        return CliFailure({newest.error().exit_code,
                           words("{}; what you wrote is kept in {}", newest.error().message, draft_.path())});
      }
      const Merge merged = merge(base_.job, job, newest->job);
      base_ = *std::move(newest);
      if (merged.job && merged.conflicts.empty()) {
        cli_.note(words("somebody else changed other members of the job meanwhile: both are kept"));
        job = *merged.job;
        continue;
      }
      const auto again =
          reopen(words("Somebody else changed the job meanwhile. Below stands yours:\n") + merged.conflicts,
                 job_yaml(merged.job.value_or(job)), kExitConflict);
      if (!again) return CliFailure(again.error());
      return false;
    }
    return CliFailure({kExitConflict, words("the job changes faster than it can be saved")});
  }

  const Cli& cli_;
  const std::string name_;
  Standing base_;
  Draft draft_;
};

}  // namespace

int edit_job(const Cli& cli, const std::string& name) { return Edit(cli, name).run(); }

}  // namespace cronfleet::cli

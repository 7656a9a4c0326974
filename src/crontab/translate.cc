#include "crontab/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/utf8.h"

namespace cronfleet::crontab {
namespace {

constexpr std::string_view kInputEnd = "CRONFLEET_INPUT";

bool is_variable(std::string_view word) {
  const auto equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](char c) { return c == '_' || (c >= '0' && c <= '9') || (c | 32) >= 'a'; });
}

// The word of a command that says most about it: the first program that does not only start another.
std::string telling_word(std::string_view command) {
  static const std::set<std::string_view> kStarters = {"[",      "[[",    "test", "{",    "(",    "!",     "if",
                                                       "then",   "exec",  "env",  "nice", "sudo", "sh",    "bash",
                                                       "ionice", "nohup", "time", "chrt", "dash", "flock", "timeout"};
  bool skip_next = false;
  std::string first;
  while (!command.empty()) {
    const auto begin = std::min(command.find_first_not_of(" \t;&|"), command.size());
    command.remove_prefix(begin);
    const auto end = std::min(command.find_first_of(" \t;&|"), command.size());
    std::string_view word = command.substr(0, end);
    command.remove_prefix(end);
    if (std::exchange(skip_next, word == "cd") || word.empty() || word == "cd") continue;
    if (word.front() == '-' || is_variable(word) || (word.front() >= '0' && word.front() <= '9')) continue;
    const auto strip = word.find_first_not_of("\"'($`");
    word.remove_prefix(std::min(strip, word.size()));
    if (const auto slash = word.find_last_of('/'); slash != std::string_view::npos) word.remove_prefix(slash + 1);
    if (word.empty() || kStarters.count(word) != 0) continue;
    first = word;
    break;
  }
  std::string name;
  for (const char c : first)
    name += std::string_view("/:@#?%\"'`$(){}<>\\").find(c) == std::string_view::npos ? c : '-';
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "job" : name;
}

// `prefix` and the telling word, with a number where that name is given already.
Result<JobName> name_of(const Entry& entry, const std::string& prefix, std::map<std::string, int>& taken) {
  const std::string base = prefix + telling_word(entry.command);
  for (;;) {
    const int number = ++taken[base];
    const std::string name = number == 1 ? base : fmt::format("{}-{}", base, number);
    if (number > 1 && !taken.emplace(name, 1).second) continue;
    return domain::make_job_name(name);
  }
}

std::string command_of(const Entry& entry) {
  if (!entry.input) return entry.command;
  std::string end(kInputEnd);
  while (entry.input->find(end) != std::string::npos) end += '_';
  return fmt::format("{{ {}\n}} <<'{}'\n{}{}", entry.command, end, *entry.input, end);
}

std::string cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  text.resize(bytes);
  while (!text.empty() && !is_utf8(text)) text.pop_back();
  return text + "…";
}

// What the settings above a line say.
class Settings {
 public:
  void set(const Setting& setting) { values_[setting.name] = setting.value; }
  std::string get(const std::string& name, std::string otherwise = {}) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  bool has(const std::string& name) const { return values_.count(name) != 0; }
  const std::map<std::string, std::string>& all() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
};

// Names that are cron's own business, not the command's.
bool is_for_cron(const std::string& name) {
  static const std::set<std::string> kNames = {"MAILTO",  "MAILFROM",     "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING",
                                               "CRON_TZ", "RANDOM_DELAY", "SHELL"};
  return kNames.count(name) != 0;
}

class Translator {
 public:
  Translator(const Options& options, const cron::ZoneSource& zones, std::map<std::string, int>& taken)
      : options_(options), zones_(zones), taken_(taken) {}

  void take(const Line& line) {
    if (const auto* setting = std::get_if<Setting>(&line.what)) {
      settings_.set(*setting);
      note_setting(*setting);
    } else if (const auto* mistake = std::get_if<Mistake>(&line.what)) {
      refuse(line, mistake->column, mistake->message);
    } else {
      import(line, std::get<Entry>(line.what));
    }
  }
  Translation done() { return std::move(result_); }

 private:
  void refuse(const Line& line, int column, std::string message) {
    result_.refusals.push_back({line.number, column, line.text, std::move(message)});
  }
  void note(std::string text) {
    if (std::find(result_.notes.begin(), result_.notes.end(), text) == result_.notes.end())
      result_.notes.push_back(std::move(text));
  }
  void note_setting(const Setting& setting) {
    if (setting.name == "MAILTO" && !setting.value.empty())
      note(fmt::format("MAILTO={}: nothing is mailed; the output of each run is kept in the history", setting.value));
    if (setting.name == "CRON_TZ")
      note("CRON_TZ is taken as cronie does, as the zone of the lines below it; Debian's cron ignores it");
    if (setting.name == "TZ") note("TZ holds for the commands alone, as under cron, not for when they start");
    if (setting.name == "RANDOM_DELAY") note("RANDOM_DELAY of cronie becomes the jitter of the jobs");
  }

  void import(const Line& line, const Entry& entry) {
    const std::string zone_name = settings_.has("CRON_TZ") ? settings_.get("CRON_TZ") : options_.zone;
    const cron::ZonePtr zone = zones_.find(zone_name);
    if (!zone) return refuse(line, 1, fmt::format("the zone '{}' is not known on this machine", zone_name));
    Import import;
    import.line = line.number;
    import.text = line.text;
    domain::Job& job = import.job;
    const auto name = name_of(entry, options_.prefix, taken_);
    if (!name) return refuse(line, 1, name.error().message());
    job.name = *name;
    job.schedule = expression_of(entry, *zone, options_.from);
    job.time_zone = zone_name;
    job.command = command_of(entry);
    job.process.edit().shell = {settings_.get("SHELL", "/bin/sh"), "-c"};
    job.process.edit().user = options_.form == Form::System ? entry.user : options_.user;
    job.overlap.mode = domain::Overlap::Mode::Allow;
    job.misfire.mode = domain::Misfire::Mode::Skip;
    job.about.edit().description = cut(line.comment, 1024);
    job.about.edit().labels["crontab"] = source_label(options_.source);
    set_surroundings(import);
    if (entry.input) import.notes.push_back("what stands after % is given to the command as a here-document");
    if (job.schedule != entry.schedule)
      import.notes.push_back(
          fmt::format("'{}' is written '{}', which fires as cron reads it", entry.schedule, job.schedule));
    import.comparison = compare(entry.fields, job.schedule, *zone, options_.from);
    if (import.comparison.firings == 0) return refuse(line, 1, "it never fires: there is no such date before 2100");
    result_.imports.push_back(std::move(import));
  }

  // Environment and folder as cron would give them.
  void set_surroundings(Import& import) {
    domain::Job& job = import.job;
    for (const auto& [name, value] : settings_.all())
      if (!is_for_cron(name)) job.process.edit().environment[name] = value;
    job.process.edit().environment.emplace("PATH", "/usr/bin:/bin");
    if (!job.process->user.empty()) job.process.edit().environment["LOGNAME"] = job.process->user;
    const auto home = options_.home_of ? options_.home_of(job.process->user) : std::nullopt;
    if (home) job.process.edit().environment.emplace("HOME", *home);
    job.process.edit().working_directory = settings_.get("HOME", home.value_or(""));
    if (job.process->working_directory.empty())
      import.notes.push_back(
          fmt::format("the home of user '{}' is not known here: the command starts in /", job.process->user));
    if (const std::string delay = settings_.get("RANDOM_DELAY"); !delay.empty()) {
      const auto minutes = parse_duration(delay + "m");
      if (minutes) job.timing.edit().jitter = std::chrono::duration_cast<domain::milliseconds>(*minutes);
    }
  }

  const Options& options_;
  const cron::ZoneSource& zones_;
  std::map<std::string, int>& taken_;
  Settings settings_;
  Translation result_;
};

}  // namespace

std::string source_label(const std::string& source) { return cut(source, 200); }

bool is_name_for(std::string_view name, std::string_view prefix, std::string_view command) {
  if (const auto end = command.find("\n} <<'"); command.starts_with("{ ") && end != std::string_view::npos)
    command = command.substr(2, end - 2);
  const std::string base = std::string(prefix) + telling_word(command);
  if (!name.starts_with(base)) return false;
  name.remove_prefix(base.size());
  return name.empty() ||
         (name.size() > 1 && name[0] == '-' && name.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

Translation translate(const std::vector<Line>& lines, const Options& options, const cron::ZoneSource& zones,
                      std::map<std::string, int>& taken) {
  Translator translator(options, zones, taken);
  for (const Line& line : lines) translator.take(line);
  return translator.done();
}

}  // namespace cronfleet::crontab

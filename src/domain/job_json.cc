#include "domain/job_json.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/utf8.h"
#include "domain/json_reader.h"
#include "domain/nearest.h"

namespace cronfleet::domain {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kYear = hours(24 * 366);

void read_bounded(const JsonValue& value, std::size_t bytes_max, std::string& into) {
  const auto text = value.text();
  if (!text) return;
  if (text->size() > bytes_max)
    return value.refuse(fmt::format("has {} bytes, at most {} are allowed", text->size(), bytes_max));
  if (text->find('\0') != std::string_view::npos) return value.refuse("contains the character U+0000");
  into = *text;
}

template <typename T>
void keep(std::optional<T> read, T& into) {
  if (read) into = *std::move(read);
}
template <typename Integer>
void read_integer(const JsonValue& value, std::int64_t least, std::int64_t most, Integer& into) {
  if (const auto number = value.integer(least, most)) into = static_cast<Integer>(*number);
}

void read_name(const JsonValue& value, Job& job) {
  const auto text = value.text();
  if (!text) return;
  if (const std::size_t count = utf8_count(*text); count > JobLimits::name_characters)
    return value.refuse(fmt::format("has {} characters, at most {} are allowed", count, JobLimits::name_characters));
  auto name = make_job_name(*text);
  if (!name) return value.refuse(name.error().message());
  job.name = *std::move(name);
}

void read_schedule(const JsonValue& value, Job& job) {
  std::string text;
  if (value.kind() == JsonKind::Text && value.text()->empty())
    return value.refuse("expected an expression like '0 2 * * *', found an empty text");
  read_bounded(value, JobLimits::schedule, text);
  if (!job.schedule.empty() && job.schedule != text)
    return value.refuse("'schedule' and 'cronExpr' are one field, and say different things here");
  job.schedule = std::move(text);
}

std::vector<std::string> read_texts(const JsonValue& value, std::size_t bytes_max) {
  std::vector<std::string> texts;
  for (const JsonValue& element : value.elements()) read_bounded(element, bytes_max, texts.emplace_back());
  return texts;
}

void read_command(const JsonValue& value, Job& job) {
  if (value.kind() == JsonKind::Text) {
    std::string text;
    read_bounded(value, JobLimits::command, text);
    if (text.empty() && value.text()->empty()) return value.refuse("expected a command, found an empty text");
    job.command = std::move(text);
    return;
  }
  if (value.kind() != JsonKind::Array) return value.refuse_kind("a text for the shell or an array of arguments");
  std::vector<std::string> arguments = read_texts(value, JobLimits::command);
  std::size_t bytes = 0;
  for (const std::string& argument : arguments) bytes += argument.size() + 1;
  if (arguments.empty() || arguments.front().empty()) return value.refuse("expected the program as the first text");
  if (bytes > JobLimits::command)
    return value.refuse(fmt::format("has {} bytes, at most {} are allowed", bytes, JobLimits::command));
  job.command = std::move(arguments);
}

void read_shell(const JsonValue& value, Job& job) {
  std::vector<std::string> shell = read_texts(value, JobLimits::path);
  if (value.kind() != JsonKind::Array) return;
  if (shell.empty() || shell.size() > JobLimits::shell_texts || shell.front().empty())
    return value.refuse(fmt::format(R"(expected 1 to {} texts like ["/bin/bash", "-c"])", JobLimits::shell_texts));
  job.process.edit().shell = std::move(shell);
}

void read_environment(const JsonValue& value, Job& job) {
  std::size_t bytes = 0;
  for (const JsonValue& member : value.members()) {
    const std::string_view name = member.key();
    if (name.empty() || name.find('=') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
      member.refuse("the name of a variable is not empty and has no '=' or U+0000");
    } else if (name.starts_with("CRONFLEET_")) {
      member.refuse("variables that begin with CRONFLEET_ are set by the worker");
    } else {
      std::string& content = job.process.edit().environment[std::string(name)];
      read_bounded(member, JobLimits::environment, content);
      bytes += name.size() + content.size();
    }
  }
  if (value.size() > JobLimits::environment_entries)
    value.refuse(fmt::format("has {} variables, at most {} are allowed", value.size(), JobLimits::environment_entries));
  if (bytes > JobLimits::environment)
    value.refuse(fmt::format("has {} bytes, at most {} are allowed", bytes, JobLimits::environment));
}

void read_labels(const JsonValue& value, Job& job) {
  for (const JsonValue& member : value.members()) {
    if (member.key().empty() || member.key().size() > JobLimits::label) {
      member.refuse(fmt::format("the name of a label has 1 to {} bytes", JobLimits::label));
    } else {
      read_bounded(member, JobLimits::label, job.about.edit().labels[std::string(member.key())]);
    }
  }
  if (value.size() > JobLimits::labels)
    value.refuse(fmt::format("has {} labels, at most {} are allowed", value.size(), JobLimits::labels));
}

std::string read_label_value(const JsonValue& value) {
  std::string text;
  read_bounded(value, JobLimits::label, text);
  if (value.kind() != JsonKind::Text) return text;
  if (text.empty() && value.text()->empty()) value.refuse("expected a label's value, found an empty text");
  if (text.starts_with("!=")) value.refuse(fmt::format(R"(negation is written {{"not": "{}"}})", text.substr(2)));
  return text;
}

// One value or a list of them.
void read_label_values(const JsonValue& value, std::vector<std::string>& into) {
  if (value.kind() == JsonKind::Text) {
    into = {read_label_value(value)};
  } else if (value.kind() != JsonKind::Array) {
    value.refuse_kind(R"("value", ["one", "of", "these"] or {"not": …})");
  } else {
    for (const JsonValue& element : value.elements()) into.push_back(read_label_value(element));
    if (into.empty() || into.size() > JobLimits::labels)
      value.refuse(fmt::format("expected 1 to {} values, found {}", JobLimits::labels, into.size()));
  }
}

void read_where(const JsonValue& value, Job& job) {
  for (const JsonValue& member : value.members()) {
    if (member.key().empty() || member.key().size() > JobLimits::label) {
      member.refuse(fmt::format("the name of a label has 1 to {} bytes", JobLimits::label));
      continue;
    }
    LabelCondition& condition = job.where.edit()[std::string(member.key())];
    if (member.kind() != JsonKind::Object) {
      read_label_values(member, condition.values);
      continue;
    }
    condition.negated = true;
    if (member.size() != 1) member.refuse(R"(expected {"not": …} with one value or a list)");
    for (const JsonValue& inner : member.members()) {
      if (inner.key() == "not") {
        read_label_values(inner, condition.values);
      } else {
        inner.refuse_key({"not"});
      }
    }
  }
  if (value.size() > JobLimits::labels)
    value.refuse(fmt::format("has {} labels, at most {} are allowed", value.size(), JobLimits::labels));
}

void read_directory(const JsonValue& value, Job& job) {
  std::string& directory = job.process.edit().working_directory;
  read_bounded(value, JobLimits::path, directory);
  if (!directory.empty() && directory.front() != '/')
    value.refuse(fmt::format("expected a path that begins with '/', found {}", quoted(directory)));
}

void read_stamp(const JsonValue& value, Job& job) {
  if (const auto text = value.text()) job.stamp = Stamp::from_text(*text);
}

void read_umask(const JsonValue& value, Job& job) {
  const auto text = value.text();
  if (!text) return;
  unsigned mask = 0;
  const bool octal = std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '7'; });
  if (octal && text->size() <= 4) {
    for (const char c : *text) mask = mask * 8 + static_cast<unsigned>(c - '0');
  }
  if (!octal || text->size() < 3 || text->size() > 4 || mask > 0777)
    return value.refuse(fmt::format(R"(expected octal digits like "022", found {})", quoted(*text)));
  job.process.edit().umask = mask;
}

struct LimitKey {
  std::string_view key;
  std::optional<std::uint64_t> Limits::* limit;
};
constexpr LimitKey kLimitKeys[] = {
    {"cpu_seconds", &Limits::cpu_seconds},         {"address_space_bytes", &Limits::address_space_bytes},
    {"open_files", &Limits::open_files},           {"processes", &Limits::processes},
    {"file_size_bytes", &Limits::file_size_bytes},
};

void read_limits(const JsonValue& value, Job& job) {
  for (const JsonValue& member : value.members()) {
    const auto* found = std::find_if(std::begin(kLimitKeys), std::end(kLimitKeys),
                                     [&](const LimitKey& limit) { return limit.key == member.key(); });
    if (found == std::end(kLimitKeys)) {
      std::vector<std::string_view> known;
      for (const LimitKey& limit : kLimitKeys) known.push_back(limit.key);
      member.refuse_key(known);
    } else if (const auto number = member.integer(0, std::numeric_limits<std::int64_t>::max())) {
      job.process.edit().limits.*found->limit = static_cast<std::uint64_t>(*number);
    }
  }
}

void read_retry(const JsonValue& value, Job& job) {
  Retry& retry = job.retry.edit();
  for (const JsonValue& member : value.members()) {
    const std::string_view key = member.key();
    if (key == "count") {
      read_integer(member, 0, 100, retry.count);
    } else if (key == "delay") {
      keep(member.duration(milliseconds(0), hours(24)), retry.delay);
    } else if (key == "factor") {
      keep(member.number(1, 10), retry.factor);
    } else if (key == "delay_max") {
      keep(member.duration(milliseconds(0), hours(24)), retry.delay_max);
    } else if (key == "exit_codes") {
      for (const JsonValue& element : member.elements()) read_integer(element, 0, 255, retry.exit_codes.emplace_back());
      if (member.size() > JobLimits::exit_codes)
        member.refuse(fmt::format("has {} codes, at most {} are allowed", member.size(), JobLimits::exit_codes));
    } else {
      member.refuse_key({"count", "delay", "factor", "delay_max", "exit_codes"});
    }
  }
}

// A policy is a word, or an object with one member that says how many.
template <typename Mode>
struct PolicyWord {
  std::string_view word;
  Mode mode;
  int most = 0;  // above 0: {"word": 1..most}
};
constexpr PolicyWord<Overlap::Mode> kOverlaps[] = {{"forbid", Overlap::Mode::Forbid},
                                                   {"allow", Overlap::Mode::Allow},
                                                   {"replace", Overlap::Mode::Replace},
                                                   {"queue", Overlap::Mode::Queue, 1000}};
constexpr PolicyWord<Misfire::Mode> kMisfires[] = {
    {"run_once", Misfire::Mode::RunOnce}, {"skip", Misfire::Mode::Skip}, {"run_all", Misfire::Mode::RunAll, 10'000}};
constexpr PolicyWord<Delivery::Mode> kDeliveries[] = {{"at_most_once", Delivery::Mode::AtMostOnce},
                                                      {"at_least_once", Delivery::Mode::AtLeastOnce, 100}};

template <typename Mode, std::size_t N>
std::string expected_words(const PolicyWord<Mode> (&words)[N]) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += " or ";
    text += word.most > 0 ? fmt::format("{{\"{}\": 1 to {}}}", word.word, word.most) : fmt::format("\"{}\"", word.word);
  }
  return text;
}

template <typename Mode, std::size_t N>
std::vector<std::string_view> words_of(const PolicyWord<Mode> (&words)[N]) {
  std::vector<std::string_view> known;
  for (const auto& word : words) known.push_back(word.word);
  return known;
}

template <typename Mode, std::size_t N>
void read_policy(const JsonValue& value, const PolicyWord<Mode> (&words)[N], Mode& mode, std::int16_t& most) {
  if (value.kind() == JsonKind::Text) {
    const std::string_view text = *value.text();
    for (const auto& word : words) {
      if (word.word != text || word.most > 0) continue;
      mode = word.mode;
      return;
    }
    const std::string_view meant = nearest(text, words_of(words));
    return value.refuse(fmt::format("expected {}, found {}", expected_words(words), quoted(text)),
                        meant == text ? std::string() : std::string(meant));
  }
  if (value.kind() != JsonKind::Object || value.size() != 1)
    return value.refuse(fmt::format("expected {}", expected_words(words)));
  for (const JsonValue& member : value.members()) {
    const auto* found = std::find_if(std::begin(words), std::end(words),
                                     [&](const auto& word) { return word.most > 0 && word.word == member.key(); });
    if (found == std::end(words)) return member.refuse_key(words_of(words));
    read_integer(member, 1, found->most, most);
    mode = found->mode;
  }
}

struct JobKey {
  std::string_view key;
  void (*read)(const JsonValue& value, Job& job);
};
constexpr milliseconds kZero{0};

// In the order of the alphabet: found by bisection.
constexpr JobKey kJobKeys[] = {
    {"catch_up_window",
     [](const JsonValue& v, Job& job) { keep(v.duration(kZero, kYear), job.timing.edit().catch_up_window); }},
    {"command", read_command},
    {"cronExpr", read_schedule},
    {"delivery",
     [](const JsonValue& v, Job& job) { read_policy(v, kDeliveries, job.delivery.mode, job.delivery.attempts_max); }},
    {"description",
     [](const JsonValue& v, Job& job) { read_bounded(v, JobLimits::description, job.about.edit().description); }},
    {"enabled", [](const JsonValue& v, Job& job) { keep(v.boolean(), job.enabled); }},
    {"ends_at", [](const JsonValue& v, Job& job) { job.window.edit().ends_at = v.instant(); }},
    {"env", read_environment},
    {"jitter", [](const JsonValue& v, Job& job) { keep(v.duration(kZero, hours(24)), job.timing.edit().jitter); }},
    {"kill_grace",
     [](const JsonValue& v, Job& job) { keep(v.duration(kZero, hours(1)), job.timing.edit().kill_grace); }},
    {"labels", read_labels},
    {"limits", read_limits},
    {"misfire",
     [](const JsonValue& v, Job& job) { read_policy(v, kMisfires, job.misfire.mode, job.misfire.run_all_max); }},
    {"name", read_name},
    {"output_bytes_max",
     [](const JsonValue& v, Job& job) { read_integer(v, 0, 64 << 20, job.process.edit().output_bytes_max); }},
    {"overlap",
     [](const JsonValue& v, Job& job) { read_policy(v, kOverlaps, job.overlap.mode, job.overlap.queue_max); }},
    {"owner", [](const JsonValue& v, Job& job) { read_bounded(v, JobLimits::word, job.about.edit().owner); }},
    {"parameters", [](const JsonValue& v, Job& job) { read_parameters(v, job.parameters.edit()); }},
    {"paused_until", [](const JsonValue& v, Job& job) { job.window.edit().paused_until = v.instant(); }},
    {"retry", read_retry},
    {"schedule", read_schedule},
    {"schedule_set_at", [](const JsonValue& v, Job& job) { job.schedule_set_at = v.instant(); }},
    {"shell", read_shell},
    {"since", [](const JsonValue& v, Job& job) { job.since = v.instant(); }},
    {"stamp", read_stamp},
    {"start_deadline",
     [](const JsonValue& v, Job& job) { keep(v.duration(seconds(1), hours(24)), job.timing.edit().start_deadline); }},
    {"starts_at", [](const JsonValue& v, Job& job) { job.window.edit().starts_at = v.instant(); }},
    {"time_zone", [](const JsonValue& v, Job& job) { read_bounded(v, JobLimits::word, job.time_zone.edit()); }},
    {"timeout", [](const JsonValue& v, Job& job) { keep(v.duration(kZero, kYear), job.timing.edit().timeout); }},
    {"umask", read_umask},
    {"user", [](const JsonValue& v, Job& job) { read_bounded(v, JobLimits::word, job.process.edit().user); }},
    {"where", read_where},
    {"working_directory", read_directory},
};
static_assert(std::is_sorted(std::begin(kJobKeys), std::end(kJobKeys),
                             [](const JobKey& a, const JobKey& b) { return a.key < b.key; }));

// What others call a field; too far from ours for the edit distance.
constexpr std::pair<std::string_view, std::string_view> kForeignKeys[] = {
    {"cron", "schedule"},  {"cwd", "working_directory"}, {"expression", "schedule"}, {"environment", "env"},
    {"paused", "enabled"}, {"disabled", "enabled"},      {"timezone", "time_zone"},  {"tz", "time_zone"},
    {"zone", "time_zone"}, {"concurrency", "overlap"},   {"retries", "retry"},       {"workdir", "working_directory"},
    {"selector", "where"}, {"node_selector", "where"},   {"constraints", "where"},   {"affinity", "where"},
};

void refuse_unknown(const JsonValue& member) {
  const auto* foreign = std::find_if(std::begin(kForeignKeys), std::end(kForeignKeys),
                                     [&](const auto& pair) { return pair.first == member.key(); });
  if (foreign == std::end(kForeignKeys)) return member.refuse_key(job_field_names());
  member.refuse_key_for(foreign->second);
}

void read_job(const JsonValue& root, const JobName& named, Job& job) {
  std::array<bool, std::size(kJobKeys)> seen{};
  for (const JsonValue& member : root.members()) {
    const auto* key = std::lower_bound(std::begin(kJobKeys), std::end(kJobKeys), member.key(),
                                       [](const JobKey& a, std::string_view b) { return a.key < b; });
    if (key == std::end(kJobKeys) || key->key != member.key()) {
      refuse_unknown(member);
      continue;
    }
    seen[static_cast<std::size_t>(key - kJobKeys)] = true;
    key->read(member, job);
  }
  if (root.kind() != JsonKind::Object) return;
  const auto has = [&](std::string_view name) {
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (kJobKeys[i].key == name) return seen[i];
    }
    CHECK(false);
  };
  if (!has("name") && named.empty()) root.refuse_member("name", "missing: a job has a name");
  if (has("name") && !job.name.empty() && !named.empty() && job.name != named)
    root.refuse_member("name", fmt::format("is '{}' here, but the job was asked for as '{}'", job.name, named));
  if (!has("name")) job.name = named;
  if (!has("schedule") && !has("cronExpr")) root.refuse_member("schedule", "missing: when is the job due?");
  if (!has("command")) root.refuse_member("command", "missing: what is to be run?");
  if (const Window& window = *job.window; window.starts_at && window.ends_at && *window.starts_at >= *window.ends_at)
    root.refuse_member("ends_at", "is not after starts_at: no firing would count");
}

bool is_plain_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=,+@%").find(c) != std::string_view::npos;
  });
}

}  // namespace

tl::expected<Job, DocumentErrors> decode_job(std::string_view text, const JobName& named) {
  Job job;
  DocumentErrors errors = read_json(text, {JobLimits::document, JsonComments::Refused},
                                    [&](const JsonValue& root) { read_job(root, named, job); });
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return job;
}

std::vector<std::string_view> job_field_names() {
  std::vector<std::string_view> names;
  for (const JobKey& key : kJobKeys) names.push_back(key.key);
  return names;
}

std::string shown_command(const Job& job) {
  if (const std::string* text = std::get_if<std::string>(&job.command)) return *text;
  std::string shown;
  for (const std::string& argument : std::get<std::vector<std::string>>(job.command)) {
    if (!shown.empty()) shown += ' ';
    if (is_plain_word(argument)) {
      shown += argument;
      continue;
    }
    shown += '\'';
    for (const char c : argument) shown += c == '\'' ? std::string("'\\''") : std::string(1, c);
    shown += '\'';
  }
  return shown;
}

}  // namespace cronfleet::domain

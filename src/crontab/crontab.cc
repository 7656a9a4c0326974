#include "crontab/crontab.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace cronfleet::crontab {
namespace {

constexpr const char* kFieldNames[] = {"minute", "hour", "day of month", "month", "day of week"};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Reads one line from left to right.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  std::string_view word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_blank(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }
  char take() { return text_[at_++]; }
  std::string_view rest() const { return text_.substr(at_); }
  int column() const { return static_cast<int>(at_) + 1; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// A word, bare or in quotes; nothing where the quotes do not close.
std::optional<std::string> quoted_word(Cursor& cursor, bool ends_at_equals) {
  std::string word;
  if (!cursor.done() && (cursor.peek() == '"' || cursor.peek() == '\'')) {
    const char quote = cursor.take();
    while (!cursor.done() && cursor.peek() != quote) word += cursor.take();
    if (cursor.done()) return std::nullopt;
    cursor.take();
    return word;
  }
  while (!cursor.done() && !(ends_at_equals && (cursor.peek() == '=' || is_blank(cursor.peek()))))
    word += cursor.take();
  while (!word.empty() && is_blank(word.back())) word.pop_back();
  return word;
}

// cron tries every line as a setting first.
std::optional<Setting> read_setting(std::string_view text) {
  Cursor cursor(text);
  const auto name = quoted_word(cursor, true);
  cursor.skip_blanks();
  if (!name || name->empty() || cursor.done() || cursor.take() != '=') return std::nullopt;
  cursor.skip_blanks();
  const auto value = quoted_word(cursor, false);
  cursor.skip_blanks();
  if (!value || !cursor.done()) return std::nullopt;
  return Setting{*name, *value};
}

void split_command(std::string_view text, Entry& entry) {
  std::string* into = &entry.command;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '%') {
      *into += text[++i];
    } else if (text[i] != '%') {
      *into += text[i];
    } else if (into == &entry.command) {
      into = &entry.input.emplace();
    } else {
      *into += '\n';
    }
  }
  if (entry.input && !entry.input->ends_with('\n')) *entry.input += '\n';
}

Mistake reboot_mistake() {
  return {1,
          "@reboot: a fleet has no reboot; for something that runs once use a job with '@at TIME', for something "
          "that always runs a service of the system"};
}

std::variant<Setting, Entry, Mistake> read_entry(std::string_view text, Form form) {
  Cursor cursor(text);
  Entry entry;
  std::array<std::string_view, 5> words;
  if (cursor.peek() == '@') {
    const std::string_view macro = cursor.word();
    if (macro == "@reboot") return reboot_mistake();
    const std::string_view fields = vixie_macro(macro);
    if (fields.empty())
      return Mistake{1,
                     fmt::format("'{}' is no macro of cron: @yearly, @annually, @monthly, @weekly, @daily, @midnight "
                                 "and @hourly are",
                                 macro)};
    entry.schedule = macro;
    Cursor expanded(fields);
    for (std::string_view& word : words) {
      word = expanded.word();
      expanded.skip_blanks();
    }
  }
  for (std::size_t i = 0; i < words.size() && entry.schedule.empty(); ++i) {
    const int column = cursor.column();
    words[i] = cursor.word();
    if (words[i].empty()) return Mistake{column, fmt::format("the {} is missing", kFieldNames[i])};
    cursor.skip_blanks();
  }
  const auto fields = read_vixie_fields(words);
  if (!fields) {
    const std::string_view bad = words[static_cast<std::size_t>(fields.error().field)];
    return Mistake{static_cast<int>(bad.data() - text.data()) + fields.error().column, fields.error().message};
  }
  entry.fields = *fields;
  for (const std::string_view word : words)
    if (!entry.schedule.starts_with('@'))
      entry.schedule += fmt::format("{}{}", entry.schedule.empty() ? "" : " ", word);
  cursor.skip_blanks();
  if (form == Form::System) {
    const int column = cursor.column();
    entry.user = cursor.word();
    if (entry.user.find('/') != std::string::npos)
      return Mistake{column, fmt::format("'{}' is no user: a line of a system crontab names a user after the schedule, "
                                         "one of a user's crontab does not",
                                         entry.user)};
    cursor.skip_blanks();
    if (entry.user.empty() || cursor.done())
      return Mistake{cursor.column(), "a line of a system crontab names a user and a command after the schedule"};
  }
  if (cursor.done()) return Mistake{cursor.column(), "the command is missing"};
  if (cursor.rest().size() > kCommandBytesMax)
    return Mistake{cursor.column(), fmt::format("the command has more than {} bytes", kCommandBytesMax)};
  split_command(cursor.rest(), entry);
  if (entry.command.find_first_not_of(" \t") == std::string::npos)
    return Mistake{cursor.column(), "there is no command before the %"};
  return entry;
}

}  // namespace

std::vector<Line> read_crontab(std::string_view text, Form form) {
  std::vector<Line> lines;
  std::string comment;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto first = std::min(line.find_first_not_of(" \t"), line.size());
    const std::string_view body = line.substr(first);
    if (body.empty()) {
      comment.clear();
      continue;
    }
    if (body.front() == '#') {
      const auto begin = std::min(body.find_first_not_of("# \t"), body.size());
      comment += fmt::format("{}{}", comment.empty() ? "" : " ", body.substr(begin));
      continue;
    }
    Line& read = lines.emplace_back();
    read.number = number;
    read.text = line;
    if (line.find('\0') != std::string_view::npos) {
      read.what = Mistake{static_cast<int>(line.find('\0')) + 1, "a zero byte"};
    } else if (!is_utf8(line)) {
      read.what = Mistake{1, "the line is no valid UTF-8"};
    } else if (auto setting = read_setting(body)) {
      read.what = *std::move(setting);
    } else {
      read.what = read_entry(body, form);
      if (auto* mistake = std::get_if<Mistake>(&read.what)) mistake->column += static_cast<int>(first);
    }
    if (std::holds_alternative<Entry>(read.what)) read.comment = comment;
    comment.clear();
  }
  return lines;
}

}  // namespace cronfleet::crontab

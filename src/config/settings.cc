#include "config/settings.h"

#include <algorithm>

#include "base/check.h"
#include "domain/nearest.h"

namespace cronfleet::config {
namespace {

using domain::FieldError;
using domain::JsonKind;
using domain::JsonWriter;
using domain::quoted;

constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr std::string_view kPrefix = "CRONFLEET_";

// Variables with our prefix that belong to others: the client's, those of a run, those of tests.
constexpr std::string_view kForeignVariables[] = {
    "CRONFLEET_CONFIG",  "CRONFLEET_SERVER",   "CRONFLEET_TOKEN_FILE",   "CRONFLEET_CONTEXT", "CRONFLEET_NAMESPACE",
    "CRONFLEET_TIMEOUT", "CRONFLEET_RETRIES",  "CRONFLEET_JOB",          "CRONFLEET_RUN_ID",  "CRONFLEET_SCHEDULED_AT",
    "CRONFLEET_ATTEMPT", "CRONFLEET_NODE",     "CRONFLEET_FENCE",        "CRONFLEET_HOME_ID", "CRONFLEET_LONG",
    "CRONFLEET_OUTPUT",  "CRONFLEET_CONTEXTS", "CRONFLEET_OUTPUT_FORMAT"};

bool is_foreign(std::string_view variable) {
  return variable.starts_with("CRONFLEET_TEST_") ||
         std::find(std::begin(kForeignVariables), std::end(kForeignVariables), variable) != std::end(kForeignVariables);
}

bool is_comment(const JsonValue& member) {
  if (member.kind() != JsonKind::Text) return false;
  const std::string_view key = member.key();
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  return key.starts_with("//") || key.starts_with("#") || !std::all_of(key.begin(), key.end(), is_ascii);
}

// A password inside a URI: "mongodb://ann:secret@host" → "mongodb://ann:***@host".
std::string masked(std::string json) {
  const std::size_t scheme = json.find("://");
  const std::size_t at = json.rfind('@');
  if (scheme == std::string::npos || at == std::string::npos || at < scheme) return json;
  const std::size_t colon = json.find(':', scheme + 3);
  if (colon == std::string::npos || colon > at) return json;
  return json.replace(colon + 1, at - colon - 1, "***");
}

// The value in one line, without the comments that may stand inside.
std::string compact(const JsonValue& value) {
  JsonWriter json;
  if (value.kind() == JsonKind::Text) return json.value(*value.text()).take();
  if (value.kind() == JsonKind::Number) return std::string(value.raw());
  if (value.kind() != JsonKind::Array) return "null";
  json.array([&] {
    for (const JsonValue& element : value.elements()) {
      if (element.kind() == JsonKind::Text) json.value(*element.text());
    }
  });
  return json.take();
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::pair<std::string_view, int> kUnits[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}};
  std::uint64_t number = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && digits < 15 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    number = number * 10 + static_cast<std::uint64_t>(text[digits] - '0');
  if (digits == 0) return std::nullopt;
  const std::string_view unit = text.substr(digits);
  for (const auto& [name, shift] : kUnits) {
    if (unit != name) continue;
    return number > (UINT64_MAX >> shift) ? std::nullopt : std::optional(number << shift);
  }
  return std::nullopt;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::pair<std::string_view, int> kUnits[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}};
  for (const auto& [name, shift] : kUnits) {
    if (bytes > 0 && bytes % (1ull << shift) == 0) return fmt::format("{}{}", bytes >> shift, name);
  }
  return fmt::format("{}B", bytes);
}

bool is_whole_number(std::string_view text) {
  if (text.starts_with("-")) text.remove_prefix(1);
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && !text.empty() && text.size() <= 18 && (text.size() == 1 || text.front() != '0');
}

// At commas, without the spaces around each item.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    items.push_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

// The JSON of a variable's or flag's text; nothing where it cannot be of that form.
std::optional<std::string> to_json(Settings::Form form, std::string_view text) {
  JsonWriter json;
  switch (form) {
    case Settings::Form::Number: return is_whole_number(text) ? std::optional(std::string(text)) : std::nullopt;
    case Settings::Form::Boolean:
      return text == "true" || text == "false" ? std::optional(std::string(text)) : std::nullopt;
    case Settings::Form::NumberOrText:
      if (is_whole_number(text)) return std::string(text);
      [[fallthrough]];
    case Settings::Form::Text: return json.value(text).take();
    case Settings::Form::Map: {
      bool whole = true;
      json.object([&] {
        for (const std::string_view item : split(text)) {
          const std::size_t equals = item.find('=');
          whole = whole && equals != std::string_view::npos;
          if (whole) json.member(item.substr(0, equals), item.substr(equals + 1));
        }
      });
      return whole ? std::optional(json.take()) : std::nullopt;
    }
    case Settings::Form::List:
      json.array([&] {
        for (const std::string_view item : split(text)) json.value(item);
      });
      return json.take();
  }
  CHECK(false);
}

std::string expected_form(Settings::Form form) {
  if (form == Settings::Form::Map) return "pairs like zone=eu,gpu=true";
  return form == Settings::Form::Number ? "a whole number" : "true or false";
}

}  // namespace

std::optional<int> one_of(const JsonValue& value, const std::vector<std::pair<std::string_view, int>>& words) {
  const auto text = value.text();
  if (!text) return std::nullopt;
  std::vector<std::string_view> known;
  std::string expected;
  for (const auto& [word, number] : words) {
    if (word == *text) return number;
    known.push_back(word);
    expected += (expected.empty() ? "" : " or ") + fmt::format("\"{}\"", word);
  }
  value.refuse(fmt::format("expected {}, found {}", expected, quoted(*text)),
               std::string(domain::nearest(*text, known)));
  return std::nullopt;
}

Settings::Key& Settings::key(std::string path, Form form, Read read, Show show) {
  CHECK(find(path) == nullptr);
  return keys_.emplace_back(
      Key{.path = std::move(path), .form = form, .read = std::move(read), .show = std::move(show)});
}

Settings::Key& Settings::text(std::string path, std::string& into, std::size_t bytes_max) {
  const auto take = [&into, bytes_max](const JsonValue& value) {
    const auto text = value.text();
    if (!text) return;
    if (text->size() > bytes_max || text->find('\0') != std::string_view::npos)
      return value.refuse(fmt::format("expected a text of at most {} bytes without U+0000", bytes_max));
    into = *text;
  };
  return key(std::move(path), Form::Text, take, [&into](JsonWriter& json) { json.value(into); });
}

Settings::Key& Settings::boolean(std::string path, bool& into) {
  const auto take = [&into](const JsonValue& value) { into = value.boolean().value_or(into); };
  return key(std::move(path), Form::Boolean, take, [&into](JsonWriter& json) { json.value(into); });
}

Settings::Key& Settings::texts(std::string path, std::vector<std::string>& into, std::size_t count_max) {
  const auto take = [&into, count_max](const JsonValue& value) {
    into.clear();
    for (const JsonValue& element : value.elements()) into.emplace_back(element.text().value_or(""));
    if (into.size() > count_max)
      value.refuse(fmt::format("expected at most {} texts, found {}", count_max, into.size()));
  };
  const auto show = [&into](JsonWriter& json) {
    json.array([&] {
      for (const std::string& text : into) json.value(text);
    });
  };
  return key(std::move(path), Form::List, take, show);
}

Settings::Key& Settings::text_map(std::string path, std::map<std::string, std::string>& into, std::size_t count_max) {
  const auto take = [&into, count_max](const JsonValue& value) {
    into.clear();
    for (const JsonValue& member : value.members()) into[std::string(member.key())] = member.text().value_or("");
    if (into.size() > count_max)
      value.refuse(fmt::format("expected at most {} entries, found {}", count_max, into.size()));
  };
  const auto show = [&into](JsonWriter& json) {
    json.object([&] {
      for (const auto& [name, text] : into) json.member(name, text);
    });
  };
  return key(std::move(path), Form::Map, take, show);
}

Settings::Key& Settings::secret(std::string path, std::string& into, std::string instead) {
  Key& key = text(path, into, 4096);
  key.show = [&into](JsonWriter& json) { json.value(into.empty() ? "" : "***"); };
  // Files and command lines are read by others.
  key.read = [this, path, variable = variable_of(path), instead = std::move(instead),
              take = std::move(key.read)](const JsonValue& value) {
    const bool empty = value.kind() == JsonKind::Text && value.text()->empty();
    if (find(path)->source == variable) return take(value);
    if (!empty)
      value.refuse(
          fmt::format("is a secret and taken from the variable {} alone; here {} may name a file that holds it",
                      variable, instead));
  };
  return key;
}

Settings::Key& Settings::uri(std::string path, std::string& into, std::size_t bytes_max) {
  Key& key = text(std::move(path), into, bytes_max);
  key.show = [&into](JsonWriter& json) { json.value(masked(into)); };
  return key;
}

Settings::Key& Settings::duration(std::string path, milliseconds& into, milliseconds least, milliseconds most) {
  const auto take = [&into, least, most](const JsonValue& value) { into = value.duration(least, most).value_or(into); };
  return key(std::move(path), Form::Text, take, [&into](JsonWriter& json) { json.value(to_text(into)); });
}

Settings::Key& Settings::ms(std::string path, milliseconds& into, milliseconds least, milliseconds most) {
  const auto take = [&into, least, most](const JsonValue& value) {
    if (value.kind() != JsonKind::Number) {
      into = value.duration(least, most).value_or(into);
    } else if (const auto number = value.integer(least.count(), most.count())) {
      into = milliseconds(*number);
    }
  };
  return key(std::move(path), Form::NumberOrText, take, [&into](JsonWriter& json) { json.value(into.count()); });
}

Settings::Key& Settings::bytes(std::string path, std::uint64_t& into, std::uint64_t least, std::uint64_t most) {
  const auto take = [&into, least, most](const JsonValue& value) {
    std::optional<std::uint64_t> bytes;
    if (value.kind() == JsonKind::Number) {
      const auto number = value.integer(static_cast<std::int64_t>(least), static_cast<std::int64_t>(most));
      if (!number) return;
      bytes = static_cast<std::uint64_t>(*number);
    } else if (value.kind() == JsonKind::Text) {
      bytes = parse_bytes(*value.text());
    }
    if (!bytes || *bytes < least || *bytes > most)
      return value.refuse(
          fmt::format(R"(expected bytes like 4096 or "2GiB", from {} to {})", bytes_text(least), bytes_text(most)));
    into = *bytes;
  };
  return key(std::move(path), Form::NumberOrText, take, [&into](JsonWriter& json) { json.value(bytes_text(into)); });
}

Settings::Key& Settings::unused(std::string path, Form form) {
  const auto take = [form](const JsonValue& value) {
    if (form == Form::Number) {
      (void)value.integer(INT64_MIN, INT64_MAX);
    } else if (form == Form::List) {
      for (const JsonValue& element : value.elements()) (void)element.text();
    } else {
      (void)value.text();
    }
  };
  return key(std::move(path), form, take, nullptr);
}

void Settings::read(const Sources& sources) {
  if (!sources.file_name.empty()) read_file(sources);
  read_variables(sources);
  for (const Override& override : sources.overrides) {
    Key* key = find(override.key);
    if (key != nullptr) {
      read_text(*key, override.key, override.flag, override.value);
      continue;
    }
    std::vector<std::string_view> known;
    for (const Key& other : keys_) known.push_back(other.path);
    mistakes_.add(
        {override.flag, {override.key, 0, 0, "unknown key", std::string(domain::nearest(override.key, known))}});
  }
}

void Settings::read_file(const Sources& sources) {
  const domain::DocumentErrors errors =
      domain::read_json(sources.file_text, {kFileBytesMax, domain::JsonComments::Allowed},
                        [&](const JsonValue& root) { read_members(sources, root, ""); });
  for (FieldError error : errors.errors()) {
    if (error.pointer.starts_with('/')) error.pointer.erase(0, 1);
    std::replace(error.pointer.begin(), error.pointer.end(), '/', '.');
    mistakes_.add({sources.file_name, std::move(error)});
  }
}

void Settings::read_members(const Sources& sources, const JsonValue& object, const std::string& prefix) {
  for (const JsonValue& member : object.members()) {
    const std::string path = prefix + std::string(member.key());
    if (Key* key = find(path)) {
      if (!key->source.empty())
        member.refuse(fmt::format("is set a second time, first at line {} under another name", key->line));
      key->source = sources.file_name;
      key->name = path;
      key->line = member.line();
      key->column = member.column();
      if (!key->show) key->given = compact(member);
      key->read(member);
    } else if (prefix.empty() && is_section(path)) {
      read_members(sources, member, path + ".");
    } else if (!is_comment(member)) {
      member.refuse_key(known_under(prefix));
    }
  }
}

void Settings::read_variables(const Sources& sources) {
  for (const auto& [variable, text] : sources.environment) {
    if (!std::string_view(variable).starts_with(kPrefix) || is_foreign(variable)) continue;
    const auto name_in = [&wanted = variable](const Key& key) -> std::string_view {
      if (variable_of(key.path) == wanted) return key.path;
      for (const std::string& alias : key.aliases) {
        if (variable_of(alias) == wanted) return alias;
      }
      return {};
    };
    const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return !name_in(k).empty(); });
    if (key != keys_.end()) {
      read_text(*key, std::string(name_in(*key)), variable, text);
      continue;
    }
    std::vector<std::string> names;
    for (const Key& other : keys_) names.push_back(variable_of(other.path));
    const std::string_view meant = domain::nearest(variable, {names.begin(), names.end()});
    mistakes_.add({variable, {"", 0, 0, "no setting has this variable", std::string(meant)}});
  }
}

void Settings::read_text(Key& key, const std::string& name, const std::string& source, const std::string& text) {
  const auto note = [&](FieldError error) {
    error.pointer = key.path;
    error.line = error.column = 0;
    mistakes_.add({source, std::move(error)});
  };
  key.source = source;
  key.name = name;
  key.line = key.column = 0;
  const auto json = to_json(key.form, text);
  if (!json) return note({"", 0, 0, fmt::format("expected {}, found {}", expected_form(key.form), quoted(text)), ""});
  if (!key.show) key.given = *json;
  const auto errors = domain::read_json(*json, {}, [&](const JsonValue& root) { key.read(root); });
  for (const FieldError& error : errors.errors()) note(error);
}

void Settings::refuse(std::string_view path, std::string message) {
  const Key* key = find(path);
  CHECK(key != nullptr);
  mistakes_.add({key->source, {key->path, key->line, key->column, std::move(message), ""}});
}

bool Settings::has_value(std::string_view path) {
  const Key* key = find(path);
  CHECK(key != nullptr);
  return !key->source.empty();
}

void Settings::note(std::string_view name, std::string_view sentence) {
  const Key* key = find(name);
  CHECK(key != nullptr);
  if (key->name != name) return;
  std::string place = key->source;
  if (key->line > 0) place += fmt::format(":{}:{}", key->line, key->column);
  notes_.push_back(fmt::format("{}: {}: {}", place, name, sentence));
}

Settings::Key* Settings::find(std::string_view path) {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const Key& key) {
    return key.path == path || std::find(key.aliases.begin(), key.aliases.end(), path) != key.aliases.end();
  });
  return found == keys_.end() ? nullptr : &*found;
}

bool Settings::is_section(std::string_view name) const {
  const std::string prefix = std::string(name) + ".";
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) {
    return key.path.starts_with(prefix) || std::any_of(key.aliases.begin(), key.aliases.end(),
                                                       [&](const auto& alias) { return alias.starts_with(prefix); });
  });
}

std::vector<std::string_view> Settings::known_under(std::string_view prefix) const {
  std::vector<std::string_view> known;
  const auto add = [&](std::string_view path) {
    if (!path.starts_with(prefix)) return;
    const std::string_view rest = path.substr(prefix.size());
    known.push_back(rest.substr(0, rest.find('.')));
  };
  for (const Key& key : keys_) {
    add(key.path);
    for (const std::string& alias : key.aliases) add(alias);
  }
  return known;
}

std::string Settings::value_of(const Key& key) const {
  if (!key.show) return masked(key.given);
  JsonWriter json;
  key.show(json);
  return json.take();
}

std::string Settings::origin_of(const Key& key) const {
  std::string origin = key.source.empty() ? "default" : key.source;
  if (key.line > 0) origin += fmt::format(":{}", key.line);
  return key.show ? origin : fmt::format("{}; not used by {}", origin, role_);
}

std::string Settings::printed() const {
  std::vector<const Key*> keys;
  for (const Key& key : keys_) {
    if (key.show || !key.source.empty()) keys.push_back(&key);
  }
  const auto section_of = [&](std::size_t i) {
    const std::size_t dot = i < keys.size() ? keys[i]->path.find('.') : std::string::npos;
    return dot == std::string::npos ? std::string() : keys[i]->path.substr(0, dot);
  };
  std::string text = "{\n";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string section = section_of(i);
    const bool last = i + 1 == keys.size();
    const bool first_inside = !section.empty() && (i == 0 || section_of(i - 1) != section);
    const bool last_inside = !section.empty() && section_of(i + 1) != section;
    if (first_inside) text += fmt::format("  \"{}\": {{\n", section);
    const std::string_view name =
        section.empty() ? keys[i]->path : std::string_view(keys[i]->path).substr(section.size() + 1);
    text += fmt::format("{}\"{}\": {}{}  // {}\n", section.empty() ? "  " : "    ", name, value_of(*keys[i]),
                        last || last_inside ? "" : ",", origin_of(*keys[i]));
    if (last_inside) text += last ? "  }\n" : "  },\n";
  }
  return text + "}\n";
}

}  // namespace cronfleet::config

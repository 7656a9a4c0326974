// config/settings.h: the keys of one role, each bound to the member it fills. Declared once per load (config/keys.cc);
// reads the sources into the members, remembers where each value came from, and prints them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"
#include "domain/json_reader.h"
#include "domain/json_writer.h"

namespace cronfleet::config {

using domain::JsonValue;

// The number of the word that `value` is; notes the mistake, with the nearest word, where it is none of them.
std::optional<int> one_of(const JsonValue& value, const std::vector<std::pair<std::string_view, int>>& words);

class Settings {
 public:
  explicit Settings(std::string role) : role_(std::move(role)) {}

  // How the text of a variable or flag becomes JSON.
  enum class Form { Text, Number, Boolean, List, Map, NumberOrText };
  using Read = std::function<void(const JsonValue&)>;
  using Show = std::function<void(domain::JsonWriter&)>;

  struct Key {
    std::string path;
    Form form;
    Read read;  // takes the value, or notes a mistake on it
    Show show;  // writes the member; absent: a key without effect in this role, shown as it was given
    std::vector<std::string> aliases{};
    std::string source{};  // where the value came from; empty: the default
    std::string name{};    // under which it was given: its path or an alias
    int line = 0, column = 0;
    std::string given{};  // of a key without effect: the JSON it had

    Key& alias(std::string other) {
      aliases.push_back(std::move(other));
      return *this;
    }
  };
  // Keys of one section must follow each other; the reference stays valid only until the next key is declared.
  Key& key(std::string path, Form form, Read read, Show show);

  Key& text(std::string path, std::string& into, std::size_t bytes_max);
  Key& boolean(std::string path, bool& into);
  Key& texts(std::string path, std::vector<std::string>& into, std::size_t count_max);
  Key& text_map(std::string path, std::map<std::string, std::string>& into, std::size_t count_max);  // or "a=1,b=2"
  // Taken from the environment alone, and shown as ***. `instead`: the key that a file may have.
  Key& secret(std::string path, std::string& into, std::string instead);
  // A text in which a password (scheme://user:password@host) is shown as ***.
  Key& uri(std::string path, std::string& into, std::size_t bytes_max);
  Key& duration(std::string path, milliseconds& into, milliseconds least, milliseconds most);
  // A number means milliseconds, as in the reference; our own form works as well.
  Key& ms(std::string path, milliseconds& into, milliseconds least, milliseconds most);
  Key& bytes(std::string path, std::uint64_t& into, std::uint64_t least, std::uint64_t most);  // 4096 or "2GiB"
  template <typename Integer>
  Key& integer(std::string path, Integer& into, std::int64_t least, std::int64_t most) {
    return key(
        std::move(path), Form::Number,
        [&into, least, most](const JsonValue& value) {
          if (const auto number = value.integer(least, most)) into = static_cast<Integer>(*number);
        },
        [&into](domain::JsonWriter& json) { json.value(into); });
  }
  template <typename Enum>
  Key& word(std::string path, Enum& into, std::vector<std::pair<std::string_view, Enum>> words);
  // A key of the reference that this role has no use for.
  Key& unused(std::string path, Form form);

  void read(const Sources& sources);
  // Notes a mistake about a value that was read: at its place, if it has one.
  void refuse(std::string_view path, std::string message);
  bool has_value(std::string_view path);  // from a source, not by default
  // A sentence for whoever gave this key under this very name; nothing where nobody did.
  void note(std::string_view name, std::string_view sentence);

  Mistakes take_mistakes() { return std::move(mistakes_); }
  std::vector<std::string> take_notes() { return std::move(notes_); }
  std::string printed() const;

 private:
  void read_file(const Sources& sources);
  void read_members(const Sources& sources, const JsonValue& object, const std::string& prefix);
  void read_variables(const Sources& sources);
  void read_text(Key& key, const std::string& name, const std::string& source, const std::string& text);
  Key* find(std::string_view path);
  bool is_section(std::string_view name) const;
  std::vector<std::string_view> known_under(std::string_view prefix) const;
  std::string value_of(const Key& key) const;
  std::string origin_of(const Key& key) const;

  std::string role_;
  std::vector<Key> keys_;
  Mistakes mistakes_;
  std::vector<std::string> notes_;
};

template <typename Enum>
Settings::Key& Settings::word(std::string path, Enum& into, std::vector<std::pair<std::string_view, Enum>> words) {
  std::vector<std::pair<std::string_view, int>> numbered;
  for (const auto& [word, value] : words) numbered.emplace_back(word, static_cast<int>(value));
  const auto show = [&into, words](domain::JsonWriter& json) {
    for (const auto& [word, value] : words) {
      if (value == into) return static_cast<void>(json.value(word));
    }
  };
  const auto read = [&into, numbered](const JsonValue& value) {
    if (const auto chosen = one_of(value, numbered)) into = static_cast<Enum>(*chosen);
  };
  return key(std::move(path), Form::Text, read, show);
}

}  // namespace cronfleet::config

#include "base/sentence_forms.h"

#include <vector>

namespace cronfleet {
namespace {

struct Match {
  std::vector<std::string_view> parts;
  std::vector<bool> said;  // in Chinese too
};

// `form` against the whole of `sentence`, each place as short as it can be.
bool match(std::string_view form, std::string_view sentence, Match& found) {
  bool in_place = false;
  for (;;) {
    const auto open = form.find('{');
    const bool place =
        open != std::string_view::npos && (form.substr(open, 2) == "{}" || form.substr(open, 3) == "{*}");
    const std::string_view literal = place ? form.substr(0, open) : form;
    std::size_t at = 0;
    if (!in_place) {
      if (!sentence.starts_with(literal)) return false;
    } else if (!place) {
      if (!sentence.ends_with(literal)) return false;
      at = sentence.size() - literal.size();
    } else {
      // A value may be empty, but rather is not: it may begin with what comes after it.
      at = sentence.find(literal, 1);
      if (at == std::string_view::npos) at = sentence.starts_with(literal) ? 0 : at;
      if (at == std::string_view::npos) return false;
    }
    if (in_place) found.parts.push_back(sentence.substr(0, at));
    sentence.remove_prefix(at + literal.size());
    if (!place) return sentence.empty();
    const bool said = form[open + 1] == '*';
    found.said.push_back(said);
    form.remove_prefix(open + (said ? 3 : 2));
    in_place = true;
  }
}

}  // namespace

std::optional<std::string> said_in(std::span<const SentenceForm> forms, std::string_view sentence,
                                   const std::function<std::string(std::string_view)>& said) {
  for (const SentenceForm& form : forms) {
    Match found;
    if (!match(form.english, sentence, found)) continue;
    std::string text;
    for (std::size_t i = 0; i < form.chinese.size(); ++i) {
      const bool place = form.chinese[i] == '{' && i + 2 < form.chinese.size() && form.chinese[i + 2] == '}';
      if (!place) {
        text += form.chinese[i];
        continue;
      }
      const auto index = static_cast<std::size_t>(form.chinese[i + 1] - '0');
      text += found.said[index] ? said(found.parts[index]) : std::string(found.parts[index]);
      i += 2;
    }
    return text;
  }
  return std::nullopt;
}

}  // namespace cronfleet

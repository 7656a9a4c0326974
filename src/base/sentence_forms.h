// base/sentence_forms.h: finished English sentences, said again in Chinese.
//
// What finds a mistake says so in English and knows nothing of languages; whoever shows it recognises the sentence by
// its form. In the English of a form {} stands for a name or a value, which stays as it is, and {*} for words that are
// said in Chinese too. In the Chinese {0}, {1}, … are what the first, the second, … stood for.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cronfleet {

struct SentenceForm {
  std::string_view english, chinese;
};

// By the first form that fits; nothing where none does. `said` says what a {*} stands for.
std::optional<std::string> said_in(std::span<const SentenceForm> forms, std::string_view sentence,
                                   const std::function<std::string(std::string_view)>& said);

}  // namespace cronfleet

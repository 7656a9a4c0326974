// api/problem_words.h: refusals in the language that the client asked for (API-3: Accept-Language localises the detail
// alone).
//
// Everything below the API says in English what is wrong. Here the finished sentence is recognised by its form and said
// again in Chinese, with the names and values in it as they are; one without a form here stays English. So the many
// places that find mistakes know nothing of languages, and titles, codes and pointers are the same for everybody.
#pragma once

#include <string>
#include <string_view>

#include "api/problem.h"

namespace cronfleet::api {

enum class Language { English, Chinese };

// What Accept-Language likes best of the two, by its weights; English where it says nothing of either.
Language language_of(const Request& request);

// The sentence in Chinese, or as it is where it has no form here.
std::string in_chinese(std::string_view sentence);

Problem localised(Problem problem, Language language);

}  // namespace cronfleet::api

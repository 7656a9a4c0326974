// Every sentence of the client has its Chinese.
#include "cli/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

namespace cronfleet::cli {
namespace {

std::string source_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The sentences handed to words() in `source`, escapes undone.
std::vector<std::string> sentences_of(const std::string& source) {
  std::vector<std::string> all;
  const std::string mark = "words(";
  for (auto at = source.find(mark); at != std::string::npos; at = source.find(mark, at + 1)) {
    std::string sentence;
    std::size_t i = at + mark.size();
    const auto skip = [&] {
      while (i < source.size() && (source[i] == ' ' || source[i] == '\n')) ++i;
    };
    for (skip(); i < source.size() && source[i] == '"'; skip()) {
      for (++i; i < source.size() && source[i] != '"'; ++i) {
        if (source[i] != '\\') {
          sentence += source[i];
          continue;
        }
        ++i;
        sentence += source[i] == 'n' ? '\n' : source[i];
      }
      ++i;
    }
    if (!sentence.empty()) all.push_back(sentence);
  }
  return all;
}

std::size_t places(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text.substr(i, 2) == "{{") {
      ++i;
    } else if (text[i] == '{') {
      ++count;
    }
  }
  return count;
}

// Letters that are read by people, and not only a path or a form.
bool says_something(const std::string& sentence) {
  static const std::regex kWords("[a-z]{2,} [a-z]{2,}");
  return std::regex_search(sentence, kWords);
}

TEST(Words, EverySentenceHasItsChinese) {
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("src/cli")) {
    if (entry.path().extension() != ".cc" || entry.path().string().ends_with("_test.cc")) continue;
    for (const std::string& sentence : sentences_of(source_of(entry.path()))) {
      if (!says_something(sentence)) continue;
      ++found;
      EXPECT_EQ(chinese().count(sentence), 1u) << entry.path() << ": " << sentence;
    }
  }
  EXPECT_GT(found, 60u);
}

TEST(Words, TheChineseHasTheSamePlaces) {
  for (const auto& [english, translated] : chinese()) EXPECT_EQ(places(english), places(translated)) << english;
}

TEST(Words, TheFirstVariableThatIsSetCounts) {
  EXPECT_EQ(language_of("", "", ""), Language::English);
  EXPECT_EQ(language_of("", "", "zh_CN.UTF-8"), Language::Chinese);
  EXPECT_EQ(language_of("", "zh_TW", "en_US.UTF-8"), Language::Chinese);
  EXPECT_EQ(language_of("C.UTF-8", "zh_CN", "zh_CN"), Language::English);
}

}  // namespace
}  // namespace cronfleet::cli

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

// The text literal that begins at `at`, with those right behind it; escapes undone. Empty where there is none.
std::string literal_at(const std::string& source, std::size_t at) {
  std::string text;
  const auto skip = [&] {
    while (at < source.size() && (source[at] == ' ' || source[at] == '\n')) ++at;
  };
  for (skip(); at < source.size() && (source.compare(at, 1, "\"") == 0 || source.compare(at, 3, "R\"(") == 0); skip()) {
    if (source[at] == 'R') {
      const auto end = source.find(")\"", at);
      text += source.substr(at + 3, end - at - 3);
      at = end + 2;
      continue;
    }
    for (++at; at < source.size() && source[at] != '"'; ++at) {
      if (source[at] == '\\') ++at;
      text += source[at] == 'n' && source[at - 1] == '\\' ? '\n' : source[at];
    }
    ++at;
  }
  return text;
}

// The sentences that come first after `mark`, as "words(".
std::vector<std::string> sentences_of(const std::string& source, const std::string& mark = "words(") {
  std::vector<std::string> all;
  for (auto at = source.find(mark); at != std::string::npos; at = source.find(mark, at + 1)) {
    std::string sentence = literal_at(source, at + mark.size());
    if (!sentence.empty()) all.push_back(std::move(sentence));
  }
  return all;
}

// All literals, without those of comments and includes.
std::vector<std::string> literals_of(const std::string& source) {
  std::string code;
  std::istringstream lines(source);
  for (std::string line; std::getline(lines, line);)
    if (const auto comment = line.find("// "); !line.starts_with("#include")) code += line.substr(0, comment) + "\n";
  static const std::regex kLiteral(R"---(R"\((?:[^)]|\)(?!"))*\)"|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.)')---");
  std::vector<std::string> all;
  std::size_t end = 0;  // of what literal_at has taken
  for (std::sregex_iterator found(code.begin(), code.end(), kLiteral), none; found != none; ++found) {
    const auto at = static_cast<std::size_t>(found->position());
    const bool goes_on = end != 0 && code.find_first_not_of(" \n", end) == at;
    end = at + static_cast<std::size_t>(found->length());
    if (code[at] != '\'' && !goes_on) all.push_back(literal_at(code, at));
  }
  return all;
}

// A sentence with something in each place of its form.
std::string filled(const std::string& form) {
  return std::regex_replace(std::regex_replace(form, std::regex("\\{[^{}]*\\}"), "7"), std::regex("\\{\\{|\\}\\}"),
                            "x");
}

bool is_chinese(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xe3; });
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
  for (const char* folder : {"src/cli", "src/apps"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string path = entry.path().string();
      if (!(path.ends_with(".cc") || path.ends_with(".h")) || path.ends_with("_test.cc")) continue;
      for (const std::string& sentence : sentences_of(source_of(entry.path()))) {
        if (!says_something(sentence)) continue;
        ++found;
        EXPECT_EQ(chinese().count(sentence), 1u) << entry.path() << ": " << sentence;
      }
    }
  }
  EXPECT_GT(found, 200u);
}

// Whatever doctor says goes through words(), and what it looks at has its Chinese too.
TEST(Words, DoctorSaysNothingInEnglishAlone) {
  std::size_t found = 0;
  for (const char* path : {"src/apps/doctor_command.cc", "src/apps/doctor_machine.cc"}) {
    const std::string source = source_of(path);
    for (const std::string& form : sentences_of(source, "fmt::format(")) EXPECT_FALSE(says_something(form)) << form;
    for (const char* mark : {"findings.ok(", "findings.warn(", "findings.red("})
      for (const std::string& what : sentences_of(source, mark)) {
        ++found;
        EXPECT_TRUE(what == "shell" || is_chinese(said_in_chinese(what))) << path << ": " << what;
      }
    for (const std::string& text : literals_of(source)) {
      if (!says_something(text) || text.find("Examples:") != std::string::npos) continue;
      EXPECT_TRUE(chinese().count(text) == 1 || is_chinese(said_in_chinese(text)) || text == "SQLite format 3")
          << path << ": " << text;
    }
  }
  EXPECT_GT(found, 40u);
}

// What is found below the command line is said in English there, and recognised by its form.
TEST(Words, EverySentenceFromBelowHasItsChinese) {
  std::size_t found = 0;
  for (const char* path : {"src/crontab/crontab.cc", "src/crontab/translate.cc", "src/crontab/vixie_fields.cc",
                           "src/config/keys.cc", "src/config/load.cc", "src/config/settings.cc",
                           "src/apps/data_folder.cc", "src/apps/folder_owner.cc", "src/coord/sqlite/folder_lock.cc"}) {
    for (const std::string& form : literals_of(source_of(path))) {
      // Parts of a longer sentence, and what the code does.
      if (!says_something(form) || form.starts_with("make the ") || form.starts_with("look at ") ||
          form.find("; not used by") != std::string::npos || form == "pairs like zone=eu,gpu=true")
        continue;
      ++found;
      const bool is_field = form.starts_with("day of ");
      const std::string sentence = filled(is_field ? form + ": {}" : form);
      EXPECT_TRUE(is_chinese(said_in_chinese(sentence))) << path << ": " << sentence;
    }
  }
  EXPECT_GT(found, 70u);
}

TEST(Words, WhatServicesLogHasItsChinese) {
  std::size_t found = 0;
  for (const char* folder : {"src/apps", "src/runtime"})
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".cc" || entry.path().string().ends_with("_test.cc")) continue;
      const std::string source = source_of(entry.path());
      for (std::string level : {"Debug", "Info", "Warn", "Error"})
        for (const std::string& what : sentences_of(source, "Level::" + level + ",")) {
          ++found;
          EXPECT_TRUE(what == "grpc" || what == "mongodb" || is_chinese(said_in_chinese(what)))
              << entry.path() << ": " << what;
        }
    }
  EXPECT_GT(found, 30u);
}

TEST(Words, FinishedSentencesKeepTheirValuesAndPlaces) {
  const std::pair<const char*, const char*> cases[] = {
      {"minute: 99 is out of range 0-59", "分钟：99 超出范围 0-59"},
      {"hour 24 is out of range 0-23 (field 2, column 3)", "小时 24 超出范围 0-23（第 2 个字段，第 3 列）"},
      {"master.json:3:14: http.prt: unknown key; did you mean 'http.port'?",
       "master.json:3:14：http.prt：未知的键；您是想写 'http.port' 吗？"},
      {"the data folder '/x' is in use by process 7, started 2026-03-01T00:00:00Z: one process per folder",
       "数据目录 '/x' 正由进程 7（启动于 2026-03-01T00:00:00Z）使用：每个目录只能有一个进程"},
      {"nothing: of ours", "nothing: of ours"},
  };
  for (const auto& [english, want] : cases) EXPECT_EQ(said_in_chinese(english), want);
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

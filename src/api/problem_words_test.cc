#include "api/problem_words.h"

#include <gtest/gtest.h>

namespace cronfleet::api {
namespace {

Language language(const char* accept) {
  Request request;
  if (accept != nullptr) request.headers.add("Accept-Language", accept);
  return language_of(request);
}

TEST(Language, IsTheOneThatTheClientLikesBetter) {
  struct Case {
    const char* accept;
    Language want;
  };
  const Case cases[] = {
      {nullptr, Language::English},
      {"", Language::English},
      {"zh", Language::Chinese},
      {"ZH-CN", Language::Chinese},
      {"zh-Hans-CN, zh;q=0.9, en;q=0.8", Language::Chinese},
      {"en-GB,en;q=0.9,zh;q=0.8", Language::English},
      {"en;q=0.3, zh;q=0.7", Language::Chinese},
      {"zh;q=0", Language::English},
      {"zh;q=x", Language::English},
      {"zh;q=", Language::English},
      {"fr, de;q=0.5", Language::English},
      {"fr, zh;q=0.1", Language::Chinese},
      {"*", Language::English},
      {"zhx", Language::English},
      {",,;,zh", Language::Chinese},
  };
  for (const Case& c : cases) EXPECT_EQ(language(c.accept), c.want) << (c.accept ? c.accept : "none");
}

TEST(InChinese, NamesAndValuesStayAsTheyAre) {
  const std::pair<const char*, const char*> cases[] = {
      {"no job 'nightly'", "没有任务 'nightly'"},
      {"no job 'no job 'x''", "没有任务 'no job 'x''"},
      {"no version 7 of job 'a b'", "任务 'a b' 没有版本 7"},
      {"no version 7 of job 'a' is kept", "没有保留任务 'a' 的版本 7"},
      {"query parameter 'limit': '0' is not a whole number from 1 to 500",
       "查询参数 'limit'：'0' 不是 1 到 500 的整数"},
      {"hour 24 is out of range 0-23 (field 2, column 3)", "小时 24 超出范围 0-23（第 2 个字段，第 3 列）"},
      {"'MOND' is not a day-of-week: use 0-7 or SUN-SAT (field 5, column 9)",
       "'MOND' 不是星期：请用 0-7 or SUN-SAT（第 5 个字段，第 9 列）"},
      {"expected a text, found an array", "应为文本，得到 数组"},
      {"expected a whole number from 0 to 100, found 101", "应为 0 到 100 的整数，得到 101"},
      {"'' is not an RFC 3339 time like 2026-03-01T02:00:00Z", "'' 不是 2026-03-01T02:00:00Z 这样的 RFC 3339 时间"},
      {"''' is not one of a, b", "''' 不在 a, b 之中"},
      {"a sentence of tomorrow", "a sentence of tomorrow"},
      {"", ""},
  };
  for (const auto& [english, chinese] : cases) EXPECT_EQ(in_chinese(english), chinese);
}

TEST(Localised, TheDetailAloneChanges) {
  const Problem english{
      .status = 422,
      .code = "invalid_document",
      .detail =
          "2 mistakes: /schedule (column 3): hour 24 is out of range 0-23 (field 2, column 3); /oner "
          "(line 4, column 3): unknown key; did you mean 'owner'?",
      .errors = {{.pointer = "/schedule", .column = 3, .detail = "hour 24 is out of range 0-23 (field 2, column 3)"},
                 {.pointer = "/oner", .line = 4, .column = 3, .detail = "unknown key", .suggestion = "owner"}}};
  const Problem chinese = localised(english, Language::Chinese);
  EXPECT_EQ(chinese.detail,
            "2 处错误：/schedule（第 3 列）：小时 24 超出范围 0-23（第 2 个字段，第 3 列）；/oner（第 4 行，第 3 "
            "列）：未知的键；您是想写 "
            "'owner' 吗？");
  EXPECT_EQ(chinese.errors[1].detail, "未知的键");
  EXPECT_EQ(chinese.errors[1].pointer, "/oner");
  EXPECT_EQ(chinese.status, english.status);
  EXPECT_EQ(chinese.code, english.code);
  EXPECT_EQ(chinese.headers.get("Content-Language"), "zh");
  EXPECT_EQ(localised(english, Language::English).detail, english.detail);
}

}  // namespace
}  // namespace cronfleet::api

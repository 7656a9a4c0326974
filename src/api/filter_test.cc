#include "api/filter.h"

#include <gtest/gtest.h>

#include "api/list_filters.h"

namespace cronfleet::api {
namespace {

const std::vector<FilterField> kFields = {{"state", FilterField::Kind::Word, {"failed", "lost"}},
                                          {"name"},
                                          {"label", FilterField::Kind::Label},
                                          {"next", FilterField::Kind::Duration},
                                          {"exit", FilterField::Kind::Number}};

TEST(Filter, TermsOfEveryKind) {
  const auto terms =
      parse_filter(R"( state:failed,lost label:team=db -name~Backup next<1h30m "db \"x\"" exit>-3 wörd )", kFields);
  ASSERT_TRUE(terms.has_value()) << terms.error().message;
  ASSERT_EQ(terms->size(), 7u);
  const auto& all = *terms;
  EXPECT_EQ(all[0].values, (std::vector<std::string>{"failed", "lost"}));
  EXPECT_EQ(all[1].values.front(), "team=db");
  EXPECT_TRUE(all[2].negated);
  EXPECT_EQ(all[2].op, FilterOperator::Contains);
  EXPECT_EQ(all[3].duration, std::chrono::minutes(90));
  EXPECT_EQ(all[3].op, FilterOperator::Below);
  EXPECT_EQ(all[4].values.front(), "db \"x\"");
  EXPECT_TRUE(all[4].field.empty());
  EXPECT_EQ(all[5].number, -3);
  EXPECT_EQ(all[6].values.front(), "wörd");
  EXPECT_TRUE(parse_filter("", kFields)->empty());
}

TEST(Filter, MistakesHaveAPlace) {
  struct Case {
    std::string text;
    int column, length;
    const char *says, *suggestion;
  };
  const Case kCases[] = {
      {"ab stat:failed", 4, 4, "unknown field 'stat'", "state"},
      {"é state:faild", 9, 5, "expected one of failed, lost", "failed"},
      {"state~failed", 6, 1, "takes :", ""},
      {"next<soon", 6, 4, "a duration", ""},
      {"next:1h", 5, 1, "takes < or >", ""},
      {"exit:x", 6, 1, "a whole number", ""},
      {"exit:1,2", 7, 1, "takes one value", ""},
      {"name~a,b", 7, 1, "takes one value", ""},
      {"label:=x", 7, 2, "the name of a label", ""},
      {"name:", 6, 0, "missing", ""},
      {"name:a,", 8, 0, "missing", ""},
      {"-", 2, 0, "missing", ""},
      {"\"open", 1, 5, "not closed", ""},
      {"\"a\"b", 4, 1, "space after the quotes", ""},
      {"a\"b\"", 2, 1, "around a whole value", ""},
      {"\xff", 1, 1, "UTF-8", ""},
      {std::string(1025, 'a'), 1, 1025, "1024 bytes", ""},
  };
  for (const Case& c : kCases) {
    const auto terms = parse_filter(c.text, kFields);
    ASSERT_FALSE(terms.has_value()) << c.text;
    EXPECT_EQ(terms.error().column, c.column) << c.text;
    EXPECT_EQ(terms.error().length, c.length) << c.text;
    EXPECT_NE(terms.error().message.find(c.says), std::string::npos) << c.text << ": " << terms.error().message;
    EXPECT_EQ(terms.error().suggestion, c.suggestion) << c.text;
  }
}

TEST(Filter, AtMostThirtyTwoTerms) {
  std::string text;
  for (int i = 0; i < 32; ++i) text += "a ";
  EXPECT_TRUE(parse_filter(text, kFields).has_value());
  EXPECT_FALSE(parse_filter(text + "a", kFields).has_value());
}

StoredJob stored(domain::Job job) {
  return {.name = job.name, .document = {}, .revision = 1, .job = job, .errors = {}};
}

TEST(JobFilter, WhatItTakes) {
  const WallTime now = from_seconds(1'800'000'000);
  domain::Job job;
  job.name = JobName("Nightly backup");
  job.command = "pg_dump main";
  job.schedule = "0 2 * * *";
  job.about.edit().owner = "ann";
  job.about.edit().labels = {{"team", "db"}, {"tier", "1"}};
  const WallTime next = now + std::chrono::minutes(30);
  const std::pair<const char*, bool> kCases[] = {
      {"", true},
      {"backup", true},
      {"PG_DUMP", true},
      {"restore", false},
      {"-restore", true},
      {"state:enabled", true},
      {"state:paused,disabled", false},
      {"label:team", true},
      {"label:team=db", true},
      {"label:team=web,tier=1", true},
      {"label:team=web", false},
      {"name~night owner:ann", true},
      {"name:night", false},
      {"name:\"Nightly backup\"", true},
      {"next<1h", true},
      {"next<30m", false},
      {"next>29m", true},
      {"zone:UTC", true},
      {"overlap:forbid -overlap:allow", true},
  };
  for (const auto& [text, want] : kCases) {
    Query query(QueryPairs{{"filter", text}});
    const JobFilter filter = JobFilter::take(query);
    ASSERT_FALSE(query.problem().has_value()) << text;
    EXPECT_EQ(filter.takes(stored(job), now) && filter.takes_next(next, now), want) << text;
  }
  Query soon(QueryPairs{{"filter", "next<1h"}}), not_soon(QueryPairs{{"filter", "-next<1h"}});
  EXPECT_FALSE(JobFilter::take(soon).takes_next({}, now)) << "a job that never fires";
  EXPECT_TRUE(JobFilter::take(not_soon).takes_next({}, now));
  const auto state = [&](const domain::Job& of, const char* text) {
    Query query(QueryPairs{{"filter", text}});
    return JobFilter::take(query).takes(stored(of), now);
  };
  domain::Job other = job;
  other.window.edit().paused_until = now + std::chrono::hours(1);
  EXPECT_TRUE(state(other, "state:paused"));
  other.window.edit().ends_at = now;
  EXPECT_TRUE(state(other, "state:ended"));
  other.enabled = false;
  EXPECT_TRUE(state(other, "state:disabled"));
  StoredJob unreadable{.name = job.name, .document = "x", .revision = 1, .job = {}, .errors = {}};
  Query query(QueryPairs{{"filter", "state:invalid backup"}});
  EXPECT_TRUE(JobFilter::take(query).takes(unreadable, now));
}

TEST(RunFilter, BecomesAQuery) {
  const WallTime now = from_seconds(1'800'000'000);
  Query query(QueryPairs{{"filter", "state:failed,lost job:nightly worker:w1 age<2h age>1h"}});
  history::RunQuery wanted;
  take_run_filter(query, now, wanted);
  ASSERT_FALSE(query.problem().has_value());
  EXPECT_EQ(wanted.job, JobName("nightly"));
  EXPECT_EQ(wanted.worker, NodeId("w1"));
  EXPECT_EQ(wanted.statuses, (std::vector{domain::RunStatus::Failed, domain::RunStatus::Lost}));
  EXPECT_EQ(wanted.from, now - std::chrono::hours(2));
  EXPECT_EQ(wanted.until, now - std::chrono::hours(1));
  for (const char* wrong : {"-state:failed", "word", "job~x"}) {
    Query asked(QueryPairs{{"filter", wrong}});
    history::RunQuery none;
    take_run_filter(asked, from_seconds(0), none);
    EXPECT_NE(asked.problem()->detail.find("takes state:, job:, worker:, age< and age>"), std::string::npos) << wrong;
  }
  for (const char* wrong : {"-state:failed", "word", "job~x", "job:a,b", "job:a job:b", "state:lost state:failed",
                            "age<1h age<2h", "job:a/b", "stat:lost"}) {
    Query again(QueryPairs{{"filter", wrong}});
    history::RunQuery ignored;
    take_run_filter(again, now, ignored);
    EXPECT_TRUE(again.problem().has_value()) << wrong;
  }
}

}  // namespace
}  // namespace cronfleet::api

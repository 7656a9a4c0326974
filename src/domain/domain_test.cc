#include <gtest/gtest.h>

#include "domain/job.h"
#include "domain/run.h"

namespace cronfleet::domain {
namespace {

TEST(JobName, RefusesByRule) {
  for (const std::string_view name : {"backup", "每晚备份", "a b", "x"}) EXPECT_TRUE(make_job_name(name)) << name;
  EXPECT_TRUE(make_job_name(std::string(128, 'x')));
  for (const std::string& name :
       {std::string(), std::string(129, 'x'), std::string(" a"), std::string("a/b"), std::string("a:b"),
        std::string("a%b"), std::string("a\nb"), std::string("\xff"), std::string("\xc0\x80"),
        std::string("\xed\xa0\x80"), std::string("."), std::string("..")}) {
    EXPECT_FALSE(make_job_name(name)) << name;
  }
}

TEST(RunId, ReadsWhatItWrites) {
  for (const std::string_view text : {"nightly@2026-03-01T02:00:00Z.1", "a b@r-7f3a.12", "x@2026-03-01T02:00:00.500Z.3",
                                      "每晚备份@2026-03-01T02:00:00Z.1"}) {
    const auto id = parse_run_id(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->text(), text);
  }
  EXPECT_TRUE(parse_run_id("a@r-1.1")->firing.which.index() == 1);
}

TEST(RunId, RefusesOtherForms) {
  for (const std::string_view text : {"", "a", "a@b", "a@.1", "a@b.0", "a@b.01", "a@b.-1", "@b.1", "a@b c.1", "a@b.1x",
                                      "a@2026-03-01T02:00:00+01:00.1", "a@b.99999999999"}) {
    EXPECT_FALSE(parse_run_id(text)) << text;
  }
}

TEST(Stamp, CoversWhatMovesFirings) {
  Job job;
  job.name = JobName("a");
  job.schedule = "0 2 * * *";
  job.since = from_ms(1000);
  job.stamp = stamp_of(job);
  EXPECT_TRUE(has_valid_stamp(job));
  Job other = job;
  other.about.edit().description = "changed";
  EXPECT_TRUE(has_valid_stamp(other));
  for (auto change :
       {+[](Job& j) { j.schedule = "0 3 * * *"; }, +[](Job& j) { j.time_zone = "UTC"; },
        +[](Job& j) { j.enabled = false; }, +[](Job& j) { j.since = from_ms(2000); },
        +[](Job& j) { j.window.edit().paused_until = from_ms(1); }, +[](Job& j) { j.name = JobName("b"); }}) {
    other = job;
    change(other);
    EXPECT_FALSE(has_valid_stamp(other));
  }
}

}  // namespace
}  // namespace cronfleet::domain

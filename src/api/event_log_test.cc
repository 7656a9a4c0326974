#include "api/event_log.h"

#include <gtest/gtest.h>

namespace cronfleet::api {
namespace {

class FixedTokens final : public TokenSource {
 public:
  explicit FixedTokens(std::string token) : token_(std::move(token)) {}
  std::string token() override { return token_; }

 private:
  const std::string token_;
};

std::string joined(const EventLog::Slice& slice) {
  std::string all;
  for (const auto& bytes : slice.events) all += *bytes;
  return all;
}

class EventLogTest : public ::testing::Test {
 protected:
  FixedTokens tokens_{"0123456789abcdef0123456789abcdef"};
  EventLog log_{tokens_, {.events = 4, .bytes = 1'000}};
};

TEST_F(EventLogTest, ReadsInOrderByTopic) {
  const auto start = log_.newest();
  log_.publish(Topic::Jobs, "job", "{}");
  log_.publish(Topic::Runs, "run", "{\"a\":1}");
  log_.publish(Topic::Jobs, "job_deleted", "{}");
  const auto jobs = log_.read(start, static_cast<Topics>(Topic::Jobs), 10, 1'000);
  EXPECT_EQ(joined(jobs), "id: 01234567.1\nevent: job\ndata: {}\n\nid: 01234567.3\nevent: job_deleted\ndata: {}\n\n");
  EXPECT_EQ(jobs.position, log_.newest());
  // What is of other topics only moves the position on.
  const auto none = log_.read(start, static_cast<Topics>(Topic::System), 10, 1'000);
  EXPECT_TRUE(none.events.empty());
  EXPECT_EQ(none.position, log_.newest());
  // All who listen share the bytes.
  EXPECT_EQ(log_.read(start, kAllTopics, 1, 1'000).events.front().get(), jobs.events.front().get());
}

TEST_F(EventLogTest, SlicesAreBounded) {
  const auto start = log_.newest();
  for (int i = 0; i < 4; ++i) log_.publish(Topic::Runs, "run", std::string(100, 'x'));
  const auto two = log_.read(start, kAllTopics, 2, 10'000);
  EXPECT_EQ(two.events.size(), 2u);
  EXPECT_EQ(two.position, start + 2);
  EXPECT_EQ(log_.read(start, kAllTopics, 10, 150).events.size(), 2u);  // the second one passes the limit
  EXPECT_EQ(log_.read(two.position, kAllTopics, 10, 10'000).events.size(), 2u);
}

TEST_F(EventLogTest, WhoFallsBehindMustLookAnew) {
  const auto start = log_.newest();
  for (int i = 0; i < 4; ++i) log_.publish(Topic::Runs, "run", "{}");
  EXPECT_FALSE(log_.read(start, kAllTopics, 10, 1'000).lost);
  log_.publish(Topic::Runs, "run", "{}");  // a fifth: the first is forgotten
  EXPECT_TRUE(log_.read(start, kAllTopics, 10, 1'000).lost);
  EXPECT_FALSE(log_.read(start + 1, kAllTopics, 10, 1'000).lost);
}

TEST_F(EventLogTest, BytesAreBoundedButTheNewestStays) {
  const auto start = log_.newest();
  log_.publish(Topic::Jobs, "job", "{}");
  log_.publish(Topic::Jobs, "job", std::string(5'000, 'x'));
  EXPECT_TRUE(log_.read(start, kAllTopics, 10, 1'000).lost);
  EXPECT_EQ(log_.read(start + 1, kAllTopics, 10, 1'000).events.size(), 1u);
}

TEST_F(EventLogTest, ResumesOnlyWhereNothingIsMissing) {
  log_.publish(Topic::Jobs, "job", "{}");
  log_.publish(Topic::Jobs, "job", "{}");
  EXPECT_EQ(log_.resume("01234567.0"), 0u);
  EXPECT_EQ(log_.resume("01234567.1"), 1u);
  EXPECT_EQ(log_.resume("01234567.2"), 2u);
  for (const char* text : {"01234567.3", "01234567.", "01234567", "01234567.-1", "01234567.1x", "01234567.1 ", "1", "",
                           "76543210.1", "01234567.99999999999999999999", "01234567x1"})
    EXPECT_FALSE(log_.resume(text)) << text;
  for (int i = 0; i < 4; ++i) log_.publish(Topic::Jobs, "job", "{}");
  EXPECT_FALSE(log_.resume("01234567.1"));
  EXPECT_EQ(log_.resume("01234567.2"), 2u);  // what comes after it is all there
}

TEST_F(EventLogTest, WhatIsForgottenReachesEvenTheNewestReader) {
  log_.publish(Topic::Jobs, "job", "{}");
  const auto newest = log_.newest();
  log_.forget();
  EXPECT_TRUE(log_.read(newest, kAllTopics, 10, 1'000).lost);
  EXPECT_FALSE(log_.resume("01234567.1"));
  EXPECT_FALSE(log_.read(log_.newest(), kAllTopics, 10, 1'000).lost);
  log_.publish(Topic::Jobs, "job", "{}");
  EXPECT_EQ(log_.read(log_.newest() - 1, kAllTopics, 10, 1'000).events.size(), 1u);
}

}  // namespace
}  // namespace cronfleet::api

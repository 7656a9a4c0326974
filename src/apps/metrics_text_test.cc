#include "apps/metrics_text.h"

#include <gtest/gtest.h>

namespace cronfleet::apps {
namespace {

TEST(MetricsText, FamiliesAndLabels) {
  MetricsText text;
  text.family("a_total", "counter", "Things.");
  text.sample(3, {{"status", "failed"}, {"why", "a \"b\" \\ c\nd"}});
  text.sample(1e9, {{"status", "lost"}});
  text.one("b", "gauge", "More.", 0.25);
  EXPECT_EQ(text.take(),
            "# HELP a_total Things.\n# TYPE a_total counter\n"
            "a_total{status=\"failed\",why=\"a \\\"b\\\" \\\\ c\\nd\"} 3\n"
            "a_total{status=\"lost\"} 1000000000\n"
            "# HELP b More.\n# TYPE b gauge\nb 0.25\n");
}

TEST(MetricsText, HistogramsAddUp) {
  Histogram histogram({0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 1.5, 2.0}) histogram.add(value);
  MetricsText text;
  text.family("h_seconds", "histogram", "Times.");
  text.samples(histogram);
  EXPECT_EQ(text.take(),
            "# HELP h_seconds Times.\n# TYPE h_seconds histogram\n"
            "h_seconds_bucket{le=\"0.1\"} 2\nh_seconds_bucket{le=\"1\"} 3\nh_seconds_bucket{le=\"+Inf\"} 5\n"
            "h_seconds_sum 4.15\nh_seconds_count 5\n");
}

}  // namespace
}  // namespace cronfleet::apps

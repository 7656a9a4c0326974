// apps/metrics_text.h: metrics as Prometheus reads them (text exposition format 0.0.4).
//
//   text.family("cronfleet_runs_total", "counter", "Runs by verdict.");
//   text.sample(12, {{"status", "failed"}});
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/histogram.h"

namespace cronfleet::apps {

class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  // What the samples that follow belong to; `type`: counter, gauge, histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(double value, const Labels& labels = {});
  void samples(const Histogram& histogram);
  // A family of one sample.
  void one(std::string_view name, std::string_view type, std::string_view help, double value) {
    family(name, type, help);
    sample(value);
  }
  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, double value, const Labels& labels);

  std::string text_, name_;
};

}  // namespace cronfleet::apps

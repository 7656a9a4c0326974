#include "apps/metrics_text.h"

#include <fmt/format.h>

namespace cronfleet::apps {
namespace {

void escape_into(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsText::sample(double value, const Labels& labels) { line("", value, labels); }

void MetricsText::line(std::string_view suffix, double value, const Labels& labels) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const auto& [name, content] : labels) {
    text_ += std::exchange(before, ',');
    text_.append(name).append("=\"");
    escape_into(text_, content);
    text_ += '"';
  }
  if (before == ',') text_ += '}';
  // Shortest text that reads back the same; whole numbers without a point.
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricsText::samples(const Histogram& histogram) {
  std::uint64_t up_to = 0;
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    up_to += histogram.counts()[i];
    line("_bucket", static_cast<double>(up_to), {{"le", fmt::format("{}", histogram.bounds()[i])}});
  }
  line("_bucket", static_cast<double>(histogram.count()), {{"le", "+Inf"}});
  line("_sum", histogram.sum(), {});
  line("_count", static_cast<double>(histogram.count()), {});
}

}  // namespace cronfleet::apps

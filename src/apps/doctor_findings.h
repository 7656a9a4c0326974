// apps/doctor_findings.h: what `cronfleet doctor` has found, a line each: what is well, what to watch, what to do.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "cli/terminal.h"
#include "cli/words.h"
#include "config/options.h"

namespace cronfleet::apps {

// What has been found, a line each.
class Findings {
 public:
  void ok(std::string_view what, const std::string& text) { line("ok", what, text); }
  void warn(std::string_view what, const std::string& text, const std::string& action) {
    line("warning", what, cli::words("{}: {}", text, action));
  }
  void red(std::string_view what, const std::string& text, const std::string& action) {
    ++red_;
    line("RED", what, cli::words("{}: {}", text, action));
  }
  int red_lines() const { return red_; }

 private:
  // `verdict` and `what` are English; `text` is in the reader's language.
  static void line(std::string_view verdict, std::string_view what, const std::string& text) {
    std::printf("%s %s %s\n", padded(cli::said(verdict), 8).c_str(), padded(cli::said(what), 14).c_str(),
                cli::visible(text).c_str());
  }
  static std::string padded(std::string text, std::size_t cells) {
    const std::size_t width = cli::display_width(text);
    return text.append(width < cells ? cells - width : 0, ' ');
  }

  int red_ = 0;
};

// The machine, whatever stands on other ones.
void look_at_folder(const std::string& path, Findings& findings);
void look_at_store_files(const std::string& folder, Findings& findings);
void look_at_zones(Findings& findings);
void look_at_clock(Findings& findings);
void look_at_limits(const config::NodeConfig& worker, Findings& findings);
void look_at_shell(Findings& findings);
void look_at_port(const config::HttpConfig& http, Findings& findings);
void look_at_metrics_port(const config::MetricsConfig& metrics, Findings& findings);

}  // namespace cronfleet::apps

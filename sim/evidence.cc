#include "sim/evidence.h"

#include <fmt/format.h>

#include <charconv>

namespace cronfleet::sim {
namespace {

int number_after(std::string_view text, std::string_view name, int otherwise) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return otherwise;
  int value = otherwise;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string probe_command(const Probe& probe) {
  return fmt::format("probe version={} ms={} exit={} fail_percent={} term_ms={} stubborn={}", probe.version,
                     probe.duration.count(), probe.exit_code, probe.fail_percent, probe.term_delay.count(),
                     probe.stubborn ? 1 : 0);
}

Probe parse_probe(std::string_view command) {
  Probe probe;
  probe.version = number_after(command, "version=", 0);
  probe.duration = std::chrono::milliseconds(number_after(command, " ms=", 100));
  probe.exit_code = number_after(command, "exit=", 0);
  probe.fail_percent = number_after(command, "fail_percent=", 0);
  probe.term_delay = std::chrono::milliseconds(number_after(command, "term_ms=", 5));
  probe.stubborn = number_after(command, "stubborn=", 0) != 0;
  return probe;
}

std::string zone_of(std::size_t index, bool relabelled) { return (index % 2 == 1) != relabelled ? "b" : "a"; }

}  // namespace cronfleet::sim

#include "domain/where.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace cronfleet::domain {

bool admits(const Where& where, const NodeId& node, const Labels& labels) {
  return std::all_of(where.begin(), where.end(), [&](const auto& wanted) {
    const auto& [label, condition] = wanted;
    const std::string* value = nullptr;
    if (label == "node") {
      value = &node.text();
    } else if (const auto found = labels.find(label); found != labels.end()) {
      value = &found->second;
    }
    const bool named = value != nullptr &&
                       std::find(condition.values.begin(), condition.values.end(), *value) != condition.values.end();
    return named != condition.negated;
  });
}

std::string shown_where(const Where& where) {
  std::string text;
  for (const auto& [label, condition] : where) {
    if (!text.empty()) text += ", ";
    if (condition.values.size() == 1) {
      text += fmt::format("{} {} {}", label, condition.negated ? "!=" : "=", condition.values.front());
    } else {
      text += fmt::format("{} {} ({})", label, condition.negated ? "not in" : "in", fmt::join(condition.values, ", "));
    }
  }
  return text;
}

}  // namespace cronfleet::domain

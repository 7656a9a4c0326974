// base/ids.h: names that must not be swapped. Each is a text of its own type.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cronfleet {

template <typename Tag>
class Name {
 public:
  Name() = default;
  explicit Name(std::string text) : text_(std::move(text)) {}

  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Name&, const Name&) = default;
  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  std::string text_;
};

using JobName = Name<struct JobNameTag>;          // rules: domain/job.h
using NodeId = Name<struct NodeIdTag>;            // a worker, made once and kept (REL-17)
using Incarnation = Name<struct IncarnationTag>;  // one life of a worker's session: 32 hex digits
using Token = Name<struct TokenTag>;              // names one claim: 32 hex digits

}  // namespace cronfleet

template <typename Tag>
struct std::hash<cronfleet::Name<Tag>> {
  std::size_t operator()(const cronfleet::Name<Tag>& name) const { return std::hash<std::string>()(name.text()); }
};

template <typename Tag>
struct fmt::formatter<cronfleet::Name<Tag>> : fmt::formatter<std::string> {
  auto format(const cronfleet::Name<Tag>& name, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(name.text(), context);
  }
};

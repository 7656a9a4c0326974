// core/json_fields.h: reads one JSON object field by field. Unknown fields are ignored, a missing one leaves what the
// caller had, and the first value of the wrong type or range is remembered as a sentence: read everything, then ask
// failure() once.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace cronfleet::core {

class JsonFields {
 public:
  // `what` names the value in error sentences: "running entry". Both are borrowed.
  JsonFields(std::string_view what, const boost::json::object& object) : what_(what), object_(object) {}

  void text(std::string_view key, std::string& into) const;
  void flag(std::string_view key, bool& into) const;
  template <typename Integer>
  void number(std::string_view key, Integer& into) const {
    const boost::json::value* value = find(key);
    if (value == nullptr) return;
    if (value->is_int64() && std::in_range<Integer>(value->get_int64())) {
      into = static_cast<Integer>(value->get_int64());
    } else if (value->is_uint64() && std::in_range<Integer>(value->get_uint64())) {
      into = static_cast<Integer>(value->get_uint64());
    } else {
      refuse(key, fmt::format("an integer from {} to {}", std::numeric_limits<Integer>::min(),
                              std::numeric_limits<Integer>::max()));
    }
  }
  void ms(std::string_view key, WallTime& into) const;
  void rfc3339(std::string_view key, WallTime& into) const;
  void map(std::string_view key, std::map<std::string, std::string>& into) const;
  void list(std::string_view key, std::vector<std::string>& into) const;
  // The object under `key`; null where there is none.
  const boost::json::object* object(std::string_view key) const;
  bool has(std::string_view key) const { return object_.contains(boost_view(key)); }

  // Counts as a failure when `key` is missing.
  void required(std::string_view key) const;
  void refuse(std::string_view key, std::string_view expected) const;
  const std::optional<Status>& failure() const { return failure_; }

 private:
  static boost::json::string_view boost_view(std::string_view text) { return {text.data(), text.size()}; }
  const boost::json::value* find(std::string_view key) const { return object_.if_contains(boost_view(key)); }

  std::string_view what_;
  const boost::json::object& object_;
  mutable std::optional<Status> failure_;
};

}  // namespace cronfleet::core

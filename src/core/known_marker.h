// core/known_marker.h: the exact text of a marker, when known, in 32 bytes: a worker holds one for every job.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/boxed.h"
#include "core/entries.h"

namespace cronfleet::core {

class KnownMarker {
 public:
  // `marker` is what `text` says.
  void set(const Marker& marker, const std::string& text);
  void reset();

  explicit operator bool() const { return form_ != Form::Unknown; }
  std::optional<std::string> text() const;

 private:
  enum class Form : std::uint8_t { Unknown, Claimed, Saved, Adopted, Closed, Other };

  std::int64_t instant_ms_ = 0;
  std::array<std::uint32_t, 4> token_{};  // Claimed
  Boxed<std::string> other_;              // Other: what somebody else wrote
  Form form_ = Form::Unknown;
};

}  // namespace cronfleet::core

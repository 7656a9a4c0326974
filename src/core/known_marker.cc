#include "core/known_marker.h"

#include <charconv>

namespace cronfleet::core {
namespace {

constexpr std::size_t kPartDigits = 8;

}  // namespace

void KnownMarker::set(const Marker& marker, const std::string& text) {
  reset();
  instant_ms_ = to_ms(marker.instant);
  if (marker.token == "saved") {
    form_ = Form::Saved;
  } else if (marker.token == "adopted") {
    form_ = Form::Adopted;
  } else if (marker.token == "closed") {
    form_ = Form::Closed;
  } else if (marker.token.size() == token_.size() * kPartDigits) {
    form_ = Form::Claimed;
    const char* part = marker.token.data();
    for (std::uint32_t& bits : token_) {
      std::from_chars(part, part + kPartDigits, bits, 16);
      part += kPartDigits;
    }
  }
  if (this->text() == text) return;
  form_ = Form::Other;  // not of our making
  other_ = text;
}

void KnownMarker::reset() {
  form_ = Form::Unknown;
  other_.reset();
}

std::optional<std::string> KnownMarker::text() const {
  const Marker marker{from_ms(instant_ms_), {}};
  switch (form_) {
    case Form::Unknown: return std::nullopt;
    case Form::Saved: return Marker{marker.instant, "saved"}.text();
    case Form::Adopted: return Marker{marker.instant, "adopted"}.text();
    case Form::Closed: return Marker{marker.instant, "closed"}.text();
    case Form::Claimed:
      return Marker{marker.instant, fmt::format("{:08x}{:08x}{:08x}{:08x}", token_[0], token_[1], token_[2], token_[3])}
          .text();
    case Form::Other: break;
  }
  return *other_;
}

}  // namespace cronfleet::core

#include "base/status.h"

namespace cronfleet {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "invalid_argument";
    case Code::NotFound: return "not_found";
    case Code::Conflict: return "conflict";
    case Code::LeaseLost: return "lease_lost";
    case Code::Compacted: return "compacted";
    case Code::Unavailable: return "unavailable";
    case Code::Cancelled: return "cancelled";
    case Code::Corrupt: return "corrupt";
    case Code::NoSpace: return "no_space";
  }
  return "unknown";
}

std::string Status::text() const { return fmt::format("{}: {}", to_string(code_), message_); }

}  // namespace cronfleet

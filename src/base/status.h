// base/status.h: how a call says that it failed. Result<T> holds a T or a Status; a Status is a code that some caller
// acts on (STYLE.md §5) and one sentence that names what we did, to what, what we found and what we expected.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace cronfleet {

enum class Code {
  InvalidArgument,  // tell the user
  NotFound,         // an answer like any other
  Conflict,         // somebody wrote first: read again, decide again
  LeaseLost,        // claim nothing, open a new session
  Compacted,        // list again, then watch
  Unavailable,      // back off and retry; a write may have happened
  Cancelled,        // unwind quietly
  Corrupt,          // set the bytes aside, raise an alert
  NoSpace,          // disk or quota full: refuse writes (507), try again later
};

std::string_view to_string(Code code);

class Status {
 public:
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // "invalid_argument: minute '*/0': step is 0"
  std::string text() const;

  // The same failure, with what the caller was doing put in front of the sentence.
  template <typename... Args>
  Status with(fmt::format_string<Args...> format, Args&&... args) const {
    return Status(code_, fmt::format(format, std::forward<Args>(args)...) + ": " + message_);
  }

 private:
  Code code_;
  std::string message_;
};

template <typename T>
using Result = tl::expected<T, Status>;
using Failure = tl::unexpected<Status>;

// return fail(Code::NotFound, "no job '{}'", name);
template <typename... Args>
Failure fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(Status(code, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace cronfleet

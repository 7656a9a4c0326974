// api/problem.h: every refusal as a problem document (RFC 9457, API-3): a status, a stable code for programs, a
// sentence for people, and the place of each mistake. Never paths, queries of a store, versions or stacks (SEC-35).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "api/http.h"
#include "base/status.h"
#include "domain/field_error.h"

namespace cronfleet::api {

// One mistake of a request. In a body it is named by `pointer`, line and column, in the query or a header by its name.
struct Mistake {
  std::string pointer{};    // JSON pointer; used when parameter and header are empty
  std::string parameter{};  // of the query or path
  std::string header{};
  int line = 0;    // of the body, from 1; 0: no place in a text
  int column = 0;  // from 1; with line 0 a column inside the value itself (a cron expression)
  int length = 0;  // of the offending text; 0: unknown
  std::string code{};
  std::string detail{};
  std::string suggestion{};
};

struct Problem {
  int status = 500;
  std::string code{};    // "stale_revision": stable, for programs
  std::string detail{};  // one sentence, for people
  std::vector<Mistake> errors{};
  std::optional<std::chrono::seconds> retry_after{};
  Headers headers{};      // beside it: Allow
  std::string trouble{};  // of ours, for the log and never for the client: what a store said
};

using Answer = tl::expected<Response, Problem>;
using Refusal = tl::unexpected<Problem>;
template <typename T>
using Outcome = tl::expected<T, Problem>;

// return refuse(404, "job_not_found", "no job '{}'", name);
template <typename... Args>
Refusal refuse(int status, std::string_view code, fmt::format_string<Args...> format, Args&&... args) {
  return Refusal(
      Problem{.status = status, .code = std::string(code), .detail = fmt::format(format, std::forward<Args>(args)...)});
}

// `problem` with the header that it is about named for programs too.
Problem at_header(std::string_view header, Problem problem);

// return refuse_header("If-Match", 400, "invalid_precondition", "labels take If-Match only");
template <typename... Args>
Refusal refuse_header(std::string_view header, int status, std::string_view code, fmt::format_string<Args...> format,
                      Args&&... args) {
  return Refusal(at_header(
      header,
      {.status = status, .code = std::string(code), .detail = fmt::format(format, std::forward<Args>(args)...)}));
}

// The same for a parameter of the address or the query.
Problem at_parameter(std::string_view parameter, Problem problem);
template <typename... Args>
Refusal refuse_parameter(std::string_view parameter, int status, std::string_view code,
                         fmt::format_string<Args...> format, Args&&... args) {
  return Refusal(at_parameter(
      parameter,
      {.status = status, .code = std::string(code), .detail = fmt::format(format, std::forward<Args>(args)...)}));
}

// The same for a place in the body: a JSON pointer, empty for all of it.
Problem at_pointer(std::string_view pointer, Problem problem);

// All of `mistakes` of a body in one sentence: "2 mistakes: /a: …; /b: …".
std::string summed_up(const std::vector<Mistake>& mistakes);

// What a failure of a store or a service says to a client. InvalidArgument is 422, NotFound 404, Conflict 409, NoSpace
// 507, everything that may pass by itself 503 with a time to try again; the last two in words of their own, since what
// a store says may name files.
Problem problem_of(const Status& status);
// The coordination store does not answer, and what is known without it is not enough.
Problem store_away();
// 400 where the text is no JSON, 422 where it means nothing.
Problem problem_of(const domain::DocumentErrors& errors);

Response to_response(const Problem& problem, std::string_view request_id);

}  // namespace cronfleet::api

#include "api/problem.h"

#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::seconds kRetryAfter{2};

Problem ours(int status, std::string_view code, std::string_view detail, const Status& failure) {
  Problem problem{.status = status,
                  .code = std::string(code),
                  .detail = std::string(detail),
                  .retry_after = status == 503 ? std::optional(kRetryAfter) : std::nullopt};
  problem.trouble = failure.text();
  return problem;
}

void write(domain::JsonWriter& json, const Mistake& mistake) {
  json.object([&] {
    if (!mistake.parameter.empty()) {
      json.member("parameter", mistake.parameter);
    } else if (!mistake.header.empty()) {
      json.member("header", mistake.header);
    } else {
      json.member("pointer", mistake.pointer);
    }
    if (mistake.line > 0) json.member("line", mistake.line);
    if (mistake.column > 0) json.member("column", mistake.column);
    if (mistake.length > 0) json.member("length", mistake.length);
    if (!mistake.code.empty()) json.member("code", mistake.code);
    json.member("detail", mistake.detail);
    if (!mistake.suggestion.empty()) json.member("suggestion", mistake.suggestion);
  });
}

}  // namespace

Problem at_header(std::string_view header, Problem problem) {
  problem.errors.push_back({.header = std::string(header), .code = problem.code, .detail = problem.detail});
  return problem;
}

Problem at_parameter(std::string_view parameter, Problem problem) {
  problem.errors.push_back({.parameter = std::string(parameter), .code = problem.code, .detail = problem.detail});
  return problem;
}

Problem at_pointer(std::string_view pointer, Problem problem) {
  problem.errors.push_back({.pointer = std::string(pointer), .code = problem.code, .detail = problem.detail});
  return problem;
}

std::string summed_up(const std::vector<Mistake>& mistakes) {
  domain::DocumentErrors errors;
  for (const Mistake& mistake : mistakes)
    errors.add({.pointer = mistake.pointer,
                .line = mistake.line,
                .column = mistake.column,
                .message = mistake.detail,
                .suggestion = mistake.suggestion});
  return errors.status().message();
}

Problem problem_of(const Status& status) {
  switch (status.code()) {
    case Code::InvalidArgument: return {.status = 422, .code = "invalid", .detail = status.message()};
    case Code::NotFound: return {.status = 404, .code = "not_found", .detail = status.message()};
    case Code::Conflict: return {.status = 409, .code = "conflict", .detail = status.message()};
    case Code::NoSpace:
      return ours(507, "no_space", "the disk of the server is full; writes work again once there is room", status);
    case Code::Corrupt: return ours(500, "corrupt", "what the server has stored is damaged; its log says more", status);
    case Code::Unavailable: return ours(503, "unavailable", "the server's store did not answer in time", status);
    case Code::LeaseLost:
    case Code::Compacted:
    case Code::Cancelled: break;
  }
  return ours(503, "try_again", "the server could not finish this; try again", status);
}

Problem store_away() { return problem_of(Status(Code::Unavailable, "the copy of it does not say")); }

Problem problem_of(const domain::DocumentErrors& errors) {
  Problem problem{.status = 422, .code = "invalid_document", .detail = errors.status().message()};
  for (const domain::FieldError& error : errors.errors()) {
    problem.errors.push_back({.pointer = error.pointer,
                              .line = error.line,
                              .column = error.column,
                              .code = problem.code,
                              .detail = error.message,
                              .suggestion = error.suggestion});
  }
  return problem;
}

Response to_response(const Problem& problem, std::string_view request_id) {
  domain::JsonWriter json;
  json.object([&] {
    json.member("type", "about:blank");
    json.member("title", reason_phrase(problem.status));
    json.member("status", problem.status);
    json.member("code", problem.code);
    json.member("detail", problem.detail);
    json.member("instance", request_id);
    if (problem.errors.empty()) return;
    json.key("errors").array([&] {
      for (const Mistake& mistake : problem.errors) write(json, mistake);
    });
  });
  Response response{.status = problem.status,
                    .content_type = "application/problem+json",
                    .headers = problem.headers,
                    .body = json.take()};
  response.trouble = problem.trouble;
  if (problem.retry_after) response.headers.add("Retry-After", std::to_string(problem.retry_after->count()));
  return response;
}

}  // namespace cronfleet::api

#include "api/problem.h"

#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::seconds kRetryAfter{2};

Problem later(std::string code, const Status& status) {
  return {.status = 503, .code = std::move(code), .detail = status.message(), .retry_after = kRetryAfter};
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

Problem problem_of(const Status& status) {
  switch (status.code()) {
    case Code::InvalidArgument: return {.status = 422, .code = "invalid", .detail = status.message()};
    case Code::NotFound: return {.status = 404, .code = "not_found", .detail = status.message()};
    case Code::Conflict: return {.status = 409, .code = "conflict", .detail = status.message()};
    case Code::NoSpace: return {.status = 507, .code = "no_space", .detail = status.message()};
    case Code::Corrupt: return {.status = 500, .code = "corrupt", .detail = status.message()};
    case Code::Unavailable: return later("unavailable", status);
    case Code::LeaseLost:
    case Code::Compacted:
    case Code::Cancelled: return later("try_again", status);
  }
  return later("try_again", status);
}

Problem problem_of(const domain::DocumentErrors& errors) {
  Problem problem{.status = 422, .code = "invalid_document", .detail = errors.status().message()};
  for (const domain::FieldError& error : errors.errors()) {
    problem.errors.push_back({.pointer = error.pointer,
                              .line = error.line,
                              .column = error.column,
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
  if (problem.retry_after) response.headers.add("Retry-After", std::to_string(problem.retry_after->count()));
  return response;
}

}  // namespace cronfleet::api

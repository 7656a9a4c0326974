// api/conditions.h: ETags, preconditions (API-5) and JSON bodies of requests.
#pragma once

#include <string>

#include "api/job_catalogue.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/router.h"
#include "domain/json_reader.h"

namespace cronfleet::api {

std::string etag_of(core::Revision revision);  // "\"412\""

// What If-Match and If-None-Match ask of a write; Kind::None where neither stands. A weak tag matches nothing.
// 400 for a text that is no list of tags, for both at once, and for If-None-Match with anything but *.
Outcome<Precondition> precondition_of(const Request& request);
// The same, 428 where neither stands.
Outcome<Precondition> required_precondition_of(const Request& request);
// 400 where a request that makes something new (a job, a run) says more than that with If-Match or If-None-Match:
// nothing stands there yet that it could mean. A create may say If-None-Match: *, which is what it does anyway.
enum class Makes { Job, Run };
std::optional<Problem> precondition_refused(const Request& request, Makes makes);
// Whether If-None-Match of a GET names `tag`, compared weakly (RFC 9110, 13.1.2): the client has it already. * names
// any.
bool client_has(const Request& request, std::string_view tag);
// The answer to a GET of one object: 304 without its body where the client has it already. Its ETag is the one that
// stands in `response`, else one of the body.
Response conditional(const Request& request, Response response);

// Hands the body to `read` as domain::read_json does. 400 invalid_json where it is none; 422 invalid_body with every
// mistake that `read` noted. An empty body is passed over where it is optional.
enum class Body { Required, Optional };
Problem no_body();  // where one is required
template <typename Read>
std::optional<Problem> read_body(const Request& request, Body need, Read&& read) {
  if (request.body.empty() && need == Body::Optional) return std::nullopt;
  if (request.body.empty()) return no_body();
  bool is_json = false;
  const domain::DocumentErrors errors = domain::read_json(request.body, {}, [&](const domain::JsonValue& root) {
    is_json = true;
    read(root);
  });
  if (errors.empty()) return std::nullopt;
  Problem problem = problem_of(errors);
  problem.status = is_json ? 422 : 400;
  problem.code = is_json ? "invalid_body" : "invalid_json";
  for (Mistake& mistake : problem.errors) mistake.code = problem.code;
  return problem;
}

// Where the document names no body, one that comes is refused with 400 unexpected_body: {"dry_run":true} with a DELETE
// would delete.
std::optional<Problem> body_refused(const Request& request);

// A reason for a record, at most kReasonBytesMax of it; empty, and noted, where it is none.
constexpr std::size_t kReasonBytesMax = 1024;
std::string reason_of(const domain::JsonValue& member);

// dry_run=1: nothing is to be written.
Effect effect_of(Query& query);
// Says that nothing was written.
void mark_dry_run(Response& response, Effect effect);

// stale=ok: the watched copy will do.
void take_stale(Call& call);

// Who asks, for records: what X-Cronfleet-Client says (nobody vouches for it before there is a login), else "api".
std::string actor_of(const Request& request);

}  // namespace cronfleet::api

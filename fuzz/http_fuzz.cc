// Addresses, queries and headers as they come from outside: the router, the query reader and the guard never crash, and
// what they decode is valid.
#include <cstddef>
#include <cstdint>

#include "api/conditions.h"
#include "api/guard.h"
#include "api/query.h"
#include "api/router.h"
#include "api/url.h"
#include "base/check.h"
#include "base/utf8.h"

using namespace cronfleet;
using namespace cronfleet::api;

namespace {

Router example() {
  Router router;
  for (const char* pattern : {"/api/v1/jobs", "/api/v1/jobs/{name}", "/api/v1/jobs/{name}:run",
                              "/api/v1/runs/{id}/output", "/api/v1/runs/{id}:kill", "/api/v1/cron:explain"})
    router.add({Method::Get, pattern, [](Call&) -> Answer { return Response{}; }});
  return router;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Router kRouter = example();
  static const Guard kGuard({});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Request request;
  request.target = text.substr(0, text.find('\n'));
  if (const auto match = kRouter.find(Method::Get, request.path())) {
    for (const auto& [name, value] : match->parameters) {
      CHECK(is_utf8(value) && value.find('\0') == std::string::npos);
      const auto again = percent_decode(percent_encode(value));
      CHECK(again.has_value() && *again == value);
    }
  }
  if (auto pairs = parse_query(request.query())) {
    CHECK(pairs->size() <= kQueryPairsMax);
    Query query(*std::move(pairs));
    query.integer("limit", 1, 500);
    query.instant("from");
    query.words("status", "a status");
    query.flag("follow");
    query.choice("order", {"newest_first", "oldest_first"});
    if (const auto problem = query.problem()) CHECK(!to_response(*problem, "id").body.empty());
  }
  const std::string rest(text.substr(request.target.size()));
  for (const char* name :
       {"Host", "Origin", "If-Match", "Content-Type", "Content-Length", "Accept", "Transfer-Encoding"}) {
    Request other;
    other.method = Method::Put;
    other.target = "/";
    other.headers.add(name, rest);
    (void)kGuard.check(other);
    (void)precondition_of(other);
    (void)negotiate(other, {"text/plain", "application/json"});
  }
  return 0;
}

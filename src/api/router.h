// api/router.h: which handler answers an address.
//
// Patterns are made of literal segments, "{parameter}" segments and a verb after the last segment:
// "/api/v1/jobs/{name}:run". An address is split at '/'; the last segment also at its last colon when a word of
// lower-case letters follows it ("nightly@2026-03-01T02:00:00Z.1:kill" is the run up to the second-last colon and the
// verb kill). Only then is each part percent-decoded, so "%2F" and "%3A" never separate anything.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.h"
#include "api/problem.h"
#include "api/query.h"
#include "api/reading.h"

namespace cronfleet::api {

// One request on its way through a handler.
struct Call {
  const Request& request;
  std::map<std::string, std::string, std::less<>> parameters;  // of the address, decoded
  Query query;
  Reading reading{};  // of the store, by the handler: a GET answers with its headers

  const std::string& parameter(std::string_view name) const;
};

// Where a handler runs: on a thread of the pool, where it may block; or at once on the loop of the sockets, which it
// must not hold up for more than microseconds.
enum class Place { Pool, Loop };

// AsSent: the whole path is percent-decoded before it is compared with the pattern, which then has neither parameters
// nor a verb; the query is not looked at: the handler reads request.query().
enum class Address { Strict, AsSent };

struct Route {
  Method method = Method::Get;
  std::string pattern;
  std::function<Answer(Call&)> handle;  // from several threads at once
  Place place = Place::Pool;
  std::size_t body_bytes_max = 1 << 20;  // SEC-33
  Address address = Address::Strict;
  bool writes = true;      // what may change something counts against the limit of writes; false: it only looks so
  bool takes_body = true;  // false: one that comes is refused, as it is by reads and deletes
  bool keeps_key = false;  // its transaction keeps the Idempotency-Key, so that the answer need not be kept here
};

struct RouteMatch {
  const Route* route = nullptr;
  std::map<std::string, std::string, std::less<>> parameters;
};

template <typename Text>
struct AddressParts {
  std::vector<Text> segments;
  Text verb;  // after the colon of the last one
};

class Router {
 public:
  // Before the server starts. CHECKs that no other route has this method and pattern.
  void add(Route route);
  const std::vector<Route>& routes() const { return routes_; }

  // The route for a request; HEAD takes the one of GET. Refuses: 400 an address that cannot be read, 404 one that no
  // pattern has (naming the one most likely meant), 405 (with Allow) a method that its patterns do not have. Safe from
  // any thread once all are added.
  tl::expected<RouteMatch, Problem> find(Method method, std::string_view path) const;

 private:
  Problem no_such_address(std::string_view path) const;
  // The address that somebody who wrote `path` most likely meant; empty: none is near.
  std::string meant(std::string_view path) const;

  std::vector<Route> routes_;
  std::vector<AddressParts<std::string>> patterns_;  // of the routes
};

}  // namespace cronfleet::api

// api/response_head.h: the bytes in front of the body of an answer.
#pragma once

#include <string>
#include <string_view>

#include "api/http.h"
#include "base/time.h"

namespace cronfleet::api {

// What the connection decides about an answer.
struct Framing {
  enum class Body { Whole, Chunked, UntilClose };
  Body body = Body::Whole;
  bool keep_alive = false;
  int version = 11;  // of the request
};

// Status line and header fields with the empty line after them. Content-Length is that of response.body, also for a
// HEAD, whose body is not sent. Cache-Control is no-store unless the response has its own; the fields of
// security_headers() stand on every answer.
std::string response_head(const Response& response, const Framing& framing, std::string_view request_id,
                          std::string_view date);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(WallTime at);

}  // namespace cronfleet::api

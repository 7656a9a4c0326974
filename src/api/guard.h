// api/guard.h: what a request must look like before any handler sees it (SEC-12, SEC-31, SEC-32, SEC-33). All of it is
// judged on the head alone, so a refused body is never read.
//
// A page in a browser can make its user's browser send requests to loopback. Three rules stand against that: the Host
// must be one of ours (a foreign name that resolves to 127.0.0.1 is refused with 421), an Origin must be this server,
// and a change needs something that a page cannot send across origins without asking first: a JSON body or one of our
// headers. Nothing ever answers such a question (no CORS headers).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"

namespace cronfleet::api {

struct GuardOptions {
  // Further names this server goes by, without port, beside localhost, 127.0.0.1 and [::1].
  std::vector<std::string> hosts;
  // Addresses that take forms, as clients of the reference send them: any Content-Type. A page of another site is still
  // recognised by its Origin; a client that sends neither Origin nor Sec-Fetch-Site is no browser.
  std::vector<std::string> form_paths{};
};

// Limits of SEC-33 on the head; one past each is refused.
struct HeadLimits {
  static constexpr std::size_t kRequestLineBytes = 8 << 10;  // 414
  static constexpr std::size_t kHeaderBytes = 32 << 10;      // 431: names, values, ": " and line ends
  static constexpr std::size_t kHeaderCount = 100;           // 431
};

class Guard {
 public:
  explicit Guard(GuardOptions options);

  // The first rule that this head breaks; nothing when it keeps them all.
  std::optional<Problem> check(const Request& head) const;

 private:
  std::optional<Problem> check_host(const Request& head) const;

  std::vector<std::string> hosts_;  // lower case
  std::vector<std::string> form_paths_;
};

// Host without its port: "localhost" of "localhost:8090", "[::1]" of "[::1]:8090". Nothing where the text is no host.
std::optional<std::string> host_of(std::string_view authority);

// Headers that stand on every answer (SEC-32).
const std::vector<Headers::Field>& security_headers();

// The client's X-Request-Id where it has 1 to 64 letters, digits, '.', '_' and '-'; else nothing.
std::optional<std::string> request_id_of(const Request& head);

}  // namespace cronfleet::api

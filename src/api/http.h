// api/http.h: requests and answers as plain values. Handlers and routes know HTTP only through these; the library that
// speaks it stands behind http_connection.h alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cronfleet::api {

enum class Method { Get, Head, Post, Put, Patch, Delete, Options, Other };
std::string_view to_string(Method method);  // "GET"; Other is ""
Method parse_method(std::string_view text);
// GET, HEAD and OPTIONS: may not change anything.
bool is_safe(Method method);

// Header fields in order; names compare without regard to case.
class Headers {
 public:
  struct Field {
    std::string name, value;
  };
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  // The first of this name; nothing where there is none.
  std::optional<std::string_view> get(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  const std::vector<Field>& all() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

struct Request {
  Method method = Method::Get;
  std::string target;  // as sent, "/api/v1/jobs/a%20b?limit=5"
  int version = 11;    // 10 or 11
  Headers headers;
  std::string body;
  std::string id;    // request id: the client's where it sent a usable one, else ours
  std::string peer;  // address of the other end, without port

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const;  // without the question mark; empty where there is none
};

// A body that is made piece by piece while the client reads. Pieces are asked for one at a time, each only after the
// client has taken the one before, so a slow reader costs one piece of memory and no thread.
class BodyStream {
 public:
  struct Piece {
    enum class Then { More, Wait, Sleep, End };
    std::string bytes;
    // Wait: nothing new now, ask again after `pause`. Sleep: ask again once HttpServer::wake() has been called.
    Then then = Then::End;
    std::chrono::milliseconds pause{0};
    // After `bytes`; the same bytes may be on their way to many clients.
    std::vector<std::shared_ptr<const std::string>> shared{};
  };
  virtual ~BodyStream() = default;
  // On a handler thread, where it may call a store; on the thread of the sockets where at_once() is true: it must not
  // block then. Does not wait for something to happen.
  virtual Piece next() = 0;
  virtual bool at_once() const { return false; }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers{};
  std::string body{};
  // Instead of `body`. An event stream (text/event-stream) is kept alive by a comment every 15 s.
  std::unique_ptr<BodyStream> stream{};
  std::string trouble{};  // not sent: for the log
};

std::string_view reason_phrase(int status);

// What Accept prefers among `offered` ("application/json"), in their order where it likes several equally; nothing when
// it takes none of them. No Accept: the first.
std::optional<std::string_view> negotiate(const Request& request, std::initializer_list<std::string_view> offered);

// The media type of Content-Type in lower case, without parameters: "application/json".
std::string media_type(const Request& request);

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trimmed(std::string_view text);  // without spaces and tabs at either end
std::string lower_case(std::string_view text);    // ASCII letters only

}  // namespace cronfleet::api

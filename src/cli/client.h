// cli/client.h: asks a cronfleet server over HTTP, one request at a time, and waits for the answer.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace cronfleet::cli {

struct ServerAddress {
  std::string host = "127.0.0.1";  // without brackets
  std::string port = "8090";
  std::string text() const;  // "http://127.0.0.1:8090"
};
// "http://host:port"; the port may be left out (80). Text, not a Status: it is told to whoever typed it.
tl::expected<ServerAddress, std::string> parse_server(std::string_view url);

struct ClientError {
  enum class Kind {
    Unreachable,  // nobody listens there, or the connection broke before an answer
    TimedOut,     // connected, but no answer in time: what was asked for may have happened
    Broken,       // the answer is no HTTP, or the stream ended too early
    Interrupted,  // somebody wants it to end
    Foreign,      // whoever listens there is no cronfleet server
  };
  Kind kind = Kind::Unreachable;
  std::string message;
};

struct ClientRequest {
  std::string method = "GET";
  std::string target;  // path and query, encoded
  std::map<std::string, std::string> headers{};
  std::string body{};
  // What a parameter ("from") or a place of the body ("/until") is in the command line: "--until". Not sent; a refusal
  // that names the former is told with the latter. "/labels" counts for all below it.
  std::map<std::string, std::string> flags{};
};
struct ClientAnswer {
  int status = 0;
  std::map<std::string, std::string> headers{};  // names in lower case
  std::string body{};
  std::string server{};  // who gave it: "http://127.0.0.1:8090"
  std::string header(const std::string& name) const;
};

// What to say of an answer that no cronfleet server gives.
std::string foreign_sentence(const std::string& server, int status);

class Client {
 public:
  // What becomes readable at `interrupt` ends a call as Interrupted; -1: nothing does.
  Client(ServerAddress server, std::chrono::milliseconds timeout, int interrupt = -1)
      : server_(std::move(server)), timeout_(timeout), interrupt_(interrupt) {}

  const ServerAddress& server() const { return server_; }
  // The whole answer, whatever its status.
  tl::expected<ClientAnswer, ClientError> ask(const ClientRequest& request) const;
  // Hands the body of a 2xx answer to `take` as it comes, until it ends or `take` says false; any other answer comes
  // back whole. A 2xx answer of another type than `request` accepts is Foreign. Silence longer than `silence` is
  // TimedOut.
  tl::expected<ClientAnswer, ClientError> stream(const ClientRequest& request, std::chrono::milliseconds silence,
                                                 const std::function<bool(std::string_view)>& take) const;

 private:
  ServerAddress server_;
  std::chrono::milliseconds timeout_;
  int interrupt_;
};

}  // namespace cronfleet::cli

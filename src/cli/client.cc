#include "cli/client.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <optional>

#include "api/http.h"
#include "cli/words.h"

namespace cronfleet::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint64_t kAnswerBytesMax = 256u << 20;

// One connection; each step waits for its end or its deadline.
class Connection {
 public:
  Connection(const ServerAddress& server, int interrupt) : server_(server), resolver_(io_), stream_(io_) {
    if (interrupt >= 0) interrupt_.emplace(io_, ::fcntl(interrupt, F_DUPFD_CLOEXEC, 0));
  }

  tl::expected<void, ClientError> connect(std::chrono::milliseconds limit) {
    error_code error;
    const auto endpoints = resolver_.resolve(server_.host, server_.port, error);
    if (error) return unreachable(words("the host {} is not known", server_.host));
    stream_.expires_after(limit);
    error = wait([&](auto done) {
      stream_.async_connect(endpoints, [done](error_code result, const tcp::endpoint&) { done(result); });
    });
    if (!error) return {};
    if (interrupted_) return failed(error);
    if (error == beast::error::timeout) return unreachable(words("no answer to the connection attempt"));
    return unreachable(error == asio::error::connection_refused ? words("connection refused") : error.message());
  }

  tl::expected<void, ClientError> send(const ClientRequest& request, std::chrono::milliseconds limit) {
    http::request<http::string_body> message;
    message.method_string(request.method);
    message.target(request.target);
    message.version(11);
    const std::string host = server_.host.find(':') == std::string::npos ? server_.host : "[" + server_.host + "]";
    message.set(http::field::host, words("{}:{}", host, server_.port));
    message.set(http::field::connection, "close");
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    stream_.expires_after(limit);
    const error_code error =
        wait([&](auto done) { http::async_write(stream_, message, [done](error_code e, std::size_t) { done(e); }); });
    // A refusal may have come already although the server did not take all of the body: the answer is what counts.
    if (error && error != asio::error::broken_pipe && error != asio::error::connection_reset) return failed(error);
    return {};
  }

  template <typename Parser>
  tl::expected<void, ClientError> read_head(Parser& parser, std::chrono::milliseconds limit) {
    stream_.expires_after(limit);
    const error_code error = wait([&](auto done) {
      http::async_read_header(stream_, buffer_, parser, [done](error_code e, std::size_t) { done(e); });
    });
    return error ? tl::expected<void, ClientError>(failed(error)) : tl::expected<void, ClientError>();
  }
  template <typename Parser>
  error_code read_some(Parser& parser, std::chrono::milliseconds limit) {
    stream_.expires_after(limit);
    return wait([&](auto done) {
      http::async_read_some(stream_, buffer_, parser, [done](error_code e, std::size_t) { done(e); });
    });
  }
  template <typename Parser>
  error_code read_all(Parser& parser, std::chrono::milliseconds limit) {
    stream_.expires_after(limit);
    return wait(
        [&](auto done) { http::async_read(stream_, buffer_, parser, [done](error_code e, std::size_t) { done(e); }); });
  }

  tl::unexpected<ClientError> failed(const error_code& error) const {
    if (interrupted_) return tl::unexpected(ClientError{ClientError::Kind::Interrupted, "interrupted"});
    if (error == beast::error::timeout)
      return tl::unexpected(
          ClientError{ClientError::Kind::TimedOut, words("{} did not answer in time", server_.text())});
    if (error == http::error::end_of_stream || error == asio::error::connection_reset ||
        error == http::error::partial_message || error == asio::error::eof)
      return tl::unexpected(ClientError{ClientError::Kind::Broken,
                                        words("{} closed the connection without a whole answer", server_.text())});
    return tl::unexpected(
        ClientError{ClientError::Kind::Broken, words("{} gave no usable answer: {}", server_.text(), error.message())});
  }

 private:
  template <typename Start>
  error_code wait(Start start) {
    error_code result;
    start([&](error_code error) {
      result = error;
      if (interrupt_) interrupt_->cancel();
    });
    if (interrupt_) {
      interrupt_->async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
        if (error) return;
        interrupted_ = true;
        stream_.cancel();
      });
    }
    io_.run();
    io_.restart();
    return result;
  }
  tl::unexpected<ClientError> unreachable(std::string_view why) const {
    return tl::unexpected(
        ClientError{ClientError::Kind::Unreachable,
                    words("cannot reach {}: {}; is a cronfleet server running there?", server_.text(), why)});
  }

  const ServerAddress& server_;
  asio::io_context io_{1};
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<asio::posix::stream_descriptor> interrupt_;
  bool interrupted_ = false;
};

template <typename Parser>
ClientAnswer head_of(const Parser& parser) {
  ClientAnswer answer;
  answer.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    std::string name(field.name_string().data(), field.name_string().size());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    answer.headers[name] = std::string(field.value().data(), field.value().size());
  }
  return answer;
}

}  // namespace

std::string ServerAddress::text() const {
  return host.find(':') == std::string::npos ? words("http://{}:{}", host, port) : words("http://[{}]:{}", host, port);
}

tl::expected<ServerAddress, std::string> parse_server(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [&](std::string_view why) {
    return tl::unexpected(words("'{}' is not a server address like http://127.0.0.1:8090: {}", url, why));
  };
  if (url.starts_with("https://")) return refuse(words("this version speaks http only"));
  if (!url.starts_with(kScheme)) return refuse(words("it does not begin with http://"));
  std::string_view rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos) return refuse(words("only a host and a port stand in it"));
  ServerAddress server;
  server.port = "80";
  const auto bracket = rest.starts_with('[') ? rest.find(']') : std::string_view::npos;
  if (rest.starts_with('[') && bracket == std::string_view::npos) return refuse(words("']' is missing"));
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  server.host = bracket == std::string_view::npos ? rest.substr(0, colon) : rest.substr(1, bracket - 1);
  if (server.host.empty()) return refuse(words("the host is missing"));
  if (colon == std::string_view::npos) return server;
  server.port = rest.substr(colon + 1);
  const bool digits = !server.port.empty() && server.port.size() <= 5 &&
                      std::all_of(server.port.begin(), server.port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(server.port) > 65535 || std::stoi(server.port) == 0)
    return refuse(words("the port is a number from 1 to 65535"));
  return server;
}

std::string foreign_sentence(const std::string& server, int status) {
  return words("{} answered {} {}, and not as a cronfleet server does: does another program listen there?", server,
               status, api::reason_phrase(status));
}

std::string ClientAnswer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

tl::expected<ClientAnswer, ClientError> Client::ask(const ClientRequest& request) const {
  Connection connection(server_, interrupt_);
  if (auto done = connection.connect(timeout_); !done) return tl::unexpected(done.error());
  if (auto done = connection.send(request, timeout_); !done) return tl::unexpected(done.error());
  http::response_parser<http::string_body> parser;
  parser.body_limit(kAnswerBytesMax);
  if (auto done = connection.read_head(parser, timeout_); !done) return tl::unexpected(done.error());
  if (const error_code error = connection.read_all(parser, timeout_)) return connection.failed(error);
  ClientAnswer answer = head_of(parser);
  answer.server = server_.text();
  answer.body = std::move(parser.get().body());
  return answer;
}

tl::expected<ClientAnswer, ClientError> Client::stream(const ClientRequest& request, std::chrono::milliseconds silence,
                                                       const std::function<bool(std::string_view)>& take) const {
  Connection connection(server_, interrupt_);
  if (auto done = connection.connect(timeout_); !done) return tl::unexpected(done.error());
  if (auto done = connection.send(request, timeout_); !done) return tl::unexpected(done.error());
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  if (auto done = connection.read_head(parser, timeout_); !done) return tl::unexpected(done.error());
  ClientAnswer answer = head_of(parser);
  answer.server = server_.text();
  const bool streams = answer.status >= 200 && answer.status < 300;
  const auto accepted = request.headers.find("Accept");
  if (streams && accepted != request.headers.end() && !answer.header("content-type").starts_with(accepted->second))
    return tl::unexpected(ClientError{ClientError::Kind::Foreign, foreign_sentence(answer.server, answer.status)});
  std::vector<char> bytes(64 << 10);
  while (!parser.is_done()) {
    auto& body = parser.get().body();
    body.data = bytes.data();
    body.size = bytes.size();
    const error_code error = connection.read_some(parser, silence);
    if (error && error != http::error::need_buffer) return connection.failed(error);
    const std::string_view piece(bytes.data(), bytes.size() - body.size);
    if (!streams) {
      answer.body += piece;
      if (answer.body.size() > kAnswerBytesMax) break;
    } else if (!piece.empty() && !take(piece)) {
      break;
    }
  }
  return answer;
}

}  // namespace cronfleet::cli

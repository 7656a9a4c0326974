// api/http_connection.h: one client's connection: reads its requests, has them answered, writes the answers (in
// http_connection.cc) and the streams (in http_stream.cc).
//
// All of it runs on the loop thread; a handler's answer comes back to it as a posted task. The object lives as long as
// an operation of it is under way.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/open_connections.h"

namespace cronfleet::api {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(OpenConnections& connections, boost::asio::ip::tcp::socket socket, std::string peer);
  ~HttpConnection();

  void start();
  // The server stops: what is under way is answered, then the connection ends.
  void wind_up();
  // A stream that sleeps is asked again.
  void wake();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  // --- time-outs: one timer that follows `deadline_`, so that moving it costs a store ---
  void allow(std::chrono::milliseconds time) { deadline_ = std::chrono::steady_clock::now() + time; }
  void allow_forever() { deadline_ = SteadyTime::max(); }
  void watch_deadline();
  // A deadline that passes between two operations has nothing to cancel: each of them looks here too.
  bool over() const { return closed_ || timed_out_; }
  void close();

  // --- reading ---
  void wait_for_request();
  void begin_head();
  void read_on(void (HttpConnection::*parse)());
  void parse_head();
  void read_of_head();
  void on_bad_head(boost::system::error_code error);
  void on_head();
  void take_head();
  Problem body_too_large() const;
  void read_body();
  void parse_body();
  void on_body();
  void give_up_reading();

  // --- handling ---
  void dispatch();
  Response answer(Call& call) const;
  Response rendered(const Problem& problem) const;
  enum class KeepAlive { Never, IfAsked };
  void refuse(const Problem& problem, KeepAlive keep = KeepAlive::Never);

  // --- writing ---
  void respond(Response response);
  void write_pieces();
  void on_written();
  void discard_rest();
  void discard_more();
  void log_access() const;

  // --- streams ---
  void begin_stream();
  void pull();
  void pull_after(std::chrono::milliseconds pause);
  void on_piece(BodyStream::Piece piece);
  bool heartbeat_due() const;
  std::vector<boost::asio::const_buffer> framed_piece();
  void after_piece();

  OpenConnections& connections_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_, pause_;
  SteadyTime deadline_{};
  const std::string peer_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  Request request_;
  RouteMatch match_;
  Response response_;
  std::string head_;
  std::size_t read_bytes_ = 0;  // of the request under way
  std::size_t write_offset_ = 0, discarded_ = 0;
  std::shared_ptr<BodyStream> stream_;
  BodyStream::Piece piece_;
  SteadyTime started_at_{}, last_sent_at_{};
  bool keep_alive_ = false, chunked_ = false;
  bool busy_ = false;  // between the head of a request and the end of its answer
  bool streaming_ = false, asleep_ = false, timed_out_ = false, closed_ = false;
};

}  // namespace cronfleet::api

#include "api/http_connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "api/problem_words.h"
#include "api/response_head.h"

namespace cronfleet::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kParserHeadBytes = 48 << 10;  // above both limits of the guard together
constexpr std::size_t kReadBufferBytes = 256 << 10;
constexpr std::size_t kReadBytesLeast = 4 << 10;  // what an idle connection costs
constexpr std::size_t kReadBytesMost = 32 << 10;  // once more than that has come
constexpr std::size_t kWritePieceBytes = 256 << 10;
constexpr std::size_t kDiscardBytesMax = 8 << 20;
constexpr std::chrono::seconds kDiscardTimeout{2};

// "GET /x HTTP/2.0": well-formed, but of another version.
bool names_other_version(std::string_view received) {
  const std::string_view line = received.substr(0, received.find("\r\n"));
  const auto version = line.rfind(" HTTP/");
  return version != std::string_view::npos && line.find(' ') != version && line.size() == version + 9 &&
         line.find(' ', line.find(' ') + 1) == version;
}

Problem not_http(std::string detail, std::string_view header = {}) {
  Problem problem{.status = 400, .code = "invalid_request", .detail = std::move(detail)};
  return header.empty() ? problem : at_header(header, std::move(problem));
}

// What keeps a request from being HTTP, as far as the parser says it.
Problem problem_of_syntax(const error_code& error, std::string_view received) {
  using Error = beast::http::error;
  if (received.starts_with("\x16\x03"))
    return not_http("this port speaks HTTP without TLS: begin the address with http://, not https://");
  if (error == Error::bad_content_length || error == Error::multiple_content_length)
    return not_http("Content-Length is not one whole number, or stands beside Transfer-Encoding", "Content-Length");
  if (error == Error::bad_transfer_encoding)
    return not_http("Transfer-Encoding is given twice, or stands beside Content-Length", "Transfer-Encoding");
  if (error == Error::bad_chunk || error == Error::bad_chunk_extension)
    return not_http("a chunk of the body does not begin with its size in hex digits and CR LF");
  if (error == Error::bad_line_ending) return not_http("a line of the head does not end with CR LF");
  if (error == Error::bad_field || error == Error::bad_value)
    return not_http("a header field is not of the form Name: value, ended by CR LF");
  if (error == Error::bad_method || error == Error::bad_target || error == Error::bad_version)
    return not_http("the first line is not of the form GET /address HTTP/1.1, ended by CR LF");
  return not_http("the request is not well-formed HTTP");
}

Problem problem_of_parser(const error_code& error, bool has_line, std::string_view received) {
  namespace http = beast::http;
  if (error == http::error::header_limit) {
    if (!has_line && received.substr(0, HeadLimits::kRequestLineBytes + 2).find('\n') == std::string_view::npos)
      return {.status = 414, .code = "address_too_long", .detail = "the request line is too long"};
    return {.status = 431, .code = "headers_too_large", .detail = "the header fields are too large"};
  }
  if (error == http::error::body_limit)
    return {.status = 413, .code = "body_too_large", .detail = "the body is too large"};
  if (error == http::error::bad_version && names_other_version(received))
    return {.status = 505, .code = "unknown_version", .detail = "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  return problem_of_syntax(error, received);
}

Problem bad_query(const BadPair& pair) {
  Problem problem{.status = 400, .code = "invalid_query", .detail = pair.detail};
  problem.errors.push_back({.parameter = pair.parameter, .code = "invalid_parameter", .detail = pair.detail});
  return problem;
}

}  // namespace

HttpConnection::HttpConnection(OpenConnections& connections, tcp::socket socket, std::string peer)
    : connections_(connections),
      socket_(std::move(socket)),
      timer_(connections.io),
      pause_(connections.io),
      peer_(std::move(peer)) {
  buffer_.max_size(kReadBufferBytes);
}

HttpConnection::~HttpConnection() {
  if (streaming_) connections_.streams_open = --connections_.streams;
  connections_.remove(this);
}

void HttpConnection::start() {
  allow(connections_.options.head_timeout);
  watch_deadline();
  begin_head();
}

void HttpConnection::wind_up() {
  if (!busy_ || streaming_) close();
}

void HttpConnection::wake() {
  if (asleep_) pull();
}

void HttpConnection::watch_deadline() {
  const SteadyTime now = std::chrono::steady_clock::now();
  timer_.expires_at(std::min(deadline_, now + connections_.tick));
  timer_.async_wait([self = shared_from_this()](error_code) {
    if (self->closed_) return;
    if (std::chrono::steady_clock::now() < self->deadline_) {
      if (self->asleep_ && self->heartbeat_due()) self->pull();
      return self->watch_deadline();
    }
    self->timed_out_ = true;
    self->allow_forever();
    self->socket_.cancel();
    self->watch_deadline();
  });
}

void HttpConnection::close() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  timer_.cancel();
  pause_.cancel();
}

// --- reading ---

void HttpConnection::wait_for_request() {
  if (connections_.stopping) return close();
  allow(buffer_.size() > 0 ? connections_.options.head_timeout : connections_.options.idle_timeout);
  begin_head();
}

void HttpConnection::begin_head() {
  parser_.emplace();
  parser_->header_limit(kParserHeadBytes);
  parser_->body_limit(boost::none);
  request_ = Request{};
  match_ = RouteMatch{};
  request_.peer = peer_;
  keep_alive_ = false;
  read_bytes_ = 0;
  if (buffer_.size() == 0 && buffer_.capacity() > kReadBytesLeast) buffer_.shrink_to_fit();
  parse_head();
}

// The parser is fed by hand: an operation composed by the library cannot be stopped while bytes keep coming in.
void HttpConnection::read_on(void (HttpConnection::*parse)()) {
  const std::size_t room = read_bytes_ > 0 || buffer_.size() > 0 ? kReadBytesMost : kReadBytesLeast;
  socket_.async_read_some(buffer_.prepare(room),
                          [self = shared_from_this(), parse](error_code error, std::size_t bytes) {
                            if (self->closed_) return;
                            self->buffer_.commit(bytes);
                            self->read_bytes_ += bytes;
                            if (self->timed_out_) return self->give_up_reading();
                            if (error) return self->close();
                            (self.get()->*parse)();
                          });
}

void HttpConnection::parse_head() {
  error_code error;
  if (buffer_.size() > 0) {
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (parser_->is_header_done()) return on_head();
    if (error && error != beast::http::error::need_more) return on_bad_head(error);
  }
  read_on(&HttpConnection::read_of_head);
}

void HttpConnection::read_of_head() {
  // The time of the head runs from its first byte.
  if (!busy_) allow(connections_.options.head_timeout);
  busy_ = true;
  parse_head();
}

void HttpConnection::on_bad_head(error_code error) {
  started_at_ = std::chrono::steady_clock::now();
  busy_ = true;
  const auto data = buffer_.data();
  refuse(
      problem_of_parser(error, !parser_->get().target().empty(), {static_cast<const char*>(data.data()), data.size()}));
}

void HttpConnection::on_head() {
  started_at_ = std::chrono::steady_clock::now();
  busy_ = true;
  take_head();
  const auto problem = connections_.guard.check(request_);
  if (problem && problem->status != 415) return refuse(*problem);
  auto match = connections_.router.find(request_.method, request_.path());
  // What a body must be like is a matter of an address that takes one.
  if (!match) return refuse(match.error());
  if (problem) return refuse(*problem);
  match_ = *std::move(match);
  if (!is_safe(request_.method) && match_.route->writes) {
    if (const auto wait = connections_.writes.take(connections_.clock.mono()))
      return refuse(
          {.status = 429,
           .code = "too_many_writes",
           .detail = fmt::format("this server takes {} writes a second", connections_.options.writes_per_second),
           .retry_after = *wait});
  }
  if (parser_->content_length().value_or(0) > match_.route->body_bytes_max) return refuse(body_too_large());
  parser_->body_limit(match_.route->body_bytes_max);
  read_body();
}

void HttpConnection::take_head() {
  const auto& message = parser_->get();
  const auto method = message.method_string();
  request_.method = parse_method({method.data(), method.size()});
  request_.target.assign(message.target().data(), message.target().size());
  request_.version = static_cast<int>(message.version());
  for (const auto& field : message) {
    request_.headers.add(std::string(field.name_string().data(), field.name_string().size()),
                         std::string(field.value().data(), field.value().size()));
  }
  request_.id = request_id_of(request_).value_or("");
  if (request_.id.empty()) request_.id = connections_.tokens.token();
}

Problem HttpConnection::body_too_large() const {
  return {.status = 413,
          .code = "body_too_large",
          .detail = fmt::format("a body has at most {} bytes here", match_.route->body_bytes_max)};
}

void HttpConnection::read_body() {
  allow(connections_.options.body_timeout);
  if (parser_->is_done()) return on_body();
  parser_->eager(true);
  const auto expect = request_.headers.get("Expect");
  if (!expect) return parse_body();
  if (!equal_ignoring_case(*expect, "100-continue"))
    return refuse({.status = 417, .code = "unknown_expectation", .detail = "only Expect: 100-continue is known"});
  static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kGoOn), [self = shared_from_this()](error_code error, std::size_t) {
    if (error || self->over()) return self->close();
    self->parse_body();
  });
}

void HttpConnection::parse_body() {
  error_code error;
  if (buffer_.size() > 0) buffer_.consume(parser_->put(buffer_.data(), error));
  if (parser_->is_done()) return on_body();
  if (error == beast::http::error::body_limit) return refuse(body_too_large());
  if (error && error != beast::http::error::need_more) return refuse(problem_of_parser(error, true, {}));
  // The line of a chunk's size without an end (it may carry extensions) counts into no limit of the parser.
  if (buffer_.size() >= kParserHeadBytes) return refuse(problem_of_parser(beast::http::error::header_limit, true, {}));
  read_on(&HttpConnection::parse_body);
}

void HttpConnection::on_body() {
  keep_alive_ = parser_->keep_alive();
  request_.body = std::move(parser_->get().body());
  dispatch();
}

void HttpConnection::give_up_reading() {
  timed_out_ = false;
  if (!busy_) return close();  // nothing of a request has come
  const bool in_body = parser_->is_header_done();
  const auto limit = in_body ? connections_.options.body_timeout : connections_.options.head_timeout;
  refuse({.status = 408,
          .code = "too_slow",
          .detail = fmt::format("the {} of a request must arrive within {} s", in_body ? "body" : "head",
                                limit.count() / 1000)});
}

// --- handling ---

void HttpConnection::dispatch() {
  allow_forever();
  const bool strict = match_.route->address == Address::Strict;
  auto pairs = strict ? parse_query(request_.query()) : QueryPairs();
  if (!pairs) return refuse(bad_query(pairs.error()), KeepAlive::IfAsked);
  Query query(*std::move(pairs));
  if (match_.route->place == Place::Loop) {
    Call call{request_, std::move(match_.parameters), std::move(query)};
    return respond(answer(call));
  }
  // The request stays with the connection, which waits for this answer and touches nothing meanwhile.
  const bool taken = connections_.pool->offer([self = shared_from_this(), parameters = std::move(match_.parameters),
                                               query = std::move(query)]() mutable {
    Call call{self->request_, std::move(parameters), std::move(query)};
    Response response = self->answer(call);
    asio::io_context& io = self->connections_.io;
    asio::post(
        io, [self = std::move(self), response = std::move(response)]() mutable { self->respond(std::move(response)); });
  });
  if (!taken) {
    refuse({.status = 503,
            .code = "overloaded",
            .detail = "too many requests are waiting for an answer",
            .retry_after = std::chrono::seconds(1)},
           KeepAlive::IfAsked);
  }
}

Response HttpConnection::answer(Call& call) const {
  Answer result = match_.route->handle(call);
  return result ? *std::move(result) : rendered(result.error());
}

Response HttpConnection::rendered(const Problem& problem) const {
  if (connections_.options.render_refusal)
    if (auto response = connections_.options.render_refusal(request_, problem)) return *std::move(response);
  return to_response(localised(problem, language_of(request_)), request_.id);
}

void HttpConnection::refuse(const Problem& problem, KeepAlive keep) {
  if (request_.id.empty()) request_.id = connections_.tokens.token();  // its head could not be read
  if (keep == KeepAlive::Never) keep_alive_ = false;
  respond(rendered(problem));
}

// --- writing ---

void HttpConnection::respond(Response response) {
  if (closed_) return;
  response_ = std::move(response);
  if (connections_.stopping) keep_alive_ = false;
  if (response_.stream && connections_.streams >= connections_.options.streams_max) {
    response_ = rendered({.status = 429,
                          .code = "too_many_streams",
                          .detail = "too many streams are open",
                          .retry_after = std::chrono::seconds(5)});
  }
  const bool head_only = request_.method == Method::Head;
  const bool streaming = response_.stream && !head_only;
  if (streaming) keep_alive_ = false;
  chunked_ = streaming && request_.version >= 11;
  const auto body = !streaming ? Framing::Body::Whole : chunked_ ? Framing::Body::Chunked : Framing::Body::UntilClose;
  head_ = response_head(response_, {body, keep_alive_, request_.version}, request_.id, connections_.date());
  if (head_only || response_.status == 304 || response_.status == 204) response_.body.clear();
  log_access();
  write_offset_ = 0;
  write_pieces();
  if (streaming) begin_stream();
}

void HttpConnection::write_pieces() {
  allow(connections_.options.write_timeout);
  std::vector<asio::const_buffer> piece;
  if (write_offset_ == 0) piece.push_back(asio::buffer(head_));
  const std::size_t bytes = std::min(kWritePieceBytes, response_.body.size() - write_offset_);
  piece.push_back(asio::buffer(response_.body.data() + write_offset_, bytes));
  asio::async_write(socket_, piece, [self = shared_from_this(), bytes](error_code error, std::size_t) {
    if (error || self->over()) return self->close();
    self->write_offset_ += bytes;
    if (self->write_offset_ < self->response_.body.size()) return self->write_pieces();
    self->on_written();
  });
}

void HttpConnection::on_written() {
  if (streaming_) {
    std::string().swap(head_);
    return pull();
  }
  busy_ = false;
  if (keep_alive_) return wait_for_request();
  if (parser_->is_done()) return close();
  discard_rest();
}

// The client may still be sending a body that was refused: closing now would reset the connection and lose the
// answer.
void HttpConnection::discard_rest() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  allow(kDiscardTimeout);
  discard_more();
}

void HttpConnection::discard_more() {
  buffer_.clear();
  socket_.async_read_some(buffer_.prepare(64 << 10), [self = shared_from_this()](error_code error, std::size_t bytes) {
    self->discarded_ += bytes;
    if (error || self->over() || self->discarded_ > kDiscardBytesMax) return self->close();
    self->discard_more();
  });
}

void HttpConnection::log_access() const {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_at_;
  connections_.count(match_.route, request_.method, response_.status, took.count());
  if (!connections_.access) return;
  connections_.access(
      {.request_id = request_.id,
       .peer = peer_,
       .method = to_string(request_.method),
       .path = std::string(request_.path()),
       .status = response_.status,
       .bytes = response_.body.size(),
       .took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_at_),
       .trouble = response_.trouble});
}

}  // namespace cronfleet::api

#include "api/http_server.h"

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "api/handler_pool.h"
#include "api/problem_words.h"
#include "api/response_head.h"
#include "api/write_limit.h"
#include "base/check.h"

namespace cronfleet::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t kParserHeadBytes = 48 << 10;  // above both limits of the guard together
constexpr std::size_t kReadBufferBytes = 256 << 10;
constexpr std::size_t kReadBytesLeast = 4 << 10;  // what an idle connection costs
constexpr std::size_t kReadBytesMost = 32 << 10;  // once more than that has come
constexpr std::size_t kWritePieceBytes = 256 << 10;
constexpr std::size_t kDiscardBytesMax = 8 << 20;
constexpr std::chrono::seconds kDiscardTimeout{2};
constexpr std::chrono::milliseconds kPullAgain{500};  // after the pool was full
constexpr std::size_t kWokenAtOnce = 256;             // streams, before others have their turn
constexpr int kStreamSendBytes = 128 << 10;           // what the kernel keeps for a client that does not read

// "GET /x HTTP/2.0": well-formed, but of another version.
bool names_other_version(std::string_view received) {
  const std::string_view line = received.substr(0, received.find("\r\n"));
  const auto version = line.rfind(" HTTP/");
  return version != std::string_view::npos && line.find(' ') != version && line.size() == version + 9 &&
         line.find(' ', line.find(' ') + 1) == version;
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
  return {.status = 400, .code = "invalid_request", .detail = "the request is not well-formed HTTP"};
}

std::string name_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace

struct HttpServer::State {
  class Session;
  struct Listener {
    tcp::acceptor acceptor;
    std::string name;
  };

  State(HttpOptions o, const Router& r, const async::Clock& c, TokenSource& t, AccessLog a)
      : options(std::move(o)), router(r), clock(c), tokens(t), access(std::move(a)), guard(options.guard) {}

  Result<void> open(const std::string& text);
  void accept(Listener& listener);
  const std::string& date();
  void wake_sleepers();
  void wake_some(std::vector<std::shared_ptr<Session>> woken);

  const HttpOptions options;
  // How late a deadline that was moved forward may be noticed.
  const std::chrono::milliseconds tick = std::min({options.head_timeout, options.body_timeout, options.idle_timeout,
                                                   options.write_timeout, options.heartbeat}) /
                                         5;
  const Router& router;
  const async::Clock& clock;
  TokenSource& tokens;
  const AccessLog access;
  const Guard guard;

  // Loop thread only, but for `drained`.
  std::unordered_map<Session*, std::weak_ptr<Session>> sessions;
  WriteLimit writes{options.writes_per_second};
  std::unordered_set<Session*> sleepers;
  std::size_t streams = 0;
  bool stopping = false;
  std::int64_t date_second = -1;
  std::string date_text;
  std::mutex drained_mutex;
  std::condition_variable drained_changed;
  bool drained = false;

  mutable std::mutex counts_mutex;  // around the two below
  // By method and class of status, for each route and, at nullptr, for none: counting takes no texts.
  std::map<std::tuple<const Route*, Method, int>, std::uint64_t> requests;
  HttpCounts counted;
  std::atomic<std::size_t> connections_open{0}, streams_open{0};
  std::atomic<bool> wake_posted{false};
  std::uint16_t port = 0;
  bool started = false;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unique_ptr<HandlerPool> pool;
  std::thread thread;
};

// One connection. All of it runs on the loop thread; a handler's answer comes back to it as a posted task. The object
// lives as long as an operation of it is under way.
class HttpServer::State::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(State& server, tcp::socket socket, std::string peer)
      : server_(server), socket_(std::move(socket)), timer_(server.io), pause_(server.io), peer_(std::move(peer)) {
    buffer_.max_size(kReadBufferBytes);
  }
  ~Session() {
    if (streaming_) server_.streams_open = --server_.streams;
    server_.connections_open = server_.sessions.size() - 1;
    server_.sleepers.erase(this);
    server_.sessions.erase(this);
    if (server_.stopping && server_.sessions.empty()) {
      const std::lock_guard lock(server_.drained_mutex);
      server_.drained = true;
      server_.drained_changed.notify_all();
    }
  }

  void start() {
    allow(server_.options.head_timeout);
    watch_deadline();
    begin_head();
  }

  // The server stops: what is under way is answered, then the connection ends.
  void wind_up() {
    if (!busy_ || streaming_) close();
  }

  void wake() {
    if (asleep_) pull();
  }

 private:
  using Self = std::shared_ptr<Session>;

  // --- time-outs: one timer that follows `deadline_`, so that moving it costs a store ---
  void allow(std::chrono::milliseconds time) { deadline_ = std::chrono::steady_clock::now() + time; }
  // A deadline that passes between two operations has nothing to cancel: each of them looks here too.
  bool over() const { return closed_ || timed_out_; }
  void allow_forever() { deadline_ = SteadyTime::max(); }
  void watch_deadline() {
    const SteadyTime now = std::chrono::steady_clock::now();
    timer_.expires_at(std::min(deadline_, now + server_.tick));
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

  void close() {
    if (closed_) return;
    closed_ = true;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    timer_.cancel();
    pause_.cancel();
  }

  // --- reading ---
  void wait_for_request() {
    if (server_.stopping) return close();
    allow(buffer_.size() > 0 ? server_.options.head_timeout : server_.options.idle_timeout);
    begin_head();
  }

  void begin_head() {
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
  void read_on(void (Session::*parse)()) {
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

  void parse_head() {
    error_code error;
    if (buffer_.size() > 0) {
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (parser_->is_header_done()) return on_head();
      if (error && error != beast::http::error::need_more) return on_bad_head(error);
    }
    read_on(&Session::read_of_head);
  }
  void read_of_head() {
    // The time of the head runs from its first byte.
    if (!busy_) allow(server_.options.head_timeout);
    busy_ = true;
    parse_head();
  }

  void on_bad_head(error_code error) {
    started_at_ = std::chrono::steady_clock::now();
    busy_ = true;
    const auto data = buffer_.data();
    refuse(problem_of_parser(error, !parser_->get().target().empty(),
                             {static_cast<const char*>(data.data()), data.size()}));
  }

  void on_head() {
    started_at_ = std::chrono::steady_clock::now();
    busy_ = true;
    take_head();
    const auto problem = server_.guard.check(request_);
    if (problem && problem->status != 415) return refuse(*problem);
    auto match = server_.router.find(request_.method, request_.path());
    // What a body must be like is a matter of an address that exists.
    if (!match && (!problem || match.error().status == 404)) return refuse(match.error());
    if (problem) return refuse(*problem);
    match_ = *std::move(match);
    if (!is_safe(request_.method) && match_.route->writes) {
      if (const auto wait = server_.writes.take(server_.clock.mono()))
        return refuse({.status = 429,
                       .code = "too_many_writes",
                       .detail = fmt::format("this server takes {} writes a second", server_.options.writes_per_second),
                       .retry_after = *wait});
    }
    if (parser_->content_length().value_or(0) > match_.route->body_bytes_max) return refuse(body_too_large());
    parser_->body_limit(match_.route->body_bytes_max);
    read_body();
  }

  void take_head() {
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
    if (request_.id.empty()) request_.id = server_.tokens.token();
  }

  Problem body_too_large() const {
    return {.status = 413,
            .code = "body_too_large",
            .detail = fmt::format("a body has at most {} bytes here", match_.route->body_bytes_max)};
  }

  void read_body() {
    allow(server_.options.body_timeout);
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

  void parse_body() {
    error_code error;
    if (buffer_.size() > 0) buffer_.consume(parser_->put(buffer_.data(), error));
    if (parser_->is_done()) return on_body();
    if (error == beast::http::error::body_limit) return refuse(body_too_large());
    if (error && error != beast::http::error::need_more) return refuse(problem_of_parser(error, true, {}));
    // The line of a chunk's size without an end (it may carry extensions) counts into no limit of the parser.
    if (buffer_.size() >= kParserHeadBytes)
      return refuse(problem_of_parser(beast::http::error::header_limit, true, {}));
    read_on(&Session::parse_body);
  }

  void on_body() {
    keep_alive_ = parser_->keep_alive();
    request_.body = std::move(parser_->get().body());
    dispatch();
  }

  void give_up_reading() {
    timed_out_ = false;
    if (!busy_) return close();  // nothing of a request has come
    const bool in_body = parser_->is_header_done();
    const auto limit = in_body ? server_.options.body_timeout : server_.options.head_timeout;
    refuse({.status = 408,
            .code = "too_slow",
            .detail = fmt::format("the {} of a request must arrive within {} s", in_body ? "body" : "head",
                                  limit.count() / 1000)});
  }

  // --- handling ---
  void dispatch() {
    allow_forever();
    const bool strict = match_.route->address == Address::Strict;
    auto pairs = strict ? parse_query(request_.query()) : QueryPairs();
    if (!pairs)
      return refuse({.status = 400, .code = "invalid_query", .detail = pairs.error().message()}, KeepAlive::IfAsked);
    Query query(*std::move(pairs));
    if (match_.route->place == Place::Loop) {
      Call call{request_, std::move(match_.parameters), std::move(query)};
      return respond(answer(call));
    }
    // The request stays with the session, which waits for this answer and touches nothing meanwhile.
    const bool taken = server_.pool->offer(
        [self = shared_from_this(), parameters = std::move(match_.parameters), query = std::move(query)]() mutable {
          Call call{self->request_, std::move(parameters), std::move(query)};
          Response response = self->answer(call);
          asio::io_context& io = self->server_.io;
          asio::post(io, [self = std::move(self), response = std::move(response)]() mutable {
            self->respond(std::move(response));
          });
        });
    if (!taken) {
      refuse({.status = 503,
              .code = "overloaded",
              .detail = "too many requests are waiting for an answer",
              .retry_after = std::chrono::seconds(1)},
             KeepAlive::IfAsked);
    }
  }

  Response answer(Call& call) const {
    Answer result = match_.route->handle(call);
    return result ? *std::move(result) : rendered(result.error());
  }
  Response rendered(const Problem& problem) const {
    if (server_.options.render_refusal)
      if (auto response = server_.options.render_refusal(request_, problem)) return *std::move(response);
    return to_response(localised(problem, language_of(request_)), request_.id);
  }

  enum class KeepAlive { Never, IfAsked };
  void refuse(const Problem& problem, KeepAlive keep = KeepAlive::Never) {
    if (request_.id.empty()) request_.id = server_.tokens.token();  // its head could not be read
    if (keep == KeepAlive::Never) keep_alive_ = false;
    respond(rendered(problem));
  }

  // --- writing ---
  void respond(Response response) {
    if (closed_) return;
    response_ = std::move(response);
    if (server_.stopping) keep_alive_ = false;
    if (response_.stream && server_.streams >= server_.options.streams_max) {
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
    head_ = response_head(response_, {body, keep_alive_, request_.version}, request_.id, server_.date());
    if (head_only || response_.status == 304 || response_.status == 204) response_.body.clear();
    log_access();
    write_offset_ = 0;
    write_pieces();
    if (streaming) begin_stream();
  }

  void write_pieces() {
    allow(server_.options.write_timeout);
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

  void on_written() {
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
  void discard_rest() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    allow(kDiscardTimeout);
    discard_more();
  }
  void discard_more() {
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(64 << 10),
                            [self = shared_from_this()](error_code error, std::size_t bytes) {
                              self->discarded_ += bytes;
                              if (error || self->over() || self->discarded_ > kDiscardBytesMax) return self->close();
                              self->discard_more();
                            });
  }

  // --- streams ---
  void begin_stream() {
    streaming_ = true;
    server_.streams_open = ++server_.streams;
    stream_ = std::move(response_.stream);
    buffer_.clear();
    buffer_.shrink_to_fit();
    // There may be thousands of these: nothing of the request is kept.
    parser_.reset();
    request_ = Request{};
    match_ = RouteMatch{};
    response_.headers = Headers{};
    last_sent_at_ = std::chrono::steady_clock::now();
    if (stream_->at_once()) {
      error_code ignored;
      socket_.set_option(asio::socket_base::send_buffer_size(kStreamSendBytes), ignored);
    }
    // Readable now means closed: a client has nothing more to say on this connection.
    socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code) { self->close(); });
  }

  void pull() {
    if (closed_) return;
    asleep_ = false;
    allow_forever();
    if (stream_->at_once()) return on_piece(stream_->next());
    const bool taken = server_.pool->offer([self = shared_from_this()]() mutable {
      BodyStream::Piece piece = self->stream_->next();
      asio::io_context& io = self->server_.io;
      asio::post(io,
                 [self = std::move(self), piece = std::move(piece)]() mutable { self->on_piece(std::move(piece)); });
    });
    if (!taken) pull_after(kPullAgain);
  }
  void pull_after(std::chrono::milliseconds pause) {
    pause_.expires_after(pause);
    pause_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->pull();
    });
  }

  void on_piece(BodyStream::Piece piece) {
    using Then = BodyStream::Piece::Then;
    if (closed_) return;
    const bool idle = piece.then == Then::Wait || piece.then == Then::Sleep;
    if (piece.bytes.empty() && piece.shared.empty() && idle && heartbeat_due()) piece.bytes = ": heartbeat\n\n";
    piece_ = std::move(piece);
    if (piece_.bytes.empty() && piece_.shared.empty()) return after_piece();
    // What came while this is being written has woken nobody: look again afterwards.
    if (piece_.then == Then::Sleep) piece_.then = Then::More;
    last_sent_at_ = std::chrono::steady_clock::now();
    allow(server_.options.write_timeout);
    asio::async_write(socket_, framed_piece(), [self = shared_from_this()](error_code error, std::size_t) {
      if (error || self->over()) return self->close();
      self->after_piece();
    });
  }

  bool heartbeat_due() const {
    return response_.content_type == "text/event-stream" &&
           std::chrono::steady_clock::now() - last_sent_at_ >= server_.options.heartbeat;
  }

  std::vector<asio::const_buffer> framed_piece() {
    std::size_t bytes = piece_.bytes.size();
    for (const auto& shared : piece_.shared) bytes += shared->size();
    if (chunked_) piece_.bytes.insert(0, fmt::format("{:x}\r\n", bytes));
    std::vector<asio::const_buffer> buffers{asio::buffer(piece_.bytes)};
    buffers.reserve(piece_.shared.size() + 2);
    for (const auto& shared : piece_.shared) buffers.push_back(asio::buffer(*shared));
    static constexpr std::string_view kEndOfChunk = "\r\n";
    if (chunked_) buffers.push_back(asio::buffer(kEndOfChunk));
    return buffers;
  }

  void after_piece() {
    const BodyStream::Piece done = std::exchange(piece_, {});
    switch (done.then) {
      case BodyStream::Piece::Then::More: return pull();
      case BodyStream::Piece::Then::Wait:
        allow_forever();
        return pull_after(std::min(done.pause, server_.options.heartbeat));
      case BodyStream::Piece::Then::Sleep:
        allow_forever();
        asleep_ = true;
        server_.sleepers.insert(this);
        return;
      case BodyStream::Piece::Then::End: break;
    }
    if (!chunked_) return close();
    static constexpr std::string_view kLast = "0\r\n\r\n";
    allow(server_.options.write_timeout);
    asio::async_write(socket_, asio::buffer(kLast),
                      [self = shared_from_this()](error_code, std::size_t) { self->close(); });
  }

  void log_access() const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started_at_;
    {
      const std::lock_guard lock(server_.counts_mutex);
      ++server_.requests[{match_.route, request_.method, response_.status / 100}];
      server_.counted.seconds.add(took.count());
    }
    if (!server_.access) return;
    server_.access(
        {.request_id = request_.id,
         .peer = peer_,
         .method = to_string(request_.method),
         .path = std::string(request_.path()),
         .status = response_.status,
         .bytes = response_.body.size(),
         .took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_at_),
         .trouble = response_.trouble});
  }

  State& server_;
  tcp::socket socket_;
  asio::steady_timer timer_, pause_;
  SteadyTime deadline_{};
  const std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
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

void HttpServer::State::wake_sleepers() {
  wake_posted = false;
  std::vector<std::shared_ptr<Session>> woken;
  woken.reserve(sleepers.size());
  for (Session* session : std::exchange(sleepers, {})) woken.push_back(session->shared_from_this());
  wake_some(std::move(woken));
}

void HttpServer::State::wake_some(std::vector<std::shared_ptr<Session>> woken) {
  for (std::size_t count = 0; count < kWokenAtOnce && !woken.empty(); ++count) {
    const auto session = std::move(woken.back());
    woken.pop_back();
    session->wake();
  }
  if (!woken.empty()) asio::post(io, [this, woken = std::move(woken)]() mutable { wake_some(std::move(woken)); });
}

const std::string& HttpServer::State::date() {
  const WallTime now = clock.wall();
  const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != date_second) {
    date_second = second;
    date_text = http_date(now);
  }
  return date_text;
}

Result<void> HttpServer::State::open(const std::string& text) {
  error_code error;
  const auto address = asio::ip::make_address(text, error);
  if (error) return fail(Code::InvalidArgument, "'{}' is not an IP address", text);
  if (!address.is_loopback())
    return fail(Code::InvalidArgument,
                "refusing to listen on {}: it is not loopback, and this version has no login; use 127.0.0.1 or ::1",
                text);
  const tcp::endpoint endpoint(address, port);
  const std::string name = name_of(endpoint);
  auto listener = std::make_unique<Listener>(Listener{tcp::acceptor(io), name});
  tcp::acceptor& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  const bool missing =
      error == asio::error::address_family_not_supported || error.value() == EADDRNOTAVAIL || error.value() == EPERM;
  if (missing && !listeners.empty()) return {};
  if (error == asio::error::address_in_use)
    return fail(Code::Conflict, "cannot listen on {}: another process holds port {}; choose another with {}", name,
                port, options.port_setting);
  if (error) return fail(Code::Unavailable, "cannot listen on {}: {}", name, error.message());
  if (port == 0) {
    port = acceptor.local_endpoint().port();
    listener->name = name_of({address, port});
  }
  listeners.push_back(std::move(listener));
  return {};
}

void HttpServer::State::accept(Listener& listener) {
  listener.acceptor.async_accept([this, &listener](error_code error, tcp::socket socket) {
    if (!listener.acceptor.is_open()) return;
    if (error) {
      // Out of descriptors, most likely: wait for some to come back instead of spinning.
      auto timer = std::make_shared<asio::steady_timer>(io, std::chrono::milliseconds(100));
      timer->async_wait([this, &listener, timer](error_code) {
        if (listener.acceptor.is_open()) accept(listener);
      });
      return;
    }
    error_code ignored;
    if (sessions.size() < options.connections_max) {
      socket.set_option(tcp::no_delay(true), ignored);
      const auto peer = socket.remote_endpoint(ignored).address().to_string();
      const auto session = std::make_shared<Session>(*this, std::move(socket), peer);
      sessions.emplace(session.get(), session);
      connections_open = sessions.size();
      session->start();
    }
    accept(listener);
  });
}

HttpServer::HttpServer(HttpOptions options, const Router& router, const async::Clock& clock, TokenSource& tokens,
                       AccessLog access)
    : state_(std::make_unique<State>(std::move(options), router, clock, tokens, std::move(access))) {}

HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

Result<void> HttpServer::start() {
  CHECK(!state_->started);
  if (state_->options.addresses.empty()) return fail(Code::InvalidArgument, "no address to listen on");
  // A port that the kernel chose for one address may be taken on the next.
  constexpr int kPortsTried = 16;
  Result<void> opened;
  for (int tries = 0; tries < (state_->options.port == 0 ? kPortsTried : 1); ++tries) {
    state_->listeners.clear();
    state_->port = state_->options.port;
    for (const std::string& address : state_->options.addresses)
      if (opened = state_->open(address); !opened) break;
    if (opened || opened.error().code() != Code::Conflict) break;
  }
  if (!opened) {
    state_->listeners.clear();
    return opened;
  }
  state_->started = true;
  state_->pool = std::make_unique<HandlerPool>(state_->options.handler_threads, state_->options.handler_queue_max);
  for (const auto& listener : state_->listeners) state_->accept(*listener);
  state_->thread = std::thread([this] { state_->io.run(); });
  return {};
}

std::uint16_t HttpServer::port() const { return state_->port; }

std::vector<std::string> HttpServer::listening() const {
  std::vector<std::string> names;
  for (const auto& listener : state_->listeners) names.push_back(listener->name);
  return names;
}

HttpCounts HttpServer::counts() const {
  const std::lock_guard lock(state_->counts_mutex);
  HttpCounts counts = state_->counted;
  for (const auto& [key, count] : state_->requests) {
    const auto& [route, method, status_class] = key;
    counts.requests[{to_string(method), route ? route->pattern : "none", status_class}] += count;
  }
  counts.connections = state_->connections_open;
  counts.streams = state_->streams_open;
  return counts;
}

void HttpServer::wake() {
  if (!state_->wake_posted.exchange(true)) asio::post(state_->io, [this] { state_->wake_sleepers(); });
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  State& state = *state_;
  if (!state.thread.joinable()) return;
  asio::post(state.io, [&state] {
    state.stopping = true;
    error_code ignored;
    for (const auto& listener : state.listeners) listener->acceptor.close(ignored);
    std::vector<std::shared_ptr<State::Session>> open;
    for (const auto& [key, session] : state.sessions)
      if (auto living = session.lock()) open.push_back(std::move(living));
    for (const auto& session : open) session->wind_up();
    if (!state.sessions.empty()) return;
    const std::lock_guard lock(state.drained_mutex);
    state.drained = true;
    state.drained_changed.notify_all();
  });
  {
    std::unique_lock lock(state.drained_mutex);
    state.drained_changed.wait_for(lock, grace, [&state] { return state.drained; });
  }
  // The loop first: what the pool drops or posts from now on belongs to this thread alone.
  state.io.stop();
  state.thread.join();
  state.pool->stop();
}

}  // namespace cronfleet::api

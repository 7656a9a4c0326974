#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "api/http_connection.h"

namespace cronfleet::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPullAgain{500};  // after the pool was full
constexpr int kStreamSendBytes = 128 << 10;           // what the kernel keeps for a client that does not read

}  // namespace

void HttpConnection::begin_stream() {
  streaming_ = true;
  connections_.streams_open = ++connections_.streams;
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

void HttpConnection::pull() {
  if (closed_) return;
  asleep_ = false;
  allow_forever();
  if (stream_->at_once()) return on_piece(stream_->next());
  const bool taken = connections_.pool->offer([self = shared_from_this()]() mutable {
    BodyStream::Piece piece = self->stream_->next();
    asio::io_context& io = self->connections_.io;
    asio::post(io, [self = std::move(self), piece = std::move(piece)]() mutable { self->on_piece(std::move(piece)); });
  });
  if (!taken) pull_after(kPullAgain);
}

void HttpConnection::pull_after(std::chrono::milliseconds pause) {
  pause_.expires_after(pause);
  pause_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->pull();
  });
}

void HttpConnection::on_piece(BodyStream::Piece piece) {
  using Then = BodyStream::Piece::Then;
  if (closed_) return;
  const bool idle = piece.then == Then::Wait || piece.then == Then::Sleep;
  if (piece.bytes.empty() && piece.shared.empty() && idle && heartbeat_due()) piece.bytes = ": heartbeat\n\n";
  piece_ = std::move(piece);
  if (piece_.bytes.empty() && piece_.shared.empty()) return after_piece();
  // What came while this is being written has woken nobody: look again afterwards.
  if (piece_.then == Then::Sleep) piece_.then = Then::More;
  last_sent_at_ = std::chrono::steady_clock::now();
  allow(connections_.options.write_timeout);
  asio::async_write(socket_, framed_piece(), [self = shared_from_this()](error_code error, std::size_t) {
    if (error || self->over()) return self->close();
    self->after_piece();
  });
}

bool HttpConnection::heartbeat_due() const {
  return response_.content_type == "text/event-stream" &&
         std::chrono::steady_clock::now() - last_sent_at_ >= connections_.options.heartbeat;
}

std::vector<asio::const_buffer> HttpConnection::framed_piece() {
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

void HttpConnection::after_piece() {
  const BodyStream::Piece done = std::exchange(piece_, {});
  switch (done.then) {
    case BodyStream::Piece::Then::More: return pull();
    case BodyStream::Piece::Then::Wait:
      allow_forever();
      return pull_after(std::min(done.pause, connections_.options.heartbeat));
    case BodyStream::Piece::Then::Sleep:
      allow_forever();
      asleep_ = true;
      connections_.sleepers.insert(this);
      return;
    case BodyStream::Piece::Then::End: break;
  }
  if (!chunked_) return close();
  static constexpr std::string_view kLast = "0\r\n\r\n";
  allow(connections_.options.write_timeout);
  asio::async_write(socket_, asio::buffer(kLast),
                    [self = shared_from_this()](error_code, std::size_t) { self->close(); });
}

}  // namespace cronfleet::api

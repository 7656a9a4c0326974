#include "cli/interrupts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/check.h"

namespace cronfleet::cli {
namespace {

// A signal handler has no other way to its owner.
int pipe_ends[2] = {-1, -1};
struct sigaction former_int, former_term;

void note_signal(int) {
  const int error = errno;
  const char byte = 0;
  [[maybe_unused]] const auto written = ::write(pipe_ends[1], &byte, 1);
  errno = error;
}

}  // namespace

Interrupts::Interrupts() {
  CHECK(pipe_ends[0] < 0);
  CHECK(::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0);
  struct sigaction action{};
  action.sa_handler = note_signal;
  ::sigaction(SIGINT, &action, &former_int);
  ::sigaction(SIGTERM, &action, &former_term);
}

Interrupts::~Interrupts() {
  ::sigaction(SIGINT, &former_int, nullptr);
  ::sigaction(SIGTERM, &former_term, nullptr);
  for (int& end : pipe_ends) {
    ::close(end);
    end = -1;
  }
}

int Interrupts::descriptor() const { return pipe_ends[0]; }

bool Interrupts::pending() const { return wait(std::chrono::milliseconds(0)); }

bool Interrupts::wait(std::chrono::milliseconds most) const {
  pollfd what{.fd = pipe_ends[0], .events = POLLIN, .revents = 0};
  const auto until = std::chrono::steady_clock::now() + most;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const int ready = ::poll(&what, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

std::optional<std::string> Interrupts::line_from(int terminal) const {
  // A terminal drops what was typed when Ctrl-C follows: what poll saw may be gone before it is read, and a read that
  // blocks would wait for a line nobody types. Opened again, since O_NONBLOCK on the given one would be everybody's.
  const int own =
      ::open(fmt::format("/proc/self/fd/{}", terminal).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  std::optional<std::string> line;
  for (;;) {
    pollfd what[] = {{.fd = own >= 0 ? own : terminal, .events = POLLIN, .revents = 0},
                     {.fd = pipe_ends[0], .events = POLLIN, .revents = 0}};
    if (::poll(what, 2, -1) < 0) continue;
    if (what[1].revents != 0) break;
    char bytes[256];
    const auto size = ::read(what[0].fd, bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size > 0) line.emplace(bytes, static_cast<std::size_t>(size));
    break;
  }
  if (own >= 0) ::close(own);
  return line;
}

void Interrupts::clear() {
  char bytes[64];
  while (::read(pipe_ends[0], bytes, sizeof bytes) > 0) {
  }
}

}  // namespace cronfleet::cli

#include "async/asio_loop.h"

#include <sys/random.h>
#include <time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>

namespace cronfleet::async {
namespace {

std::chrono::nanoseconds read_clock(clockid_t id) {
  timespec now{};
  CHECK(::clock_gettime(id, &now) == 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

WallTime SystemClock::wall() const {
  return WallTime(std::chrono::duration_cast<std::chrono::microseconds>(read_clock(CLOCK_REALTIME)));
}
MonoTime SystemClock::mono() const { return MonoTime(read_clock(CLOCK_BOOTTIME)); }

struct AsioLoop::Impl {
  explicit Impl(const Clock& c) : clock(c), timer(context) {}

  // One kernel timer, armed for the earliest of ours or before it: one that was cancelled or moved on leaves it as it
  // is, and when it fires with nothing due it is armed anew. Setting it for each step of a burst cost 3 % of a worker.
  void arm() {
    const MonoTime next = timers.empty() ? MonoTime::max() : timers.begin()->first.first;
    if (next >= armed_for) return;
    armed_for = next;
    timer.expires_after(next - clock.mono());
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) fire();
    });
  }

  void fire() {
    armed_for = MonoTime::max();
    // Only what is due now: a task that arms a due timer again must not keep sockets and posts waiting.
    const MonoTime now = clock.mono();
    const TimerId last = last_id;
    while (!timers.empty() && timers.begin()->first.first <= now && timers.begin()->first.second <= last) {
      Task task = std::move(timers.begin()->second);
      due.erase(timers.begin()->first.second);
      timers.erase(timers.begin());
      task();
    }
    arm();
  }

  void wait(int fd, boost::asio::posix::stream_descriptor& descriptor) {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [this, fd](const boost::system::error_code& error) {
                            const auto found = readable.find(fd);
                            if (error || found == readable.end()) return;
                            const std::shared_ptr<Watched> watched = found->second;  // survives unwatch in ready()
                            watched->ready();
                            const auto still = readable.find(fd);
                            if (still != readable.end() && still->second == watched) wait(fd, watched->descriptor);
                          });
  }

  struct Watched {
    boost::asio::posix::stream_descriptor descriptor;
    Task ready;
  };

  const Clock& clock;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  boost::asio::steady_timer timer;
  std::map<std::pair<MonoTime, TimerId>, Task> timers;
  std::map<TimerId, MonoTime> due;
  std::map<int, std::shared_ptr<Watched>> readable;
  TimerId last_id = 0;
  MonoTime armed_for = MonoTime::max();
};

AsioLoop::AsioLoop(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}

AsioLoop::~AsioLoop() {
  for (auto& [fd, watched] : impl_->readable) watched->descriptor.release();
}

void AsioLoop::post(Task task) {
  boost::asio::post(impl_->context, [task = std::move(task)]() mutable { task(); });
}

TimerId AsioLoop::at(MonoTime at, Task task) {
  const TimerId id = ++impl_->last_id;
  impl_->timers.emplace(std::pair(at, id), std::move(task));
  impl_->due.emplace(id, at);
  impl_->arm();
  return id;
}

void AsioLoop::cancel(TimerId id) {
  const auto found = impl_->due.find(id);
  if (found == impl_->due.end()) return;
  impl_->timers.erase({found->second, id});
  impl_->due.erase(found);
}

void AsioLoop::watch_readable(int fd, Task ready) {
  auto watched = std::make_shared<Impl::Watched>(
      Impl::Watched{boost::asio::posix::stream_descriptor(impl_->context, fd), std::move(ready)});
  impl_->readable[fd] = watched;
  impl_->wait(fd, watched->descriptor);
}

void AsioLoop::unwatch(int fd) {
  const auto found = impl_->readable.find(fd);
  if (found == impl_->readable.end()) return;
  found->second->descriptor.release();
  impl_->readable.erase(found);
}

void AsioLoop::run() { impl_->context.run(); }
void AsioLoop::stop() { impl_->context.stop(); }

std::string SystemTokens::token() {
  std::uint64_t bits[2];
  CHECK(::getrandom(bits, sizeof bits, 0) == sizeof bits);
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

}  // namespace cronfleet::async

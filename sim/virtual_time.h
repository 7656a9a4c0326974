// sim/virtual_time.h: many machines under one virtual time, in one thread.
//
// VirtualTime holds what is still to happen, everywhere, and the true time; a VirtualNode is one machine's loop, timers
// and clocks. Events run in the order of their moment, those of one moment in the order in which they were asked for,
// so a seed gives one course of events. Nothing here waits: an hour without events costs nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "async/loop.h"

namespace cronfleet::sim {

class VirtualNode;

class VirtualTime {
 public:
  explicit VirtualTime(WallTime start) : start_(start) {}

  MonoTime now() const { return now_; }  // true time, 0 at the start
  WallTime wall() const { return start_ + std::chrono::duration_cast<WallTime::duration>(now_.time_since_epoch()); }

  // Moves to the next event and runs it. False: there is none.
  bool run_one() { return run_next(MonoTime::max()); }
  // Runs everything up to and including `until`, which is then the time.
  void run_until(MonoTime until);
  void run_for(std::chrono::nanoseconds duration) { run_until(now_ + duration); }

  std::uint64_t events() const { return events_; }  // run so far

 private:
  friend class VirtualNode;

  struct Slot {
    async::Task task;
    VirtualNode* node = nullptr;  // null: free
    std::uint32_t generation = 1;
  };
  struct Entry {  // stale once the slot's generation has moved on
    MonoTime at;
    std::uint64_t sequence;
    std::uint32_t slot, generation;
    friend bool operator<(const Entry& a, const Entry& b) {  // for a heap with the earliest on top
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };

  bool run_next(MonoTime until);
  bool run(const Entry& entry);
  async::TimerId add(VirtualNode& node, MonoTime at, async::Task task);
  async::Task release(std::uint32_t slot);
  void cancel(async::TimerId id);
  void drop_all_of(VirtualNode& node);

  WallTime start_;
  MonoTime now_{};
  std::uint64_t sequence_ = 0, events_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Entry> later_;  // heap
  std::deque<Entry> ready_;   // due now, after what later_ holds for now
};

// One machine. Everything runs on one thread, so each node is a loop of its own in name only.
class VirtualNode final : public async::Loop, public async::Timers, public async::Clock {
 public:
  // `uptime`: how long the machine has been up; monotonic clocks of different machines have nothing in common.
  explicit VirtualNode(VirtualTime& time, std::chrono::nanoseconds uptime = {}) : time_(time), uptime_(uptime) {}
  ~VirtualNode() override { time_.drop_all_of(*this); }
  VirtualNode(const VirtualNode&) = delete;
  VirtualNode& operator=(const VirtualNode&) = delete;

  void post(async::Task task) override;
  async::TimerId at(MonoTime at, async::Task task) override;
  void cancel(async::TimerId id) override { time_.cancel(id); }
  WallTime wall() const override { return time_.wall() + wall_offset_; }
  MonoTime mono() const override { return time_.now() + uptime_; }

  // How far this node's wall clock is from the truth.
  void set_wall_offset(std::chrono::microseconds offset) { wall_offset_ = offset; }
  void step_wall(std::chrono::microseconds by) { wall_offset_ += by; }

  // While frozen (SIGSTOP, a suspended machine) nothing runs; what came due meanwhile runs after thaw(), in order.
  void freeze() { frozen_ = true; }
  void thaw();
  bool frozen() const { return frozen_; }

  // The process dies: everything pending is dropped, and what is posted before restart() is dropped too.
  void crash();
  void restart() { up_ = true; }
  bool up() const { return up_; }

 private:
  friend class VirtualTime;

  VirtualTime& time_;
  std::chrono::nanoseconds uptime_;
  std::chrono::microseconds wall_offset_{0};
  bool frozen_ = false, up_ = true;
  std::vector<VirtualTime::Entry> held_;  // came due while frozen
};

}  // namespace cronfleet::sim

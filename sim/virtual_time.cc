#include "sim/virtual_time.h"

#include <algorithm>

#include "base/check.h"

namespace cronfleet::sim {

void VirtualTime::run_until(MonoTime until) {
  CHECK(until >= now_);
  while (run_next(until)) {
  }
  now_ = until;
}

bool VirtualTime::run_next(MonoTime until) {
  for (;;) {
    Entry entry;
    // An event of this moment that still lies in later_ was asked for before any in ready_.
    if (!later_.empty() && (later_.front().at <= now_ || (ready_.empty() && later_.front().at <= until))) {
      entry = later_.front();
      std::pop_heap(later_.begin(), later_.end());
      later_.pop_back();
    } else if (!ready_.empty()) {
      entry = ready_.front();
      ready_.pop_front();
    } else {
      return false;
    }
    if (slots_[entry.slot].generation != entry.generation) continue;
    now_ = std::max(now_, entry.at);
    if (run(entry)) return true;
  }
}

// False: its node is frozen.
bool VirtualTime::run(const Entry& entry) {
  VirtualNode& node = *slots_[entry.slot].node;
  if (node.frozen_) {
    node.held_.push_back(entry);
    return false;
  }
  async::Task task = release(entry.slot);
  ++events_;
  task();
  return true;
}

async::TimerId VirtualTime::add(VirtualNode& node, MonoTime at, async::Task task) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.task = std::move(task);
  slot.node = &node;
  const Entry entry{std::max(at, now_), sequence_++, index, slot.generation};
  if (at <= now_) {
    ready_.push_back(entry);
  } else {
    later_.push_back(entry);
    std::push_heap(later_.begin(), later_.end());
  }
  return static_cast<async::TimerId>(slot.generation) << 32 | index;
}

async::Task VirtualTime::release(std::uint32_t index) {
  Slot& slot = slots_[index];
  async::Task task = std::move(slot.task);
  slot.node = nullptr;
  ++slot.generation;
  free_.push_back(index);
  return task;
}

void VirtualTime::cancel(async::TimerId id) {
  const auto index = static_cast<std::uint32_t>(id);
  const auto generation = static_cast<std::uint32_t>(id >> 32);
  if (index >= slots_.size() || slots_[index].generation != generation || slots_[index].node == nullptr) return;
  const async::Task dropped = release(index);
}

void VirtualTime::drop_all_of(VirtualNode& node) {
  // Taken out first: the end of a task may cancel others.
  std::vector<async::Task> dropped;
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].node == &node) dropped.push_back(release(i));
  }
  node.held_.clear();
}

void VirtualNode::post(async::Task task) {
  if (up_) time_.add(*this, time_.now(), std::move(task));
}

async::TimerId VirtualNode::at(MonoTime at, async::Task task) {
  // A timer "never" must not wrap around on the way to the true time.
  const MonoTime when = at < MonoTime{} + uptime_ ? MonoTime{} : at - uptime_;
  return up_ ? time_.add(*this, when, std::move(task)) : 0;
}

void VirtualNode::thaw() {
  frozen_ = false;
  for (const VirtualTime::Entry& entry : held_) time_.ready_.push_back(entry);
  held_.clear();
}

void VirtualNode::crash() {
  up_ = false;
  frozen_ = false;
  time_.drop_all_of(*this);
}

}  // namespace cronfleet::sim

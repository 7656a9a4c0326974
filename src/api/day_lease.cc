#include "api/day_lease.h"

#include "async/await.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::hours kLeaseRenewal{1}, kLeaseLength{25};

}  // namespace

Outcome<core::LeaseId> DayLease::get() {
  const std::lock_guard lock(mutex_);
  if (lease_ != 0 && clock_.mono() - granted_at_ < kLeaseRenewal) return lease_;
  const MonoTime asked_at = clock_.mono();
  auto lease = async::await<core::LeaseId>([&](auto done) { store_.grant(kLeaseLength, std::move(done)); });
  if (!lease) return Refusal(problem_of(lease.error().with("asking for a lease")));
  lease_ = *lease;
  granted_at_ = asked_at;
  return lease_;
}

void DayLease::ended(core::LeaseId lease) {
  const std::lock_guard lock(mutex_);
  if (lease_ == lease) lease_ = 0;
}

}  // namespace cronfleet::api

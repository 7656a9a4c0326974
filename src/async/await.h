// async/await.h: turns a call that answers on a loop into one that a handler thread waits for.
//
//   auto listing = await<coord::Listing>([&](auto done) { store.list(prefix, std::move(done)); });
//
// Never on the loop that delivers the answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "async/callback.h"
#include "base/status.h"

namespace cronfleet::async {

constexpr std::chrono::milliseconds kStoreTimeout{10'000};

//   Unavailable  no answer within `limit`: it may still come, and what was asked for may still happen
template <typename T, typename Start>
Result<T> await(Start start, std::chrono::milliseconds limit = kStoreTimeout) {
  struct Waiting {
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<Result<T>> answer;
  };
  // Shared with the callback, which may outlive this call.
  const auto waiting = std::make_shared<Waiting>();
  start(Callback<Result<T>>([waiting](Result<T> answer) {
    const std::lock_guard lock(waiting->mutex);
    waiting->answer.emplace(std::move(answer));
    waiting->answered.notify_one();
  }));
  std::unique_lock lock(waiting->mutex);
  if (!waiting->answered.wait_for(lock, limit, [&] { return waiting->answer.has_value(); }))
    return fail(Code::Unavailable, "no answer from the store within {} ms", limit.count());
  return std::move(*waiting->answer);
}

}  // namespace cronfleet::async

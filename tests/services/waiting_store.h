// tests/services/waiting_store.h: a CoordStore asked from the test's own thread, which turns the loop until the answer
// is there.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coord/coord_store.h"
#include "tests/services/turned_loop.h"

namespace cronfleet::testing {

class WaitingStore {
 public:
  WaitingStore(coord::CoordStore& store, TurnedLoop& loop) : store_(store), loop_(loop) {}

  Result<std::vector<coord::TxnAnswer>> commit(std::vector<coord::Txn> batch) {
    return answer<std::vector<coord::TxnAnswer>>([&](auto done) { store_.commit(std::move(batch), std::move(done)); });
  }
  Result<coord::Revision> put(std::string key, std::string value, coord::LeaseId lease = 0) {
    return written(commit({{{}, {{std::move(key), std::move(value), lease}}, {}}}));
  }
  Result<coord::Revision> erase(std::string key) {
    return written(commit({{{}, {{std::move(key), std::nullopt, 0}}, {}}}));
  }
  Result<coord::Listing> get(std::vector<std::string> keys) {
    return answer<coord::Listing>([&](auto done) { store_.get(std::move(keys), std::move(done)); });
  }
  Result<coord::Listing> list(std::string prefix) {
    return answer<coord::Listing>([&](auto done) { store_.list(std::move(prefix), std::move(done)); });
  }
  Result<coord::LeaseId> grant(std::chrono::milliseconds ttl) {
    return answer<coord::LeaseId>([&](auto done) { store_.grant(ttl, std::move(done)); });
  }
  Result<std::chrono::milliseconds> keep_alive(coord::LeaseId lease) {
    return answer<std::chrono::milliseconds>([&](auto done) { store_.keep_alive(lease, std::move(done)); });
  }
  Result<coord::Revision> compact(coord::Revision revision) {
    return answer<coord::Revision>([&](auto done) { store_.compact(revision, std::move(done)); });
  }

  template <typename T, typename Call>
  Result<T> answer(Call call) {
    auto got = std::make_shared<std::optional<Result<T>>>();  // an answer may come after we gave up
    call([got](Result<T> result) { got->emplace(std::move(result)); });
    const bool answered = loop_.run_until([&] { return got->has_value(); }, std::chrono::seconds(60));
    EXPECT_TRUE(answered) << "no answer";
    if (!answered) return fail(Code::Unavailable, "no answer");
    return std::move(**got);
  }

 private:
  static Result<coord::Revision> written(Result<std::vector<coord::TxnAnswer>> answers) {
    if (!answers) return Failure(answers.error());
    return answers->front().revision;
  }

  coord::CoordStore& store_;
  TurnedLoop& loop_;
};

}  // namespace cronfleet::testing

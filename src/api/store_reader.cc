#include "api/store_reader.h"

#include "async/await.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::seconds kAway{1};

Failure still_away() { return fail(Code::Unavailable, "the store did not answer a moment ago"); }

}  // namespace

bool StoreReader::away() const { return clock_.mono().time_since_epoch().count() < away_until_ns_.load(); }

Result<coord::Listing> StoreReader::note(Result<coord::Listing> answer) {
  if (answer) {
    away_until_ns_ = 0;
    answers_ = true;
  } else if (answer.error().code() == Code::Unavailable) {
    answers_ = false;
    away_until_ns_ = (clock_.mono() + kAway).time_since_epoch().count();
  }
  return answer;
}

Result<coord::Listing> StoreReader::get(std::vector<std::string> keys) {
  if (away()) return still_away();
  return note(async::await<coord::Listing>([&](auto done) { store_.get(std::move(keys), std::move(done)); }));
}

Result<coord::Listing> StoreReader::list(const std::string& prefix) {
  if (away()) return still_away();
  return note(async::await<coord::Listing>([&](auto done) { store_.list(prefix, std::move(done)); }));
}

}  // namespace cronfleet::api

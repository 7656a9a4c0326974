// api/kept_answers.h: a POST that carries an Idempotency-Key is done once (API-6).
//
// A key belongs to an address. The first request with it takes idempotency/<digest>, is handled, and leaves its answer
// there for a day, for every server of the fleet. What was refused has changed nothing and is not kept: asked again, it
// is judged again. Runs that are asked for keep their key in the transaction that asks (JobCatalogue::run_now).
#pragma once

#include <functional>
#include <string>

#include "api/day_lease.h"
#include "api/router.h"
#include "base/token.h"
#include "core/entries.h"

namespace cronfleet::api {

// The header Idempotency-Key, empty where there is none; 400 invalid_idempotency_key where it is empty, given twice, no
// UTF-8 or longer than 255 characters.
Outcome<std::string> idempotency_key_of(const Request& request);

class KeptAnswers {
 public:
  // All are borrowed; `tokens` must be safe to call from several threads.
  KeptAnswers(coord::CoordStore& store, core::Keys keys, const async::Clock& clock, TokenSource& tokens)
      : store_(store), keys_(std::move(keys)), clock_(clock), tokens_(tokens), lease_(store, clock) {}

  // What `handle` answers, or answered when the same key came with the same body, query and precondition. 422
  // idempotency_mismatch: one of them was another, 409 request_in_flight: it is being handled. A server that dies over
  // a request holds its key for a minute. From any thread of the handlers.
  Answer once(Call& call, const std::function<Answer(Call&)>& handle);

 private:
  struct Taken {
    std::string key, value;  // what this request has put into the store
    core::LeaseId lease = 0;
  };
  // The request is ours to handle, or the answer that its key had.
  tl::expected<Taken, Answer> take(const std::string& key, const std::string& request);
  Result<core::TxnAnswer> put(const Taken& taken, core::Condition expected, std::optional<std::string> value);

  coord::CoordStore& store_;
  const core::Keys keys_;
  const async::Clock& clock_;
  TokenSource& tokens_;
  DayLease lease_;
};

}  // namespace cronfleet::api

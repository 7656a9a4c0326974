// core/transaction.h: what the core asks of the coordination store, as plain values.
//
// A Txn is applied whole or not at all: all its writes, provided every condition holds. The same values travel through
// the claim batcher (coord/batcher.h) to every backend (coord/coord_store.h). The rows of protocol.md §2 are built from
// these in core/protocol.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace cronfleet::core {

using Revision = std::int64_t;  // write count of the store; each commit takes the next one
using LeaseId = std::int64_t;   // 0: none

struct KeyValue {
  std::string key;
  std::string value;
  Revision created = 0;   // revision of the commit that created the key
  Revision modified = 0;  // of the last one that wrote it
  LeaseId lease = 0;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// On the value of one key. A value condition on an absent key is false, ValueLess too (protocol.md rule 27).
struct Condition {
  enum class Kind { Absent, Present, ValueEquals, ValueGreater, ValueLess, ModifiedAt };
  std::string key;
  Kind kind = Kind::Present;
  std::string value;      // for the Value kinds; compared as bytes
  Revision revision = 0;  // for ModifiedAt
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct Write {
  std::string key;
  std::optional<std::string> value;  // absent: delete (of an absent key: nothing happens)
  LeaseId lease = 0;
  friend bool operator==(const Write&, const Write&) = default;
};

struct Txn {
  std::vector<Condition> expected;
  std::vector<Write> writes;                 // no key twice
  std::vector<std::string> read_if_refused;  // keys whose state the refusal brings back
  friend bool operator==(const Txn&, const Txn&) = default;
};

struct TxnAnswer {
  bool committed = false;
  Revision revision = 0;        // of the store when it was decided; of the writes when committed
  std::vector<KeyValue> found;  // when refused: those of read_if_refused that exist
  MonoTime sent_at{};           // said by the batcher
};

}  // namespace cronfleet::core

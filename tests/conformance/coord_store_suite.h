// tests/conformance/coord_store_suite.h: the contract of coord/coord_store.h as tests, which every backend passes.
// A program per backend includes this once and names its backend:
//   INSTANTIATE_TEST_SUITE_P(Sim, CoordStoreSuite, ::testing::Values(CoordBackendParam{...}), ...);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coord/coord_store.h"

namespace cronfleet::testing {

using coord::Change;
using coord::Condition;
using coord::KeyValue;
using coord::LeaseId;
using coord::Listing;
using coord::Revision;
using coord::Txn;
using coord::TxnAnswer;
using std::chrono::milliseconds;

class CoordBackend {
 public:
  virtual ~CoordBackend() = default;
  virtual coord::CoordStore& store() = 0;
  // Turns the loop until `done` holds; false when it does not within about ten seconds.
  virtual bool run_until(const std::function<bool()>& done) = 0;
  // The backend's own idea of time, for leases.
  virtual MonoTime now() = 0;
  // Where this test's keys lie; a fresh place for each backend made.
  virtual std::string prefix() { return "/suite/"; }
};

struct CoordBackendParam {
  std::string name;
  std::function<std::unique_ptr<CoordBackend>()> make;
  milliseconds ttl{2'000};  // the shortest lease it takes
};
inline std::ostream& operator<<(std::ostream& out, const CoordBackendParam& param) { return out << param.name; }

// What a watch has said so far.
class WatchLog final : public coord::WatchSink {
 public:
  void on_changes(std::vector<Change> some, Revision revision) override {
    ASSERT_FALSE(some.empty());
    EXPECT_GE(revision, some.back().entry.modified);
    EXPECT_GT(some.front().entry.modified, delivered);  // commits come whole
    delivered = revision;
    for (Change& change : some) changes.push_back(std::move(change));
  }
  void on_failed(Status status) override {
    EXPECT_FALSE(failure.has_value());
    failure = std::move(status);
  }
  std::vector<std::string> texts(std::size_t skip = 0) const {  // "key=value", "key gone"
    std::vector<std::string> out;
    for (std::size_t i = skip; i < changes.size(); ++i) {
      const Change& c = changes[i];
      out.push_back(c.deleted ? c.entry.key + " gone" : c.entry.key + "=" + c.entry.value);
    }
    return out;
  }

  std::vector<Change> changes;
  std::optional<Status> failure;
  Revision delivered = 0;
};

class CoordStoreSuite : public ::testing::TestWithParam<CoordBackendParam> {
 protected:
  using Kind = Condition::Kind;

  CoordStoreSuite() : backend_(GetParam().make()), prefix_(backend_->prefix()) {}

  coord::CoordStore& store() { return backend_->store(); }
  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  bool run_until(const std::function<bool()>& done) { return backend_->run_until(done); }

  // Makes the call and turns the loop until its answer is there.
  template <typename T, typename Call>
  Result<T> answer(Call call) {
    std::optional<Result<T>> got;
    call([&got](Result<T> result) {
      EXPECT_FALSE(got.has_value()) << "answered twice";
      got = std::move(result);
    });
    EXPECT_FALSE(got.has_value()) << "answered inside the call";
    EXPECT_TRUE(run_until([&] { return got.has_value(); })) << "no answer";
    if (!got) return fail(Code::Unavailable, "no answer");
    return *got;
  }
  Result<std::vector<TxnAnswer>> commit(std::vector<Txn> batch) {
    return answer<std::vector<TxnAnswer>>([&](auto done) { store().commit(std::move(batch), std::move(done)); });
  }
  TxnAnswer commit_one(Txn txn) {
    auto answers = commit({std::move(txn)});
    EXPECT_TRUE(answers.has_value()) << answers.error().text();
    return answers ? answers->at(0) : TxnAnswer{};
  }
  Revision put(std::string_view name, std::string value, LeaseId lease = 0) {
    const TxnAnswer got = commit_one({{}, {{key(name), std::move(value), lease}}, {}});
    EXPECT_TRUE(got.committed);
    return got.revision;
  }
  Revision erase(std::string_view name) { return commit_one({{}, {{key(name), std::nullopt, 0}}, {}}).revision; }
  Listing get(std::vector<std::string> keys) {
    auto got = answer<Listing>([&](auto done) { store().get(std::move(keys), std::move(done)); });
    EXPECT_TRUE(got.has_value()) << got.error().text();
    return got ? *got : Listing{};
  }
  std::optional<KeyValue> get_one(std::string_view name) {
    Listing got = get({key(name)});
    if (got.entries.empty()) return std::nullopt;
    return got.entries[0];
  }
  std::string value_of(std::string_view name) {
    const auto got = get_one(name);
    return got ? got->value : "(absent)";
  }
  Listing list(std::string prefix) {
    auto got = answer<Listing>([&](auto done) { store().list(std::move(prefix), std::move(done)); });
    EXPECT_TRUE(got.has_value()) << got.error().text();
    return got ? *got : Listing{};
  }
  std::vector<std::string> list_keys(std::string prefix, std::string after, std::size_t most) {
    auto got = answer<Listing>(
        [&](auto done) { store().list_keys(std::move(prefix), std::move(after), most, std::move(done)); });
    EXPECT_TRUE(got.has_value()) << got.error().text();
    if (!got) return {};
    for (const KeyValue& entry : got->entries) EXPECT_EQ(entry.value, "") << entry.key;
    return keys_of(*got);
  }
  LeaseId grant(milliseconds ttl) {
    auto got = answer<LeaseId>([&](auto done) { store().grant(ttl, std::move(done)); });
    EXPECT_TRUE(got.has_value() && *got != 0);
    return got ? *got : 0;
  }
  Result<milliseconds> keep_alive(LeaseId lease) {
    return answer<milliseconds>([&](auto done) { store().keep_alive(lease, std::move(done)); });
  }
  Result<Revision> revoke(LeaseId lease) {
    return answer<Revision>([&](auto done) { store().revoke(lease, std::move(done)); });
  }
  Result<Revision> compact(Revision revision) {
    return answer<Revision>([&](auto done) { store().compact(revision, std::move(done)); });
  }
  static std::vector<std::string> keys_of(const Listing& listing) {
    std::vector<std::string> keys;
    for (const KeyValue& entry : listing.entries) keys.push_back(entry.key);
    return keys;
  }
  Condition condition(std::string_view name, Kind kind, std::string value = {}, Revision revision = 0) const {
    return {key(name), kind, std::move(value), revision};
  }

  std::unique_ptr<CoordBackend> backend_;
  std::string prefix_;
};

TEST_P(CoordStoreSuite, APutIsReadBackWithItsRevisions) {
  const Revision first = put("a", "1");
  const Revision second = put("a", "2");
  EXPECT_GT(second, first);
  EXPECT_EQ(get_one("a"), (KeyValue{key("a"), "2", first, second, 0}));
  EXPECT_EQ(get({key("a")}).revision, second);
  EXPECT_FALSE(get_one("b"));
}

TEST_P(CoordStoreSuite, ADeletedKeyIsGoneAndComesBackAsANewOne) {
  const Revision first = put("a", "1");
  EXPECT_GT(erase("a"), first);
  EXPECT_FALSE(get_one("a"));
  const Revision again = put("a", "2");
  EXPECT_EQ(get_one("a")->created, again);
}

TEST_P(CoordStoreSuite, DeletingWhatIsAbsentIsNoWrite) {
  const Revision before = put("a", "1");
  const TxnAnswer got = commit_one({{}, {{key("b"), std::nullopt, 0}}, {}});
  EXPECT_TRUE(got.committed);
  EXPECT_EQ(list(prefix_).revision, before);
}

TEST_P(CoordStoreSuite, ConditionsHoldAsTheySay) {
  const Revision at = put("m", "m");
  struct Case {
    std::string_view key;
    Kind kind;
    std::string value;
    Revision revision;
    bool holds;
  };
  const Case cases[] = {
      {"m", Kind::Absent, "", 0, false},          {"x", Kind::Absent, "", 0, true},
      {"m", Kind::Present, "", 0, true},          {"x", Kind::Present, "", 0, false},
      {"m", Kind::ValueEquals, "m", 0, true},     {"m", Kind::ValueEquals, "n", 0, false},
      {"m", Kind::ValueEquals, "", 0, false},     {"x", Kind::ValueEquals, "", 0, false},
      {"m", Kind::ValueGreater, "l", 0, true},    {"m", Kind::ValueGreater, "m", 0, false},
      {"m", Kind::ValueGreater, "", 0, true},     {"x", Kind::ValueGreater, "", 0, false},
      {"m", Kind::ValueLess, "n", 0, true},       {"m", Kind::ValueLess, "m", 0, false},
      {"m", Kind::ValueLess, "m\x01", 0, true},   {"m", Kind::ValueLess, "\xff", 0, true},
      {"x", Kind::ValueLess, "z", 0, false},      {"m", Kind::ModifiedAt, "", at, true},
      {"m", Kind::ModifiedAt, "", at - 1, false}, {"m", Kind::ModifiedAt, "", at + 1, false},
      {"x", Kind::ModifiedAt, "", at, false},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const Case& c = cases[i];
    Txn txn{{condition(c.key, c.kind, c.value, c.revision)}, {{key(fmt::format("out{}", i)), "1", 0}}, {}};
    EXPECT_EQ(commit_one(std::move(txn)).committed, c.holds) << "case " << i;
    EXPECT_EQ(get_one(fmt::format("out{}", i)).has_value(), c.holds) << "case " << i;
  }
}

TEST_P(CoordStoreSuite, ATransactionIsAppliedWholeOrNotAtAll) {
  put("a", "1");
  const Revision before = put("b", "1");
  const TxnAnswer refused = commit_one({{condition("a", Kind::ValueEquals, "1"), condition("b", Kind::Absent)},
                                        {{key("a"), "2", 0}, {key("c"), "2", 0}},
                                        {key("c"), key("b"), key("a")}});
  EXPECT_FALSE(refused.committed);
  EXPECT_EQ(refused.revision, before);
  ASSERT_EQ(refused.found.size(), 2u);  // in the order asked for, those that exist
  EXPECT_EQ(refused.found[0], (KeyValue{key("b"), "1", before, before, 0}));
  EXPECT_EQ(refused.found[1].key, key("a"));
  EXPECT_EQ(value_of("a"), "1");
  EXPECT_EQ(value_of("c"), "(absent)");

  const TxnAnswer taken = commit_one({{condition("a", Kind::ValueEquals, "1"), condition("c", Kind::Absent)},
                                      {{key("a"), std::nullopt, 0}, {key("b"), "2", 0}, {key("c"), "2", 0}},
                                      {key("a")}});
  EXPECT_TRUE(taken.committed);
  EXPECT_TRUE(taken.found.empty());
  EXPECT_EQ(get_one("b")->modified, taken.revision);
  EXPECT_EQ(get_one("c")->modified, taken.revision);
  EXPECT_EQ(value_of("a"), "(absent)");
}

TEST_P(CoordStoreSuite, OneOfTwoClaimsWins) {
  const auto claim = [&](std::string node) {
    return Txn{{condition("fired", Kind::Absent)}, {{key("fired"), std::move(node), 0}}, {key("fired")}};
  };
  EXPECT_TRUE(commit_one(claim("a")).committed);
  const TxnAnswer second = commit_one(claim("b"));
  EXPECT_FALSE(second.committed);
  ASSERT_EQ(second.found.size(), 1u);
  EXPECT_EQ(second.found[0].value, "a");
}

TEST_P(CoordStoreSuite, MembersOfABatchStandByThemselvesInOneCommit) {
  put("taken", "1");
  const auto answers = commit({{{condition("a", Kind::Absent)}, {{key("a"), "1", 0}}, {}},
                               {{condition("taken", Kind::Absent)}, {{key("b"), "1", 0}}, {key("taken")}},
                               {{condition("c", Kind::Absent)}, {{key("c"), "1", 0}}, {}}});
  ASSERT_TRUE(answers) << answers.error().text();
  ASSERT_EQ(answers->size(), 3u);
  EXPECT_TRUE((*answers)[0].committed);
  EXPECT_FALSE((*answers)[1].committed);
  EXPECT_TRUE((*answers)[2].committed);
  ASSERT_EQ((*answers)[1].found.size(), 1u);
  EXPECT_EQ(get_one("a")->modified, get_one("c")->modified);
  EXPECT_EQ((*answers)[2].revision, get_one("c")->modified);
  EXPECT_FALSE(get_one("b"));
}

TEST_P(CoordStoreSuite, ABatchWhoseMembersMeetIsRefusedWhole) {
  const Revision before = put("k", "1");
  const Txn other{{}, {{key("other"), "1", 0}}, {}};
  const std::vector<Txn> batches[] = {
      {other, {{}, {{key("k"), "2", 0}}, {}}, {{}, {{key("k"), "3", 0}}, {}}},
      {other, {{}, {{key("k"), "2", 0}}, {}}, {{}, {{key("k"), std::nullopt, 0}}, {}}},
      // Conditions that exclude each other do not help.
      {other,
       {{condition("k", Kind::Present)}, {{key("n"), "2", 0}}, {}},
       {{condition("k", Kind::Absent)}, {{key("n"), "3", 0}}, {}}},
      {other, {{condition("k", Kind::Present)}, {}, {}}, {{}, {{key("k"), "2", 0}}, {}}},
      {other, {{}, {{key("k"), std::nullopt, 0}}, {}}, {{condition("k", Kind::Present)}, {{key("n"), "1", 0}}, {}}},
      {{{}, {{key("k"), "2", 0}, {key("k"), "3", 0}}, {}}},
      std::vector<Txn>(coord::CoordStore::kBatchMax + 1),
  };
  for (std::size_t i = 0; i < std::size(batches); ++i) {
    const auto answers = commit(batches[i]);
    ASSERT_FALSE(answers) << "batch " << i;
    EXPECT_EQ(answers.error().code(), Code::InvalidArgument) << answers.error().text();
  }
  EXPECT_EQ(list(prefix_).revision, before);
  EXPECT_EQ(value_of("other"), "(absent)");
}

TEST_P(CoordStoreSuite, MembersMayShareConditionsAndOneMayJudgeWhatItWrites) {
  put("hold", "");
  std::vector<Txn> batch;
  for (std::size_t i = 0; i < coord::CoordStore::kBatchMax; ++i) {
    const std::string name = fmt::format("m{}", i);
    batch.push_back({{condition("hold", Kind::Present), condition(name, Kind::Absent)},
                     {{key(name), "1", 0}, {key("r" + name), "1", 0}},
                     {key(name), key("hold")}});
  }
  const auto answers = commit(batch);
  ASSERT_TRUE(answers) << answers.error().text();
  ASSERT_EQ(answers->size(), batch.size());
  for (const TxnAnswer& one : *answers) EXPECT_TRUE(one.committed);
  EXPECT_EQ(list(prefix_).entries.size(), 2 * batch.size() + 1);
  const auto again = commit(batch);
  ASSERT_TRUE(again);
  for (const TxnAnswer& one : *again) {
    EXPECT_FALSE(one.committed);
    EXPECT_EQ(one.found.size(), 2u);
  }
}

TEST_P(CoordStoreSuite, AnEmptyBatchIsAnswered) {
  const auto answers = commit({});
  ASSERT_TRUE(answers) << answers.error().text();
  EXPECT_TRUE(answers->empty());
}

TEST_P(CoordStoreSuite, KeysAndValuesAreBytesAndListsAreInByteOrder) {
  const std::string zero("\0", 1);
  const std::vector<std::string> names = {zero, "%",    "'",    "A",    "a",    "a" + zero, "a/b",
                                          "ab", "\x7f", "\x80", "每晚", "\xff", "\xff\xff"};
  std::vector<Txn> batch;
  for (auto name = names.rbegin(); name != names.rend(); ++name)
    batch.push_back({{}, {{key("x" + *name), *name + zero + "\xff", 0}}, {}});
  ASSERT_TRUE(commit(std::move(batch)));
  put("w", "before");
  put("y", "after");
  const Listing listing = list(key("x"));
  ASSERT_EQ(listing.entries.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(listing.entries[i].key, key("x" + names[i]));
    EXPECT_EQ(listing.entries[i].value, names[i] + zero + "\xff");
  }
  EXPECT_EQ(keys_of(list(key("xa"))), (std::vector<std::string>{key("xa"), key("xa" + zero), key("xa/b"), key("xab")}));
  EXPECT_EQ(keys_of(list(key("x\xff"))), (std::vector<std::string>{key("x\xff"), key("x\xff\xff")}));
  EXPECT_TRUE(list(key("nothing")).entries.empty());
}

TEST_P(CoordStoreSuite, KeysAreListedPageByPageWithoutTheirValues) {
  const std::string zero("\0", 1);
  const std::vector<std::string> all = {key("x/" + zero), key("x/a"), key("x/a" + zero), key("x/b"), key("x/\xff")};
  for (const char* name : {"x/a", "x/b", "x/\xff", "w", "x", "y", "x0"}) put(name, "value");
  put("x/" + zero, "value");
  put("x/a" + zero, "value");
  const auto pages = [&](std::size_t most) {
    std::vector<std::string> found;
    for (;;) {
      const auto page = list_keys(key("x/"), found.empty() ? "" : found.back(), most);
      EXPECT_LE(page.size(), most);
      found.insert(found.end(), page.begin(), page.end());
      if (page.size() < most) return found;
    }
  };
  for (const std::size_t most : {1u, 2u, 5u, 100u}) EXPECT_EQ(pages(most), all) << most;
  EXPECT_EQ(list_keys(key("x/"), key("x/a" + zero + zero), 100), (std::vector<std::string>{key("x/b"), key("x/\xff")}));
  EXPECT_EQ(list_keys(key("x/"), key("x0"), 100), std::vector<std::string>{});
  const auto whole = answer<Listing>([&](auto done) { store().list_keys(key("x/"), "", 100, std::move(done)); });
  ASSERT_TRUE(whole);
  const Listing with_values = list(key("x/"));
  EXPECT_EQ(whole->revision, with_values.revision);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(whole->entries[i].created, with_values.entries[i].created);
    EXPECT_EQ(whole->entries[i].modified, with_values.entries[i].modified);
  }
}

TEST_P(CoordStoreSuite, GetAnswersInTheOrderAskedFor) {
  put("a", "1");
  put("b", "2");
  const Revision at = put("c", "");
  const Listing got = get({key("c"), key("missing"), key("a")});
  EXPECT_EQ(keys_of(got), (std::vector<std::string>{key("c"), key("a")}));
  EXPECT_EQ(got.revision, at);
  EXPECT_EQ(got.entries[0].value, "");
}

TEST_P(CoordStoreSuite, ValuesOfAMegabyteTravel) {
  std::string value(1 << 20, 'x');
  for (std::size_t i = 0; i < value.size(); i += 251) value[i] = static_cast<char>(i);
  put("big", value);
  EXPECT_TRUE(value_of("big") == value);
}

TEST_P(CoordStoreSuite, AWatchDeliversEveryChangeOnceInOrder) {
  const Revision start = put("w/0", "first");
  WatchLog log;
  const auto handle = store().watch(key("w/"), start, log);
  std::vector<std::string> want;
  for (int i = 0; i < 50; ++i) {
    std::vector<Txn> batch;
    for (int j = 0; j < 3; ++j)
      batch.push_back({{}, {{key(fmt::format("w/{}", j)), fmt::format("{}.{}", i, j), 0}}, {}});
    batch.push_back({{}, {{key("elsewhere"), std::to_string(i), 0}}, {}});
    store().commit(std::move(batch), [](auto answers) { EXPECT_TRUE(answers.has_value()); });
  }
  ASSERT_TRUE(run_until([&] { return log.changes.size() >= 150; }));
  erase("w/1");
  ASSERT_TRUE(run_until([&] { return log.changes.size() >= 151; }));
  ASSERT_EQ(log.changes.size(), 151u);
  std::map<std::string, std::string> last;
  Revision revision = start;
  for (std::size_t i = 0; i < 150; ++i) {
    const KeyValue& entry = log.changes[i].entry;
    EXPECT_GE(entry.modified, revision);
    if (i % 3 == 0) {
      EXPECT_GT(entry.modified, revision);
    }
    revision = entry.modified;
    last[entry.key] = entry.value;
  }
  EXPECT_EQ(last.size(), 3u);
  EXPECT_TRUE(log.changes[150].deleted);
  EXPECT_EQ(log.changes[150].entry.key, key("w/1"));
  EXPECT_GT(log.changes[150].entry.modified, revision);
  EXPECT_EQ(log.changes[0].entry.created, start);
  EXPECT_FALSE(log.failure);
}

TEST_P(CoordStoreSuite, AWatchResumesAfterTheRevisionItIsGiven) {
  put("w/a", "1");
  const Revision second = put("w/a", "2");
  put("w/b", "3");
  put("x", "4");
  erase("w/a");
  {
    WatchLog log;
    const auto handle = store().watch(key("w/"), second, log);
    ASSERT_TRUE(run_until([&] { return log.changes.size() >= 2; }));
    put("w/c", "5");
    ASSERT_TRUE(run_until([&] { return log.changes.size() >= 3; }));
    EXPECT_EQ(log.texts(), (std::vector<std::string>{key("w/b") + "=3", key("w/a") + " gone", key("w/c") + "=5"}));
  }
  WatchLog none;
  {
    const auto handle = store().watch(key("w/"), second, none);
  }
  put("w/d", "6");
  put("w/e", "7");
  EXPECT_TRUE(none.changes.empty());
}

TEST_P(CoordStoreSuite, AListAndAWatchFromItsRevisionMissNothing) {
  for (int i = 0; i < 20; ++i) put("w/" + std::to_string(i), "before");
  std::vector<std::unique_ptr<WatchLog>> logs;
  std::vector<coord::WatchHandle> handles;
  std::vector<std::size_t> listed;
  for (int i = 0; i < 10; ++i) {
    store().commit({{{}, {{key("w/new" + std::to_string(i)), "after", 0}}, {}}}, [](auto) {});
    store().list(key("w/"), [&](Result<Listing> listing) {
      ASSERT_TRUE(listing);
      listed.push_back(listing->entries.size());
      logs.push_back(std::make_unique<WatchLog>());
      handles.push_back(store().watch(key("w/"), listing->revision, *logs.back()));
    });
  }
  ASSERT_TRUE(run_until([&] {
    if (listed.size() < 10) return false;
    for (std::size_t i = 0; i < 10; ++i) {
      if (listed[i] + logs[i]->changes.size() < 30) return false;
    }
    return true;
  }));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(listed[i] + logs[i]->changes.size(), 30u);
}

TEST_P(CoordStoreSuite, CompactedChangesAreRefusedAndTheRestStays) {
  const Revision first = put("w/a", "1");
  put("w/b", "1");
  const Revision third = put("w/a", "2");
  const Revision fourth = put("w/a", "3");
  ASSERT_TRUE(compact(fourth));
  WatchLog old;
  const auto old_handle = store().watch(key("w/"), first, old);
  ASSERT_TRUE(run_until([&] { return old.failure.has_value(); }));
  EXPECT_EQ(old.failure->code(), Code::Compacted) << old.failure->text();
  EXPECT_TRUE(old.changes.empty());
  EXPECT_LT(third, fourth);
  WatchLog fresh;
  const auto handle = store().watch(key("w/"), fourth, fresh);
  put("w/c", "4");
  ASSERT_TRUE(run_until([&] { return !fresh.changes.empty(); }));
  EXPECT_EQ(fresh.texts(), (std::vector<std::string>{key("w/c") + "=4"}));
  EXPECT_EQ(value_of("w/a"), "3");
  EXPECT_EQ(value_of("w/b"), "1");
}

TEST_P(CoordStoreSuite, AWatchFromAheadOfTheStoreIsToldToListAgain) {
  const Revision now = put("w/a", "1");
  WatchLog log;
  const auto handle = store().watch(key("w/"), now + 1'000, log);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }));
  EXPECT_EQ(log.failure->code(), Code::Compacted) << log.failure->text();
}

TEST_P(CoordStoreSuite, AnEndedLeaseTakesItsKeysAndTheWatchSaysSo) {
  const milliseconds ttl = GetParam().ttl;
  put("w/b", "before");
  const MonoTime granted_at = backend_->now();
  const LeaseId lease = grant(ttl);
  put("w/a", "1", lease);
  const Revision start = put("w/b", "2", lease);
  put("c", "3");
  EXPECT_EQ(get_one("w/a")->lease, lease);
  WatchLog log;
  const auto handle = store().watch(key("w/"), start, log);
  ASSERT_TRUE(run_until([&] { return log.changes.size() >= 2; }));
  EXPECT_GE(backend_->now() - granted_at, ttl);
  EXPECT_EQ(log.texts(), (std::vector<std::string>{key("w/a") + " gone", key("w/b") + " gone"}));
  EXPECT_EQ(log.changes[0].entry.modified, log.changes[1].entry.modified);
  EXPECT_EQ(list(prefix_).entries.size(), 1u);
  EXPECT_EQ(keep_alive(lease).error().code(), Code::LeaseLost);
}

TEST_P(CoordStoreSuite, AKeepAliveMovesTheEndOfALease) {
  const milliseconds ttl = GetParam().ttl;
  const LeaseId lease = grant(ttl);
  put("a", "1", lease);
  const MonoTime start = backend_->now();
  while (backend_->now() < start + 2 * ttl) {
    const MonoTime pause = backend_->now() + ttl / 4;
    // Reads, so that the loop has something to wait for.
    while (backend_->now() < pause) ASSERT_TRUE(get_one("a"));
    const auto left = keep_alive(lease);
    ASSERT_TRUE(left) << left.error().text();
    EXPECT_GE(*left, ttl);
  }
  const MonoTime renewed_at = backend_->now();
  ASSERT_TRUE(run_until([&] { return backend_->now() > renewed_at + milliseconds(1); }));
  while (get_one("a")) {
  }
  EXPECT_GE(backend_->now() - renewed_at, ttl - milliseconds(50));  // renewed a little before we read the time
}

TEST_P(CoordStoreSuite, ARevokedLeaseTakesItsKeysAtOnce) {
  const LeaseId lease = grant(milliseconds(60'000)), other = grant(milliseconds(60'000));
  put("a", "1", lease);
  put("b", "1", lease);
  put("moved", "1", lease);
  put("moved", "2", other);
  put("freed", "1", lease);
  put("freed", "2");
  const auto revision = revoke(lease);
  ASSERT_TRUE(revision) << revision.error().text();
  EXPECT_EQ(keys_of(list(prefix_)), (std::vector<std::string>{key("freed"), key("moved")}));
  EXPECT_EQ(revoke(lease).error().code(), Code::LeaseLost);
  ASSERT_TRUE(revoke(other));
  EXPECT_EQ(keys_of(list(prefix_)), (std::vector<std::string>{key("freed")}));
}

TEST_P(CoordStoreSuite, APutUnderADeadLeaseRefusesTheWholeBatchWhereItsBranchIsTaken) {
  const LeaseId lease = grant(milliseconds(60'000));
  const Revision before = put("hold", "", lease);
  ASSERT_TRUE(revoke(lease));
  const Txn other{{}, {{key("other"), "1", 0}}, {}};
  const auto taken = commit({other, {{}, {{key("a"), "1", lease}}, {}}});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::LeaseLost) << taken.error().text();
  EXPECT_EQ(value_of("other"), "(absent)");

  const auto guarded = commit({other, {{condition("hold", Kind::Present)}, {{key("a"), "1", lease}}, {}}});
  ASSERT_TRUE(guarded) << guarded.error().text();
  EXPECT_TRUE((*guarded)[0].committed);
  EXPECT_FALSE((*guarded)[1].committed);
  EXPECT_GT((*guarded)[0].revision, before);
}

TEST_P(CoordStoreSuite, AnUnknownLeaseIsLost) {
  EXPECT_EQ(keep_alive(12345).error().code(), Code::LeaseLost);
  EXPECT_EQ(revoke(12345).error().code(), Code::LeaseLost);
}

}  // namespace cronfleet::testing

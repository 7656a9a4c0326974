#include "coord/trim_versions.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace cronfleet::coord {
namespace {

constexpr std::size_t kRemovalsMax = 64;  // of one transaction; what is over goes after the next edit

// By revision, which the keys' bytes do not follow. A key of another form is nobody's version and stays.
std::vector<std::string> oldest_first(const Listing& versions, std::size_t prefix) {
  std::vector<std::pair<Revision, std::string>> found;
  for (const KeyValue& entry : versions.entries) {
    const char* const end = entry.key.data() + entry.key.size();
    Revision revision = 0;
    const auto [stopped, error] = std::from_chars(entry.key.data() + prefix, end, revision);
    if (error == std::errc{} && stopped == end) found.emplace_back(revision, entry.key);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> keys;
  for (auto& [revision, key] : found) keys.push_back(std::move(key));
  return keys;
}

}  // namespace

void trim_versions(CoordStore& store, const core::Keys& keys, const JobName& name) {
  const std::string prefix = keys.versions() + name.text() + "/";
  store.list(prefix, [&store, size = prefix.size()](Result<Listing> versions) {
    if (!versions || versions->entries.size() <= kVersionsMax) return;
    std::vector<std::string> old = oldest_first(*versions, size);
    if (old.size() <= kVersionsMax) return;
    old.resize(std::min(old.size() - kVersionsMax, kRemovalsMax));
    Txn removal;
    for (std::string& key : old) removal.writes.push_back({std::move(key), std::nullopt});
    std::vector<Txn> batch;
    batch.push_back(std::move(removal));
    store.commit(std::move(batch), [](Result<std::vector<TxnAnswer>>) {});
  });
}

}  // namespace cronfleet::coord

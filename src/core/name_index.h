// core/name_index.h: from a name to a small number, in 6 to 12 bytes for each: a worker has one for every job. The
// names stay where their owner keeps them; nothing is taken out.
//
//   names.add("nightly", 7, name_of);        // name_of(7) gives "nightly", now and later
//   names.find("nightly", name_of);          // 7
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace cronfleet::core {

class NameIndex {
 public:
  using Index = std::uint32_t;

  // Expected O(1). `name_of(Index)` is the name that an index was added under.
  template <typename NameOf>
  std::optional<Index> find(std::string_view name, const NameOf& name_of) const {
    if (places_.empty()) return std::nullopt;
    for (std::size_t place = place_of(name); places_[place] != kNone; place = (place + 1) & (places_.size() - 1))
      if (name_of(places_[place]) == name) return places_[place];
    return std::nullopt;
  }

  // Precondition: find() has nothing for the name.
  template <typename NameOf>
  void add(std::string_view name, Index index, const NameOf& name_of) {
    if (3 * (count_ + 1) > 2 * places_.size()) grow(name_of);
    put(name, index);
    ++count_;
  }

 private:
  static constexpr Index kNone = UINT32_MAX;
  static constexpr std::size_t kLeast = 16;

  std::size_t place_of(std::string_view name) const {
    return std::hash<std::string_view>()(name) & (places_.size() - 1);  // a power of two
  }
  void put(std::string_view name, Index index) {
    std::size_t place = place_of(name);
    while (places_[place] != kNone) place = (place + 1) & (places_.size() - 1);
    places_[place] = index;
  }
  template <typename NameOf>
  void grow(const NameOf& name_of) {
    const std::vector<Index> before = std::move(places_);
    places_.assign(before.empty() ? kLeast : 2 * before.size(), kNone);
    for (const Index index : before)
      if (index != kNone) put(name_of(index), index);
  }

  std::vector<Index> places_;
  std::size_t count_ = 0;
};

}  // namespace cronfleet::core

#include "core/name_index.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"

namespace cronfleet::core {
namespace {

TEST(NameIndex, FindsEachNameAmongManyAndNoOther) {
  Rng rng(20261127);
  std::vector<std::string> names;
  NameIndex index;
  const auto name_of = [&](NameIndex::Index i) -> std::string_view { return names[i]; };
  EXPECT_FALSE(index.find("", name_of));
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    names.push_back("job-" + std::to_string(i) + std::string(rng.below(20), 'x'));
    ASSERT_FALSE(index.find(names.back(), name_of)) << names.back();
    index.add(names.back(), i, name_of);
    const auto some = static_cast<std::uint32_t>(rng.below(i + 1));
    ASSERT_EQ(index.find(names[some], name_of), some) << "of " << i;
    ASSERT_FALSE(index.find(names[some] + "y", name_of));
  }
  for (std::uint32_t i = 0; i < names.size(); ++i) ASSERT_EQ(index.find(names[i], name_of), i);
}

}  // namespace
}  // namespace cronfleet::core

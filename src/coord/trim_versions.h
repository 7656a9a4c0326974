// coord/trim_versions.h: keeps the newest hundred documents of a job under versions/<name>/ and removes the older ones
// (protocol.md §1). Whoever has written a version calls it afterwards: a transaction cannot count keys.
#pragma once

#include <cstddef>

#include "base/ids.h"
#include "coord/coord_store.h"
#include "core/entries.h"

namespace cronfleet::coord {

constexpr std::size_t kVersionsMax = 100;

// Returns at once and answers nobody: what fails or is lost is done after the next edit. `store` must live until its
// answers have come. From any thread that may call the store.
void trim_versions(CoordStore& store, const core::Keys& keys, const JobName& name);

}  // namespace cronfleet::coord

// api/jobs_by_name.h: two versions of the list of all jobs, walked together.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "api/job_catalogue.h"

namespace cronfleet::api {

// Each list of the same version of the jobs holds the same one.
using JobsByName = std::shared_ptr<const std::vector<std::shared_ptr<const StoredJob>>>;

// For each job in order: unchanged(i, old) where it stands in both versions, at `i` and at `old`, else changed(i). One
// that has not changed is the same object in both.
template <typename Unchanged, typename Changed>
void walk_versions(const std::vector<std::shared_ptr<const StoredJob>>& jobs,
                   const std::vector<std::shared_ptr<const StoredJob>>& before, Unchanged unchanged, Changed changed) {
  std::size_t old = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (old < before.size() && before[old] != jobs[i])
      while (old < before.size() && before[old]->name < jobs[i]->name) ++old;
    if (old < before.size() && before[old] == jobs[i]) {
      unchanged(i, old++);
    } else {
      changed(i);
    }
  }
}

}  // namespace cronfleet::api

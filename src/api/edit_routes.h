// api/edit_routes.h: what is done with jobs beside reading and replacing them: merge patches, copies, older versions,
// many at once, what a job means, and the end of all its runs. docs/api.yaml says what each route takes and answers.
#pragma once

#include <functional>

#include "api/job_answers.h"
#include "api/router.h"

namespace cronfleet::api {

struct EditParts {
  JobCatalogue& jobs;
  RunCatalogue& runs;
  coord::CoordStore& store;
  const core::Keys& keys;
  const cron::ZoneSource& zones;
  std::function<void(std::string_view what, const std::string& about)> audit{};  // may be empty
};

class EditApi {
 public:
  explicit EditApi(EditParts parts) : parts_(parts) {}
  void add_routes(Router& router);

 private:
  Answer patch_job(Call& call);
  Answer clone_job(Call& call);
  Answer batch(Call& call);
  Answer explain_job(Call& call);
  Answer kill_job(Call& call);
  Answer list_versions(Call& call);
  Answer get_version(Call& call);
  Answer diff_versions(Call& call);
  Answer restore_version(Call& call);

  struct Version {
    core::Revision revision = 0;
    std::string document;
    bool current = false;
  };
  // Newest first; the current one is the first where the job stands. 404 where nothing was ever kept.
  Outcome<std::vector<Version>> versions_of(const JobName& name, Reading& reading);
  Outcome<Saved> patched(const JobName& name, std::string_view patch, const Precondition& precondition, Effect effect);
  Response answer(const Saved& saved, Effect effect);

  const EditParts parts_;
};

}  // namespace cronfleet::api

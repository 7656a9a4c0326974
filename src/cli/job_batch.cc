#include "cli/job_batch.h"

#include <boost/json.hpp>
#include <span>

#include "cli/answers.h"
#include "cli/words.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kItemsMax = 200, kBytesMax = 768 << 10;  // below the server's 500 and 1 MiB

std::string body_of(std::span<const JobChange> changes, Effect effect, std::string_view reason) {
  domain::JsonWriter body;
  body.object([&] {
    body.member("dry_run", effect == Effect::Judge);
    body.member("reason", reason);
    body.key("items").array([&] {
      for (const JobChange& change : changes) {
        body.object([&] {
          body.member("action", change.kind == JobChange::Kind::Put ? "put" : "delete");
          body.member("name", change.name);
          if (change.kind == JobChange::Kind::Put) body.key("job").raw(change.document);
          if (change.if_match.empty()) {
            body.member("if_none_match", "*");
          } else {
            body.member("if_match", change.if_match);
          }
        });
      }
    });
  });
  return body.take();
}

JobChanged changed_of(const json::value& item) {
  JobChanged changed{.revision = text_at(item, {"revision"}), .changed = text_at(item, {"changed"}) == "true"};
  const auto* status = item.as_object().if_contains("status");
  const int code = status && status->is_int64() ? static_cast<int>(status->get_int64()) : 500;
  if (code >= 200 && code < 300) return changed;
  const auto* problem = item.as_object().if_contains("problem");
  changed.refusal = error_of(ClientAnswer{.status = code, .body = problem ? json::serialize(*problem) : ""});
  return changed;
}

}  // namespace

CliResult<std::vector<JobChanged>> change_jobs(const Cli& cli, const std::vector<JobChange>& changes, Effect effect,
                                               std::string_view reason) {
  std::vector<JobChanged> all;
  while (all.size() < changes.size()) {
    std::size_t count = 0, bytes = 0;
    for (auto at = all.size(); at < changes.size() && count < kItemsMax; ++at, ++count) {
      bytes += changes[at].document.size() + changes[at].name.size() + 256;
      if (count > 0 && bytes > kBytesMax) break;
    }
    const std::span<const JobChange> part(changes.data() + all.size(), count);
    const ClientRequest request{
        .method = "POST", .target = "/api/v1/jobs:batch", .body = body_of(part, effect, reason)};
    // Asked again, a batch that was written would find its own jobs in the way.
    const auto answer = effect == Effect::Judge ? cli.ask_again(request) : cli.ask(request);
    if (!answer) return CliFailure(answer.error());
    const auto value = parse_answer(*answer);
    if (!value) return CliFailure(value.error());
    const auto* items = value->is_object() ? value->get_object().if_contains("items") : nullptr;
    if (!items || !items->is_array() || items->get_array().size() != count)
      return CliFailure({kExitFailure, words("the server's answer does not name every job")});
    for (const json::value& item : items->get_array()) {
      if (!item.is_object()) return CliFailure({kExitFailure, words("the server's answer does not name every job")});
      all.push_back(changed_of(item));
    }
  }
  return all;
}

}  // namespace cronfleet::cli

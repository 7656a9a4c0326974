#include "cli/job_apply.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <set>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/job_batch.h"
#include "cli/terminal.h"
#include "cli/text_diff.h"
#include "cli/words.h"
#include "domain/job_json.h"
#include "domain/json_merge.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view name) { return "/api/v1/jobs/" + api::percent_encode(name); }

// What is to happen to one job.
struct Step {
  enum class Kind { Create, Change, Keep, Delete };
  Kind kind = Kind::Keep;
  std::string where, name;
  domain::Job job;                   // not for Delete
  std::optional<Standing> standing;  // not for Create
};

std::string_view word_of(Step::Kind kind) {
  switch (kind) {
    case Step::Kind::Create: return "created";
    case Step::Kind::Change: return "changed";
    case Step::Kind::Keep: return "unchanged";
    case Step::Kind::Delete: return "deleted";
  }
  return "";
}

// A plan, and what came of it.
class Application {
 public:
  Application(const Cli& cli, const ApplyWishes& wishes) : cli_(cli), wishes_(wishes) {}

  int run() {
    if (const auto planned = plan(); !planned) return failed(cli_, planned.error());
    if (!judge()) return exit_code_;
    if (wishes_.dry_run) return show();
    if (const auto sure = may_delete(); !sure) return failed(cli_, sure.error());
    write();
    print();
    return exit_code_;
  }

 private:
  CliResult<void> plan() {
    auto documents = read();
    if (!documents) return CliFailure(documents.error());
    // An empty file is a mistake somewhere before us, and with --prune it would delete them all.
    if (documents->empty())
      return CliFailure({kExitInvalid, words("no job in {}; expected one or more documents; nothing was applied",
                                             fmt::format("{}", fmt::join(wishes_.paths, ", ")))});
    std::set<std::string> named;
    for (JobDocument& document : *documents) {
      Step step{.where = document.where, .name = document.job.name.text(), .job = std::move(document.job)};
      named.insert(step.name);
      auto standing = standing_of(cli_, step.name);
      if (!standing && standing.error().exit_code != kExitNotFound) return CliFailure(standing.error());
      if (standing) step.standing = *std::move(standing);
      step.kind = !step.standing                   ? Step::Kind::Create
                  : step.standing->job == step.job ? Step::Kind::Keep
                                                   : Step::Kind::Change;
      steps_.push_back(std::move(step));
    }
    if (wishes_.prune.empty()) return {};
    if (exit_code_ == kExitOk) return plan_deletes(named);
    // Its job may be one that stands, and would seem to stand in no document.
    cli_.say(words("nothing is deleted: a document that is left out could be that of a job with the label"));
    return {};
  }

  // With keep_going what is wrong is said here, and left out.
  CliResult<std::vector<JobDocument>> read() {
    if (!wishes_.keep_going) return read_job_files(wishes_.paths, cli_.io.in);
    ReadableJobs jobs = read_what_is_right(wishes_.paths, cli_.io.in);
    for (const std::string& mistake : jobs.mistakes) cli_.say(mistake);
    if (jobs.mistakes.empty()) return std::move(jobs.documents);
    exit_code_ = kExitInvalid;
    if (jobs.documents.empty()) return CliFailure({kExitInvalid, words("nothing was applied")});
    return std::move(jobs.documents);
  }

  CliResult<void> plan_deletes(const std::set<std::string>& named) {
    const auto all = ask_all_pages(cli_, "/api/v1/jobs?limit=500&label=" + api::percent_encode(wishes_.prune),
                                   {{"label", "--prune"}});
    if (!all) return CliFailure(all.error());
    for (const json::value& item : array_at(*all, "items")) {
      const std::string name = text_at(item, {"name"});
      if (named.count(name) != 0) continue;
      auto standing = standing_of(cli_, name);
      if (!standing) return CliFailure(standing.error());
      steps_.push_back(
          {.kind = Step::Kind::Delete, .where = "--prune", .name = name, .standing = *std::move(standing)});
    }
    return {};
  }

  // What the server would say to each; nothing is written.
  bool judge() {
    std::vector<JobChange> changes;
    std::vector<std::size_t> indexes;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.kind == Step::Kind::Keep) continue;
      const bool deletes = step.kind == Step::Kind::Delete;
      changes.push_back({.kind = deletes ? JobChange::Kind::Delete : JobChange::Kind::Put,
                         .name = step.name,
                         .document = deletes ? "" : domain::encode_job(step.job),
                         .if_match = step.standing ? step.standing->etag : ""});
      indexes.push_back(i);
    }
    const auto answers = change_jobs(cli_, changes, Effect::Judge, "job apply");
    if (!answers) {
      exit_code_ = failed(cli_, answers.error());
      return false;
    }
    std::set<std::size_t> refused;
    for (std::size_t i = 0; i < answers->size(); ++i) {
      if ((*answers)[i].refusal.exit_code == 0) continue;
      refused.insert(indexes[i]);
      note_failure(steps_[indexes[i]], (*answers)[i].refusal);
    }
    if (refused.empty()) return true;
    if (!wishes_.keep_going) {
      cli_.say(words("nothing was applied"));
      return false;
    }
    std::vector<Step> kept;
    for (std::size_t i = 0; i < steps_.size(); ++i)
      if (refused.count(i) == 0) kept.push_back(std::move(steps_[i]));
    steps_ = std::move(kept);
    return true;
  }

  void note_failure(const Step& step, const CliError& error) {
    cli_.say(words("{}: job '{}': {}", step.where, visible(step.name), error.message));
    if (exit_code_ == kExitOk) exit_code_ = error.exit_code;
  }

  CliResult<void> may_delete() const {
    const auto count =
        std::count_if(steps_.begin(), steps_.end(), [](const Step& step) { return step.kind == Step::Kind::Delete; });
    if (count == 0) return {};
    std::string names;
    for (const Step& step : steps_)
      if (step.kind == Step::Kind::Delete) names += words("{}'{}'", names.empty() ? "" : ", ", visible(step.name));
    return cli_.confirm(words("Delete what stands in no document: {}?", names), wishes_.yes);
  }

  void write() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      CliResult<json::value> done = json::value(json::object());
      if (step.kind == Step::Kind::Delete) {
        done = ask_json(
            cli_,
            {.method = "DELETE", .target = address_of(step.name), .headers = {{"If-Match", step.standing->etag}}});
      } else if (step.kind == Step::Kind::Keep) {
        done = ask_json(cli_, {.target = address_of(step.name)});
      } else {
        done = save_job(cli_, step.job, step.standing ? &*step.standing : nullptr);
      }
      if (done) {
        done_.push_back({&step, *std::move(done)});
        continue;
      }
      note_failure(step, done.error());
      if (wishes_.keep_going) continue;
      cli_.say(words("{} of {} jobs were applied", done_.size(), steps_.size()));
      return;
    }
  }

  void print() const {
    json::array items;
    for (const auto& [step, answer] : done_) {
      json::object item{{"name", step->name},
                        {"result", json::string_view(word_of(step->kind).data(), word_of(step->kind).size())}};
      if (const std::string next = text_at(answer, {"next_firings"}); !next.empty()) item["next_firing"] = next;
      items.push_back(std::move(item));
    }
    if (cli_.settings.output.is_for_people()) {
      for (const json::value& item : items) {
        const std::string next = text_at(item, {"next_firing"}), result = text_at(item, {"result"});
        if (cli_.settings.quiet) continue;
        const std::string name = visible(text_at(item, {"name"}));
        const std::string then = next.empty() ? words("does not fire") : words("fires next at {}", local_time(next));
        cli_.print((result == "deleted"   ? words("job '{}' deleted", name)
                    : result == "created" ? words("job '{}' created; {}", name, then)
                    : result == "changed" ? words("job '{}' changed; {}", name, then)
                                          : words("job '{}' unchanged; {}", name, then)) +
                   "\n");
      }
      return;
    }
    print_list(
        cli_, json::object{{"items", std::move(items)}},
        {.columns = {column("NAME", {"name"}), column("RESULT", {"result"}), column("NEXT FIRING", {"next_firing"})},
         .name_path = {"name"}});
  }

  // The dry run.
  int show() const {
    const bool differ =
        std::any_of(steps_.begin(), steps_.end(), [](const Step& step) { return step.kind != Step::Kind::Keep; });
    if (cli_.settings.output.is_for_people()) {
      for (const Step& step : steps_) {
        if (step.kind == Step::Kind::Keep) continue;
        print_diff(cli_, words("job '{}' would be {}", visible(step.name), word_of(step.kind)),
                   text_diff(step.standing ? job_yaml(step.standing->job) : "",
                             step.kind == Step::Kind::Delete ? "" : job_yaml(step.job)));
      }
      if (!differ) cli_.note(words("nothing would change"));
    } else {
      show_data();
    }
    return exit_code_ != kExitOk ? exit_code_ : differ ? static_cast<int>(kExitDifferences) : static_cast<int>(kExitOk);
  }
  void show_data() const {
    json::array items;
    for (const Step& step : steps_) {
      json::array changes;
      const std::string before = step.standing ? domain::encode_job(step.standing->job) : "{}";
      const std::string after = step.kind == Step::Kind::Delete ? "{}" : domain::encode_job(step.job);
      for (const domain::JsonChange& change : domain::json_changes(before, after)) {
        json::object one{{"pointer", change.pointer}};
        if (!change.before.empty()) one["before"] = json::parse(change.before);
        if (!change.after.empty()) one["after"] = json::parse(change.after);
        changes.push_back(std::move(one));
      }
      items.push_back(json::object{{"name", step.name},
                                   {"result", json::string_view(word_of(step.kind).data(), word_of(step.kind).size())},
                                   {"changes", std::move(changes)}});
    }
    print_list(cli_, json::object{{"items", std::move(items)}, {"dry_run", true}},
               {.columns = {column("NAME", {"name"}), column("RESULT", {"result"})}, .name_path = {"name"}});
  }

  const Cli& cli_;
  const ApplyWishes& wishes_;
  std::vector<Step> steps_;
  std::vector<std::pair<const Step*, json::value>> done_;
  int exit_code_ = kExitOk;
};

}  // namespace

CliResult<Standing> standing_of(const Cli& cli, const std::string& name) {
  const auto answer = cli.ask({.target = address_of(name)});
  if (!answer) return CliFailure(answer.error());
  const auto value = parse_answer(*answer);
  if (!value) return CliFailure(value.error());
  Standing standing{.etag = answer->header("etag")};
  const auto* document = value->is_object() ? value->get_object().if_contains("job") : nullptr;
  auto job = document ? domain::decode_job(json::serialize(*document), JobName(name))
                      : tl::expected<domain::Job, domain::DocumentErrors>(tl::unexpected(domain::DocumentErrors()));
  // One that cannot be read (put by hand) differs from every job.
  if (job) standing.job = domain::without_bookkeeping(*std::move(job));
  return standing;
}

CliResult<json::value> save_job(const Cli& cli, const domain::Job& job, const Standing* standing,
                                const std::map<std::string, std::string>& flags) {
  const std::string address = address_of(job.name.text());
  ClientRequest save{
      .method = "PUT", .target = address, .body = domain::encode_job(domain::without_bookkeeping(job)), .flags = flags};
  if (standing) {
    save.headers["If-Match"] = standing->etag;
  } else {
    save.headers["If-None-Match"] = "*";
  }
  auto saved = ask_json(cli, save);
  if (saved || !saved.error().outcome_unknown) return saved;
  const auto stands = standing_of(cli, job.name.text());
  if (!stands || !(stands->job == domain::without_bookkeeping(job))) return saved;
  return ask_json(cli, {.target = address});
}

const AnswerForm kAppliedForm{
    .schema = R"({"properties":{"name":{"type":"string"},"result":{"type":"string"},"next_firing":{"type":"string"},
                  "changes":{"items":{"properties":{"pointer":{"type":"string"},"before":{},"after":{}}}}}})"};

int apply_jobs(const Cli& cli, const ApplyWishes& wishes) { return Application(cli, wishes).run(); }

void print_diff(const Cli& cli, const std::string& title, const std::string& diff, std::string_view indent) {
  cli.print(title + "\n");
  for (std::string_view rest = diff; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const Colour colour = line.starts_with('+') ? Colour::Green : line.starts_with('-') ? Colour::Red : Colour::None;
    const std::string shown = visible(line);
    cli.print(std::string(indent) + (cli.settings.coloured ? coloured(shown, colour) : shown) + "\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace cronfleet::cli

#include "cli/job_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "api/url.h"
#include "async/asio_loop.h"
#include "cli/answers.h"
#include "cli/follow.h"
#include "cli/job_apply.h"
#include "cli/job_create.h"
#include "cli/job_edit.h"
#include "cli/job_history.h"
#include "cli/job_show.h"
#include "cli/run_command.h"
#include "cli/terminal.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "domain/job_json.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view name) { return "/api/v1/jobs/" + api::percent_encode(name); }

std::string next_text(const json::value& answer) {
  const std::string next = text_at(answer, {"next_firings"});
  return next.empty() ? words("does not fire") : words("fires next at {}", local_time(next));
}

int erase(const Cli& cli, const std::vector<std::string>& names, bool yes) {
  const auto sure = cli.confirm(
      names.size() == 1 ? words("Delete job '{}'?", visible(names.front())) : words("Delete {} jobs?", names.size()),
      yes);
  if (!sure) return failed(cli, sure.error());
  return for_each(cli, names, [&](const std::string& name) -> CliResult<void> {
    const auto answer = ask_json(cli, {.method = "DELETE", .target = address_of(name), .headers = {{"If-Match", "*"}}});
    if (!answer) return CliFailure(answer.error());
    print_change(cli, *answer, name, words("job '{}' deleted", visible(name)));
    return {};
  });
}

std::string paused_text(bool pauses, bool changed, const std::string& name, const std::string& next) {
  const std::string shown = visible(name);
  if (pauses)
    return changed ? words("job '{}' paused; {}", shown, next) : words("job '{}' was paused already; {}", shown, next);
  return changed ? words("job '{}' resumed; {}", shown, next) : words("job '{}' was not paused; {}", shown, next);
}

int pause(const Cli& cli, const std::vector<std::string>& names, const std::string& verb, const std::string& until,
          const std::string& reason) {
  domain::JsonWriter body;
  body.object([&] {
    if (!until.empty()) body.member("until", until);
    if (!reason.empty()) body.member("reason", reason);
  });
  const std::string document = body.take();
  return for_each(cli, names, [&](const std::string& name) -> CliResult<void> {
    const auto answer = ask_json_again(cli, {.method = "POST",
                                             .target = address_of(name) + ":" + verb,
                                             .body = document,
                                             .flags = {{"/until", "--until"}, {"/reason", "--reason"}}});
    if (!answer) return CliFailure(answer.error());
    print_change(cli, *answer, name,
                 paused_text(verb == "pause", text_at(*answer, {"changed"}) != "false", name, next_text(*answer)));
    return {};
  });
}

struct RunWishes {
  std::string name, reason, worker;
  std::vector<std::string> parameters;
  bool wait = false;
  OnInterrupt on_interrupt = OnInterrupt::Ask;
};

int run(const Cli& cli, const RunWishes& wishes) {
  domain::JsonWriter body;
  body.object([&] {
    if (!wishes.reason.empty()) body.member("reason", wishes.reason);
    if (!wishes.worker.empty()) body.member("worker", wishes.worker);
    if (wishes.parameters.empty()) return;
    body.key("parameters").object([&] {
      for (const std::string& pair : wishes.parameters)
        body.member(pair.substr(0, pair.find('=')), pair.substr(std::min(pair.find('=') + 1, pair.size())));
    });
  });
  for (const std::string& pair : wishes.parameters)
    if (pair.find('=') == std::string::npos)
      return failed(cli, {kExitUsage, words("--param '{}': expected NAME=VALUE", visible(pair))});
  const auto fits =
      template_fits(cli.settings.output, {wishes.wait ? "GET /api/v1/runs/{id}" : "POST /api/v1/jobs/{name}:run"});
  if (!fits) return failed(cli, fits.error());
  const auto answer =
      ask_json_again(cli, {.method = "POST",
                           .target = address_of(wishes.name) + ":run",
                           .body = body.take(),
                           .flags = {{"/reason", "--reason"}, {"/worker", "--worker"}, {"/parameters", "--param"}}});
  if (!answer) {
    const int exit_code = failed(cli, answer.error());
    return wishes.wait ? static_cast<int>(kExitWaitFailed) : exit_code;
  }
  const std::string id = text_at(*answer, {"run_id"});
  if (!wishes.wait) {
    print_change(cli, *answer, id, words("run '{}' asked for", visible(id)));
    return kExitOk;
  }
  cli.note(words("run '{}' asked for", visible(id)));
  // As data only the run itself is printed.
  const bool for_people = cli.settings.output.is_for_people();
  const auto record =
      follow_run(cli, id, for_people ? Streams::Apart : Streams::Aside, Escapes::ColourOnly, wishes.on_interrupt);
  if (!record) {
    const int exit_code = failed(cli, record.error());
    return exit_code == kExitInterrupted ? exit_code : static_cast<int>(kExitWaitFailed);
  }
  cli.note(sentence_of(*record));
  if (!for_people) show_run(cli, record->id.text());
  return exit_code_of(*record);
}

int create(const Cli& cli, const CreateWishes& wishes) {
  const auto job = job_of(wishes);
  if (!job) return failed(cli, job.error());
  const auto answer = save_job(cli, *job, nullptr, create_flags());
  if (!answer && answer.error().exit_code == kExitConflict)
    return failed(cli, {kExitConflict,
                        words("there is a job '{}' already; cronfleet job edit changes it", visible(wishes.name))});
  if (!answer) return failed(cli, answer.error());
  print_change(cli, *answer, wishes.name, words("job '{}' created; {}", visible(wishes.name), next_text(*answer)));
  return kExitOk;
}

int clone(const Cli& cli, const std::string& name, const std::string& copy, bool enabled) {
  domain::JsonWriter body;
  body.object([&] { body.member("name", copy).member("enabled", enabled); });
  const auto answer = ask_json(cli, {.method = "POST",
                                     .target = address_of(name) + ":clone",
                                     .body = body.take(),
                                     .flags = {{"/name", words("the copy's name")}}});
  if (!answer) return failed(cli, answer.error());
  print_change(cli, *answer, copy,
               enabled ? words("job '{}' created; {}", visible(copy), next_text(*answer))
                       : words("job '{}' created, disabled", visible(copy)));
  return kExitOk;
}

struct Flags {
  ClientOptions client;
  ApplyWishes apply;
  CreateWishes create;
  ExportWishes exported;
  RunWishes run;
  JobFilter filter;
  std::vector<std::string> names;
  std::string name, copy, reason, until;
  std::optional<std::int64_t> from, to;
  std::int64_t revision = 0;
  bool yes = false, enabled = false;
};

int diff(const Cli& cli, const Flags& flags) {
  if (flags.apply.paths.empty() == flags.name.empty())
    return failed(cli, {kExitUsage, words("give either the name of a job or files with -f")});
  if (!flags.name.empty()) return diff_versions(cli, flags.name, flags.from, flags.to);
  ApplyWishes wishes = flags.apply;
  wishes.dry_run = true;
  return apply_jobs(cli, wishes);
}

}  // namespace

void add_job_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* job = app.add_subcommand(
      "job", "Jobs: list, get, create, edit, apply, diff, run, pause, resume, clone, delete, history, restore, export");
  job->require_subcommand(1);
  job->footer("Examples and options: cronfleet job VERB --help");
  const Verbs verbs(*job, io, {flags, &flags->client}, exit_code);
  const auto add_name = [flags](CLI::App& sub) {
    sub.add_option("name", flags->name, "its name")->required()->type_name("JOB");
  };
  const auto add_files = [flags](CLI::App& sub) {
    return sub.add_option("-f,--file", flags->apply.paths, "a file, a folder of *.json and *.yaml, or -")
        ->type_name("PATH");
  };
  const auto add_prune = [flags](CLI::App& sub) {
    sub.add_option("--prune", flags->apply.prune, "delete jobs with this label that stand in no document")
        ->type_name("LABEL");
  };

  CLI::App* apply_verb = verbs.add(
      "apply", "Create or change jobs from JSON and YAML documents",
      "Everything is judged before the first write. --dry-run shows a diff and ends with 3 where something differs.\n"
      "With --keep-going the others are applied, and it ends with the code of the first failure.\n"
      "Examples:\n"
      "  cronfleet job apply -f nightly.yaml\n"
      "  cronfleet job apply -f jobs/ --prune managed-by=git --dry-run\n"
      "  cronfleet job get nightly -o yaml | sed 's/0 2/0 3/' | cronfleet job apply -f -",
      kAppliedForm, [flags](const Cli& cli) { return apply_jobs(cli, flags->apply); });
  add_files(*apply_verb)->required();
  add_prune(*apply_verb);
  apply_verb->add_flag("--dry-run", flags->apply.dry_run, "show what would change");
  apply_verb->add_flag("--keep-going", flags->apply.keep_going,
                       "leave out what is wrong or refused, and go on after a conflict");
  apply_verb->add_flag("-y,--yes", flags->apply.yes, "delete without asking");

  CLI::App* diff_verb = verbs.add("diff", "Show what documents would change, or what changed between versions",
                                  "Ends with 3 where something differs.\n"
                                  "Examples:\n"
                                  "  cronfleet job diff -f jobs/\n"
                                  "  cronfleet job diff nightly\n"
                                  "  cronfleet job diff nightly --from 12 --to 40",
                                  kAppliedForm, [flags](const Cli& cli) { return diff(cli, *flags); });
  diff_verb->add_option("name", flags->name, "a job, to compare its versions")->type_name("JOB");
  add_files(*diff_verb);
  add_prune(*diff_verb);
  diff_verb->add_option("--from", flags->from, "the older revision; the one before --to when absent")
      ->check(revision_number())
      ->type_name("REVISION");
  diff_verb->add_option("--to", flags->to, "the newer revision; what stands when absent")
      ->check(revision_number())
      ->type_name("REVISION");

  CLI::App* create_verb =
      verbs.add("create", "Create a job from flags",
                "Examples:\n"
                "  cronfleet job create nightly -s '0 2 * * *' --zone Europe/Berlin -- '/opt/backup | logger'\n"
                "  cronfleet job create poll -s '@every 10m' -l team=db -- /usr/bin/poll --all\n"
                "  cronfleet job create later -s @daily --disabled -- true",
                {"PUT /api/v1/jobs/{name}"}, [flags](const Cli& cli) { return create(cli, flags->create); });
  add_create_options(*create_verb, flags->create);

  add_name(*verbs.add("edit", "Open a job in $VISUAL or $EDITOR, and save it",
                      "What others change meanwhile is merged member by member; the same member is a conflict (6).\n"
                      "Examples:\n"
                      "  cronfleet job edit nightly\n"
                      "  EDITOR='code --wait' cronfleet job edit nightly\n"
                      "  EDITOR=\"sed -i 's/0 2/0 3/'\" cronfleet job edit nightly",
                      {"PUT /api/v1/jobs/{name}"}, [flags](const Cli& cli) { return edit_job(cli, flags->name); }));

  CLI::App* clone_verb = verbs.add("clone", "Copy a job under another name, disabled",
                                   "Examples:\n"
                                   "  cronfleet job clone nightly nightly-test\n"
                                   "  cronfleet job clone nightly weekly --enabled\n"
                                   "  cronfleet job clone nightly weekly && cronfleet job edit weekly",
                                   {"POST /api/v1/jobs/{name}:clone"}, [flags](const Cli& cli) {
                                     return clone(cli, flags->name, flags->copy, flags->enabled);
                                   });
  add_name(*clone_verb);
  clone_verb->add_option("copy", flags->copy, "name of the copy")->required()->type_name("");
  clone_verb->add_flag("--enabled", flags->enabled, "the copy fires at once");

  add_name(*verbs.add("history", "List the versions of a job, newest first, also of one that was deleted",
                      "Examples:\n"
                      "  cronfleet job history nightly\n"
                      "  cronfleet job diff nightly --from 12\n"
                      "  cronfleet job restore nightly 12",
                      {"GET /api/v1/jobs/{name}/versions"},
                      [flags](const Cli& cli) { return list_versions(cli, flags->name); }));

  CLI::App* restore_verb = verbs.add("restore", "Save an older version again, also of a deleted job",
                                     "Examples:\n"
                                     "  cronfleet job restore nightly 12\n"
                                     "  cronfleet job history nightly\n"
                                     "  cronfleet job diff nightly --from 12",
                                     {"POST /api/v1/jobs/{name}/versions/{revision}:restore"}, [flags](const Cli& cli) {
                                       return restore_version(cli, flags->name, flags->revision);
                                     });
  add_name(*restore_verb);
  restore_verb->add_option("revision", flags->revision, "the version")
      ->required()
      ->check(revision_number())
      ->type_name("REVISION");

  CLI::App* export_verb = verbs.add("export", "Write jobs as documents for job apply: YAML, or JSON with -o json",
                                    "Examples:\n"
                                    "  cronfleet job export > jobs.yaml\n"
                                    "  cronfleet job export -l team=db --dir jobs/\n"
                                    "  cronfleet job export nightly -o json",
                                    {}, [flags](const Cli& cli) { return export_jobs(cli, flags->exported); });
  export_verb->add_option("names", flags->exported.names, "their names; all when absent")->type_name("JOB");
  export_verb->add_option("-l,--label", flags->exported.labels, "only jobs with this label: name or name=value")
      ->type_name("LABEL");
  export_verb->add_option("--dir", flags->exported.folder, "a file for each job in this folder")->type_name("FOLDER");

  CLI::App* list_verb =
      verbs.add("list", "List jobs",
                "Examples:\n"
                "  cronfleet job list --label team=db\n"
                "  cronfleet job list --filter 'state:enabled name~backup next<1h'\n"
                "  cronfleet job list --text backup -o 'template={name}: {job.schedule}'",
                {"GET /api/v1/jobs"}, [flags](const Cli& cli) { return list_jobs(cli, flags->filter); });
  list_verb->add_option("-l,--label", flags->filter.labels, "only jobs with this label: name or name=value")
      ->type_name("LABEL");
  list_verb->add_option("--filter", flags->filter.filter, "as state:enabled label:team=db next<1h")
      ->type_name("FILTER");
  list_verb->add_option("--sort", flags->filter.sort, "name, next or revision; -name for the other way")
      ->type_name("KEY");
  list_verb->add_option("--text", flags->filter.text, "only jobs with this text in name, command, description or owner")
      ->type_name("TEXT");

  CLI::App* get_verb =
      verbs.add("get", "Show one job",
                "Examples:\n"
                "  cronfleet job get nightly\n"
                "  cronfleet job get 'weekly report' -o json\n"
                "  cronfleet job get nightly -o json > nightly.json",
                {"GET /api/v1/jobs/{name}"}, [flags](const Cli& cli) { return show_job(cli, flags->name); });
  add_name(*get_verb);

  CLI::App* delete_verb = verbs.add(
      "delete", "Delete jobs; what they ran stays in the history",
      "Examples:\n"
      "  cronfleet job delete nightly\n"
      "  cronfleet job delete one two three --yes\n"
      "  cronfleet job list --label old -o name | xargs -r -d '\\n' cronfleet job delete --yes",
      {"DELETE /api/v1/jobs/{name}"}, [flags](const Cli& cli) { return erase(cli, flags->names, flags->yes); });
  delete_verb->add_option("names", flags->names, "their names")->required()->type_name("JOB");
  delete_verb->add_flag("-y,--yes", flags->yes, "do not ask");

  CLI::App* run_verb = verbs.add(
      "run", "Run a job now",
      "With --wait the exit code is the job's own, 128 + n when signal n ended it, 125 when cronfleet itself\n"
      "failed or the job never ran, and 130 after Ctrl-C, which asks once whether to detach or to kill.\n"
      "With -o json and the other forms for programs its output goes to stderr, and the run that is over to stdout.\n"
      "Examples:\n"
      "  cronfleet job run nightly\n"
      "  cronfleet job run nightly --wait\n"
      "  cronfleet job run nightly --worker web-1 --reason 'after the fix'",
      {}, [flags](const Cli& cli) { return run(cli, flags->run); });
  run_verb->add_option("name", flags->run.name, "its name")->required()->type_name("JOB");
  run_verb->add_flag("-w,--wait", flags->run.wait, "follow its output until it is over");
  run_verb->add_option("--reason", flags->run.reason, "why, for the record")->type_name("TEXT");
  run_verb->add_option("--worker", flags->run.worker, "which worker is to run it; any when absent")
      ->type_name("WORKER");
  run_verb->add_option("-p,--param", flags->run.parameters, "a parameter the job declares; may be repeated")
      ->type_name("NAME=VALUE");
  run_verb->add_option("--on-interrupt", flags->run.on_interrupt, "what Ctrl-C means with --wait: ask, detach or kill")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, OnInterrupt>{
              {"ask", OnInterrupt::Ask}, {"detach", OnInterrupt::Detach}, {"kill", OnInterrupt::Kill}},
          CLI::ignore_case))
      ->transform(CLI::IsMember({"ask", "detach", "kill"}, CLI::ignore_case))
      ->type_name("WHAT");

  CLI::App* pause_verb =
      verbs.add("pause", "No firings until an instant, or until it is resumed",
                "Examples:\n"
                "  cronfleet job pause nightly\n"
                "  cronfleet job pause nightly --until 2027-01-02T00:00:00Z --reason holidays\n"
                "  cronfleet job list --label team=db -o name | xargs -r -d '\\n' cronfleet job pause",
                {"POST /api/v1/jobs/{name}:pause"},
                [flags](const Cli& cli) { return pause(cli, flags->names, "pause", flags->until, flags->reason); });
  pause_verb->add_option("--until", flags->until, "RFC 3339 time from which on it fires again")->type_name("TIME");
  CLI::App* resume_verb = verbs.add("resume", "End a pause",
                                    "Examples:\n"
                                    "  cronfleet job resume nightly\n"
                                    "  cronfleet job resume one two three\n"
                                    "  cronfleet job list -o name | xargs -r -d '\\n' cronfleet job resume",
                                    {"POST /api/v1/jobs/{name}:resume"}, [flags](const Cli& cli) {
                                      return pause(cli, flags->names, "resume", "", flags->reason);
                                    });
  for (CLI::App* both : {pause_verb, resume_verb}) {
    both->add_option("names", flags->names, "their names")->required()->type_name("JOB");
    both->add_option("--reason", flags->reason, "why, for the server's log")->type_name("TEXT");
  }
}

}  // namespace cronfleet::cli

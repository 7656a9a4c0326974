#include "cli/import_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "async/asio_loop.h"
#include "cli/answers.h"
#include "cli/crontab_files.h"
#include "cli/import_gone.h"
#include "cli/import_plan.h"
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

struct Flags {
  ClientOptions client;
  CrontabWishes wishes;
  std::string reason = "import crontab";
  bool apply = false, keep_going = false, update = false, prune = false, yes = false;
};

using Kind = ImportStep::Kind;
std::size_t refusals_of(const std::vector<TranslatedFile>& files) {
  std::size_t count = 0;
  for (const TranslatedFile& file : files) count += file.translation.refusals.size();
  return count;
}

std::string times_text(int times) {
  return times == 0   ? words("does not start it")
         : times == 1 ? words("starts it once")
                      : words("starts it {} times", times);
}
std::string difference_text(const crontab::Difference& difference) {
  return words("{}: cron {}, cronfleet {}", difference.local, times_text(difference.by_cron),
               times_text(difference.by_job));
}

std::string firings_text(const crontab::Comparison& comparison) {
  const std::string range = words("{} firings, until {}", comparison.firings, to_rfc3339(comparison.until));
  return comparison.differing == 0 ? words("fires as under cron: the same next {}", range)
                                   : words("fires otherwise at {} of the next {}", comparison.differing, range);
}

// What it does to the job that stands there.
void print_step(const Cli& cli, const ImportStep& step, bool update) {
  if (step.kind == Kind::Keep) cli.print(words("  the job stands there already\n"));
  if (step.kind == Kind::Taken)
    cli.print(words("  another job of that name stands there; --prefix gives other names\n"));
  if (step.kind != Kind::Change) return;
  print_diff(cli,
             update ? words("  changes the job that an earlier import made:")
                    : words("  an earlier import made the job; --update changes it:"),
             text_diff(job_yaml(step.standing->job), job_yaml(step.job)), "    ");
}

// Each line, what becomes of it, and how it fires.
void print_report(const Cli& cli, const std::vector<TranslatedFile>& files, const std::vector<ImportStep>& steps,
                  bool update) {
  for (const ImportStep& step : steps) {
    const crontab::Import& import = *step.import;
    cli.print(words("{}:{}: {}\n", step.file->path, import.line, visible(import.text)));
    cli.print(words("  job '{}': '{}' in {}, as user {}\n", visible(import.job.name.text()), import.job.schedule,
                    *import.job.time_zone, visible(import.job.process->user)));
    print_step(cli, step, update);
    cli.print(words("  {}\n", firings_text(import.comparison)));
    for (const crontab::Difference& difference : import.comparison.first)
      cli.print(words("    {}\n", difference_text(difference)));
    for (const std::string& note : import.notes) cli.print(words("  note: {}\n", visible(said(note))));
  }
  for (const TranslatedFile& file : files)
    for (const std::string& note : file.translation.notes)
      cli.print(words("{}: note: {}\n", file.path, visible(said(note))));
}

void write_changes(domain::JsonWriter& report, const ImportStep& step) {
  report.key("changes").array([&] {
    for (const domain::JsonChange& change :
         domain::json_changes(domain::encode_job(step.standing->job), domain::encode_job(step.job)))
      report.object([&] {
        report.member("pointer", change.pointer);
        if (!change.before.empty()) report.key("before").raw(change.before);
        if (!change.after.empty()) report.key("after").raw(change.after);
      });
  });
}

std::string report_json(const std::vector<TranslatedFile>& files, const std::vector<ImportStep>& steps,
                        const std::vector<GoneJob>& gone) {
  domain::JsonWriter report;
  report.object([&] {
    report.key("items").array([&] {
      for (const ImportStep& step : steps) {
        const crontab::Import* import = step.import;
        report.object([&] {
          report.member("source", step.file->path).member("line", import->line).member("text", import->text);
          report.key("job").raw(domain::encode_job(step.job));
          if (step.kind != Kind::Unknown) report.member("result", word_of(step.kind));
          if (step.kind == Kind::Change) write_changes(report, step);
          report.member("firings_compared", import->comparison.firings)
              .member("firings_until", to_rfc3339_ms(import->comparison.until))
              .member("firings_differing", import->comparison.differing);
          report.key("differences").array([&] {
            for (const crontab::Difference& difference : import->comparison.first)
              report.object([&] {
                report.member("at", to_rfc3339_ms(difference.at))
                    .member("by_cron", difference.by_cron)
                    .member("by_job", difference.by_job);
              });
          });
          report.key("notes").array([&] {
            for (const std::string& note : import->notes) report.value(note);
          });
        });
      }
    });
    report.key("refused").array([&] {
      for (const TranslatedFile& file : files)
        for (const crontab::Refusal& refusal : file.translation.refusals)
          report.object([&] {
            report.member("source", file.path).member("line", refusal.line).member("column", refusal.column);
            report.member("text", refusal.text).member("detail", refusal.message);
          });
    });
    report.key("gone").array([&] {
      for (const GoneJob& job : gone)
        report.object([&] { report.member("source", job.source).member("name", job.name); });
    });
    report.key("notes").array([&] {
      for (const TranslatedFile& file : files)
        for (const std::string& note : file.translation.notes) report.value(file.path + ": " + note);
    });
  });
  return report.take();
}

void say_refusals(const Cli& cli, const std::vector<TranslatedFile>& files) {
  for (const TranslatedFile& file : files)
    for (const crontab::Refusal& refusal : file.translation.refusals)
      cli.say(words("{}:{}:{}: {}", file.path, refusal.line, refusal.column, visible(said(refusal.message))));
}

void print(const Cli& cli, const std::vector<TranslatedFile>& files, const std::vector<ImportStep>& steps,
           const std::vector<GoneJob>& gone, bool update) {
  if (cli.settings.output.is_for_people()) return print_report(cli, files, steps, update);
  View view{.columns = {column("NAME", {"job", "name"}), column("SCHEDULE", {"job", "schedule"}),
                        column("ZONE", {"job", "time_zone"}), column("SOURCE", {"source"}), column("LINE", {"line"}),
                        column("FIRINGS COMPARED", {"firings_compared"}),
                        column("FIRINGS DIFFERING", {"firings_differing"}), column("RESULT", {"result"})},
            .name_path = {"job", "name"}};
  print_list(cli, json::parse(report_json(files, steps, gone)), view);
}

// Takes back what this import has written. True when nothing of it is left.
bool undo(const Cli& cli, const std::vector<const ImportStep*>& written, const std::vector<JobChanged>& answers,
          const std::string& reason) {
  std::vector<JobChange> back;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].refusal.exit_code != 0) continue;
    const ImportStep& step = *written[i];
    JobChange change{.kind = JobChange::Kind::Delete,
                     .name = step.job.name.text(),
                     .if_match = words("\"{}\"", answers[i].revision)};
    if (step.kind == Kind::Change) {
      change.kind = JobChange::Kind::Put;
      change.document = domain::encode_job(step.standing->job);
    }
    back.push_back(std::move(change));
  }
  const auto undone = change_jobs(cli, back, Effect::Write, "taken back: " + reason);
  if (!undone) return false;
  return std::all_of(undone->begin(), undone->end(), [](const JobChanged& one) {
    return one.refusal.exit_code == 0 || one.refusal.exit_code == kExitNotFound;
  });
}

// Says which names stand in the way, and answers how many.
std::size_t say_conflicts(const Cli& cli, const std::vector<ImportStep>& steps, bool update) {
  std::size_t count = 0;
  for (const ImportStep& step : steps) {
    const std::string name = visible(step.job.name.text());
    if (step.kind == Kind::Taken)
      cli.say(words("job '{}': another job of that name stands there; --prefix gives other names", name));
    if (step.kind == Kind::Change && !update)
      cli.say(words("job '{}': an earlier import made it, and its line has changed; --update changes the job", name));
    if (step.kind == Kind::Taken || (step.kind == Kind::Change && !update)) ++count;
  }
  return count;
}

// Says which files were read as a user's and look like the system's, and answers whether any does.
bool say_suspicions(const Cli& cli, const std::vector<TranslatedFile>& files) {
  bool any = false;
  for (const TranslatedFile& file : files) {
    if (!file.is_of_the_system) continue;
    any = true;
    cli.say(
        words("{}: on {} of {} lines the command begins with a user, as '{}': this looks like a system crontab, "
              "whose lines name a user; --system reads it so, --user NAME says that it is that user's own",
              visible(file.path), file.is_of_the_system->lines, file.is_of_the_system->of,
              visible(file.is_of_the_system->user)));
  }
  return any;
}

// Says which jobs have lost their line, and what becomes of them.
void say_gone(const Cli& cli, const std::vector<GoneJob>& gone, const Flags& flags) {
  for (const GoneJob& job : gone) {
    const std::string name = visible(job.name), source = visible(job.source);
    if (flags.prune && flags.apply) continue;  // the question names them
    cli.note(flags.prune ? words("job '{}': its line is gone from {}; --apply deletes it", name, source)
                         : words("job '{}': its line is gone from {}; it stays. --prune deletes it, and so does "
                                 "cronfleet job delete",
                                 name, source));
  }
}

// Asks whether they may go.
CliResult<void> may_delete(const Cli& cli, const std::vector<GoneJob>& gone, bool yes) {
  std::string names;
  for (const GoneJob& job : gone) names += words("{}'{}'", names.empty() ? "" : ", ", visible(job.name));
  return gone.empty() ? CliResult<void>() : cli.confirm(words("Delete the jobs whose line is gone: {}?", names), yes);
}

int import(const Cli& cli, const std::vector<ImportStep>& steps, const std::string& reason) {
  std::vector<JobChange> changes;
  std::vector<const ImportStep*> written;
  for (const ImportStep& step : steps) {
    if (step.kind == Kind::Keep) continue;
    changes.push_back({.name = step.job.name.text(),
                       .document = domain::encode_job(step.job),
                       .if_match = step.standing ? step.standing->etag : ""});
    written.push_back(&step);
  }
  for (const Effect effect : {Effect::Judge, Effect::Write}) {
    const auto answers = change_jobs(cli, changes, effect, reason);
    if (!answers) {
      cli.say(effect == Effect::Judge
                  ? words("nothing was imported")
                  : words("the server did not answer: some of the jobs may have been imported; the same import again "
                          "completes it"));
      return failed(cli, answers.error());
    }
    int exit_code = kExitOk;
    for (std::size_t i = 0; i < answers->size(); ++i) {
      const CliError& refusal = (*answers)[i].refusal;
      if (refusal.exit_code == 0) continue;
      if (exit_code == kExitOk) exit_code = refusal.exit_code;
      cli.say(words(
          "job '{}': {}", visible(changes[i].name),
          refusal.exit_code == kExitConflict ? words("somebody else saved or deleted it meanwhile") : refusal.message));
    }
    if (exit_code == kExitOk) continue;
    const bool clean = effect == Effect::Judge || undo(cli, written, *answers, reason);
    cli.say(clean ? words("nothing was imported")
                  : words("what was imported could not all be taken back: see cronfleet job list"));
    return exit_code;
  }
  const auto count = [&](Kind kind) {
    return std::count_if(steps.begin(), steps.end(), [kind](const ImportStep& step) { return step.kind == kind; });
  };
  const auto created = count(Kind::Create), changed = count(Kind::Change), kept = count(Kind::Keep);
  cli.note((created == 1 ? words("1 job imported") : words("{} jobs imported", created)) +
           (changed == 0 ? "" : words(", {} changed", changed)) +
           (kept == 0 ? "" : words(", {} stood there already", kept)));
  return kExitOk;
}

std::string counts_text(std::size_t jobs, std::size_t differing, std::size_t refused) {
  return (jobs == 1 ? words("1 line becomes a job, ") : words("{} lines become jobs, ", jobs)) +
         (differing == 1 ? words("1 of them fires otherwise at times, ")
                         : words("{} of them fire otherwise at times, ", differing)) +
         (refused == 1 ? words("1 is refused") : words("{} are refused", refused));
}

// The steps, then the deletes.
int import(const Cli& cli, const Flags& flags, const std::vector<ImportStep>& steps, const std::vector<GoneJob>& gone,
           bool some_are_refused) {
  const std::vector<GoneJob> doomed = flags.prune ? gone : std::vector<GoneJob>();
  if (const auto sure = may_delete(cli, doomed, flags.yes); !sure) return failed(cli, sure.error());
  if (const int exit_code = import(cli, steps, flags.reason); exit_code != kExitOk) return exit_code;
  if (flags.prune && some_are_refused)
    cli.say(words("nothing was deleted: a line that is left out could be that of a job"));
  const int exit_code = delete_gone(cli, doomed, flags.reason);
  if (exit_code == kExitOk)
    for (const GoneJob& job : doomed) cli.note(words("job '{}' deleted", visible(job.name)));
  return exit_code == kExitOk && some_are_refused ? static_cast<int>(kExitInvalid) : exit_code;
}

int import_crontab(const Cli& cli, const Flags& flags) {
  const auto files = translate_crontabs(flags.wishes, cli.io.in);
  if (!files) return failed(cli, files.error());
  std::vector<ImportStep> steps = steps_of(*files);
  const std::size_t refused = refusals_of(*files);
  // What becomes of the lines can be seen without a server.
  auto compared = compare_with_server(cli, steps);
  std::vector<GoneJob> gone;
  // A line that is refused may be that of any job.
  if (auto found = compared && refused == 0 ? gone_of(cli, flags.wishes, *files, steps) : gone) {
    gone = *std::move(found);
  } else {
    compared = CliFailure(found.error());
  }
  if (steps.empty() && refused == 0) {
    // With --prune an emptied file would delete them all.
    cli.say(words("there is no line that starts anything"));
    say_gone(cli, gone, {});
    return kExitOk;
  }
  if (!compared && flags.apply) return failed(cli, compared.error());
  print(cli, *files, steps, gone, flags.update);
  say_refusals(cli, *files);
  const bool suspected = say_suspicions(cli, *files);
  if (!compared) cli.note(words("what stands on the server is not known: {}", compared.error().message));
  const auto differing = static_cast<std::size_t>(std::count_if(
      steps.begin(), steps.end(), [](const ImportStep& step) { return step.import->comparison.differing > 0; }));
  const std::size_t in_the_way = say_conflicts(cli, steps, flags.update);
  const bool stops = refused > 0 && !flags.keep_going;
  say_gone(cli, gone, flags);
  if (flags.apply && !stops && !suspected && in_the_way == 0) return import(cli, flags, steps, gone, refused > 0);
  cli.note(counts_text(steps.size(), differing, refused));
  if (stops) {
    cli.say(words("nothing was imported: correct the lines, or leave them out with --keep-going"));
    return kExitInvalid;
  }
  cli.note(flags.apply || suspected || in_the_way > 0 ? words("nothing was imported")
                                                      : words("nothing was imported: --apply does it"));
  return refused > 0 || suspected ? kExitInvalid
         : in_the_way > 0         ? kExitConflict
         : differing > 0          ? kExitDifferences
                                  : kExitOk;
}

constexpr AnswerForm kImportForm{.schema = R"({"properties":{
    "source":{"type":"string"},"line":{"type":"integer"},"text":{"type":"string"},
    "job":{"$ref":"#/components/schemas/Job"},"result":{"type":"string"},
    "changes":{"items":{"properties":{"pointer":{"type":"string"},"before":{},"after":{}}}},
    "firings_compared":{"type":"integer"},"firings_until":{"type":"string"},"firings_differing":{"type":"integer"},
    "differences":{"items":{"properties":{"at":{"type":"string"},"by_cron":{"type":"integer"},
                                          "by_job":{"type":"integer"}}}},
    "notes":{"items":{"type":"string"}}}})"};

}  // namespace

void add_import_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* import = app.add_subcommand("import", "Jobs from elsewhere: crontab");
  import->require_subcommand(1);
  import->footer("Examples and options: cronfleet import crontab --help");
  CLI::App* crontab = import->add_subcommand("crontab", "Show what crontabs become, and import them with --apply");
  crontab->footer(
      "Each line is compared with cron's own rules over its next 1,000 firings, and with the job that stands there.\n"
      "Ends with 7 when a line is refused, or names a user without --system, 6 when a name is taken, else 3 when one\n"
      "fires otherwise than under cron.\n"
      "--apply imports all and ends with 0, or nothing and ends with 7 or 6; lines that --keep-going leaves out: 7.\n"
      "Examples:\n"
      "  crontab -l | cronfleet import crontab -\n"
      "  cronfleet import crontab /etc/crontab /etc/cron.d --update --prune --apply\n"
      "  cronfleet import crontab --user www-data --zone Europe/Berlin --prefix web- web.crontab");
  crontab->add_option("paths", flags->wishes.paths, "files, folders like /etc/cron.d, or - for standard input")
      ->required()
      ->type_name("PATH");
  crontab->add_flag("--apply", flags->apply, "import them; without it they are only shown");
  crontab->add_option("--reason", flags->reason, "why, for the server's log")->type_name("TEXT");
  crontab->add_flag("--update", flags->update, "change jobs that an earlier import of the same crontab made");
  crontab->add_flag("--prune", flags->prune, "delete jobs of an earlier import whose line is gone");
  crontab->add_flag("-y,--yes", flags->yes, "delete without asking");
  crontab->add_flag("--keep-going", flags->keep_going, "leave out lines that are refused");
  crontab->add_flag("--system", flags->wishes.system,
                    "lines name a user; so they do in /etc/crontab and in folders without it");
  crontab->add_option("--user", flags->wishes.user, "whose crontab it is; by its path, or you, when absent")
      ->type_name("USER");
  crontab->add_option("--zone,--tz", flags->wishes.zone, "the zone cron ran in; this machine's when absent")
      ->type_name("ZONE");
  crontab->add_option("--prefix", flags->wishes.prefix, "in front of every job's name")->type_name("TEXT");
  add_client_options(*crontab, flags->client);
  crontab->callback([flags, io, &exit_code] {
    flags->wishes.from = async::SystemClock().wall();
    exit_code =
        with_cli(io, flags->client, kImportForm, [flags](const Cli& cli) { return import_crontab(cli, *flags); });
  });
}

}  // namespace cronfleet::cli

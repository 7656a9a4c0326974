#include "cli/import_command.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <memory>

#include "api/url.h"
#include "async/asio_loop.h"
#include "cli/answers.h"
#include "cli/crontab_files.h"
#include "cli/job_batch.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/job_json.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

struct Flags {
  ClientOptions client;
  CrontabWishes wishes;
  std::string reason = "import crontab";
  bool apply = false, keep_going = false;
};

struct Found {
  const TranslatedFile* file;
  const crontab::Import* import;
};
std::vector<Found> imports_of(const std::vector<TranslatedFile>& files) {
  std::vector<Found> all;
  for (const TranslatedFile& file : files)
    for (const crontab::Import& import : file.translation.imports) all.push_back({&file, &import});
  return all;
}
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

// Each line, what becomes of it, and how it fires.
void print_report(const Cli& cli, const std::vector<TranslatedFile>& files) {
  for (const TranslatedFile& file : files) {
    for (const crontab::Import& import : file.translation.imports) {
      const domain::Job& job = import.job;
      cli.print(words("{}:{}: {}\n", file.path, import.line, visible(import.text)));
      cli.print(words("  job '{}': '{}' in {}, as user {}\n", visible(job.name.text()), job.schedule, job.time_zone,
                      visible(job.user)));
      cli.print(words("  {}\n", firings_text(import.comparison)));
      for (const crontab::Difference& difference : import.comparison.first)
        cli.print(words("    {}\n", difference_text(difference)));
      for (const std::string& note : import.notes) cli.print(words("  note: {}\n", visible(note)));
    }
    for (const std::string& note : file.translation.notes) cli.print(words("{}: note: {}\n", file.path, visible(note)));
  }
}

std::string report_json(const std::vector<TranslatedFile>& files) {
  domain::JsonWriter report;
  report.object([&] {
    report.key("items").array([&] {
      for (const auto& [file, import] : imports_of(files)) {
        report.object([&] {
          report.member("source", file->path).member("line", import->line).member("text", import->text);
          report.key("job").raw(domain::encode_job(import->job));
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
      cli.say(words("{}:{}:{}: {}", file.path, refusal.line, refusal.column, visible(refusal.message)));
}

void print(const Cli& cli, const std::vector<TranslatedFile>& files) {
  if (cli.settings.output.is_for_people()) return print_report(cli, files);
  View view{
      .columns = {column("NAME", {"job", "name"}), column("SCHEDULE", {"job", "schedule"}),
                  column("ZONE", {"job", "time_zone"}), column("SOURCE", {"source"}), column("LINE", {"line"}),
                  column("FIRINGS COMPARED", {"firings_compared"}), column("FIRINGS DIFFERING", {"firings_differing"})},
      .name_path = {"job", "name"}};
  print_list(cli, json::parse(report_json(files)), view);
}

// The job stands there already, as this import would write it.
bool stands_already(const Cli& cli, const domain::Job& job) {
  const auto answer = ask_json(cli, {.target = "/api/v1/jobs/" + api::percent_encode(job.name.text())});
  if (!answer || !answer->is_object() || !answer->get_object().contains("job")) return false;
  auto stands = domain::decode_job(json::serialize(answer->at("job")));
  if (!stands) return false;
  stands->since.reset();
  stands->schedule_set_at.reset();
  stands->stamp.clear();
  return *stands == job;
}

// Takes back what this import has written. True when nothing of it is left.
bool undo(const Cli& cli, const std::vector<JobChange>& written, const std::vector<JobChanged>& answers,
          const std::string& reason) {
  std::vector<JobChange> deletes;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i].refusal.exit_code == 0)
      deletes.push_back(
          {.kind = JobChange::Kind::Delete, .name = written[i].name, .if_match = words("\"{}\"", answers[i].revision)});
  const auto undone = change_jobs(cli, deletes, Effect::Write, "taken back: " + reason);
  if (!undone) return false;
  return std::all_of(undone->begin(), undone->end(), [](const JobChanged& one) {
    return one.refusal.exit_code == 0 || one.refusal.exit_code == kExitNotFound;
  });
}

int import(const Cli& cli, const std::vector<TranslatedFile>& files, const std::string& reason) {
  std::vector<JobChange> changes;
  std::size_t unchanged = 0;
  for (const auto& [file, import] : imports_of(files)) {
    if (stands_already(cli, import->job)) {
      ++unchanged;
      continue;
    }
    changes.push_back({.name = import->job.name.text(), .document = domain::encode_job(import->job)});
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
      cli.say(words("job '{}': {}", visible(changes[i].name),
                    refusal.exit_code == kExitConflict
                        ? words("another job of that name stands there; --prefix gives other names")
                        : refusal.message));
    }
    if (exit_code == kExitOk) continue;
    const bool clean = effect == Effect::Judge || undo(cli, changes, *answers, reason);
    cli.say(clean ? words("nothing was imported")
                  : words("what was imported could not all be taken back: see cronfleet job list"));
    return exit_code;
  }
  cli.note(
      words("{} jobs imported{}", changes.size(), unchanged == 0 ? "" : words(", {} stood there already", unchanged)));
  return kExitOk;
}

int import_crontab(const Cli& cli, const Flags& flags) {
  const auto files = translate_crontabs(flags.wishes, cli.io.in);
  if (!files) return failed(cli, files.error());
  print(cli, *files);
  say_refusals(cli, *files);
  const std::size_t refused = refusals_of(*files);
  const auto imports = imports_of(*files);
  if (imports.empty() && refused == 0) {
    cli.say(words("there is no line that starts anything"));
    return kExitOk;
  }
  const bool stops = refused > 0 && !flags.keep_going;
  const auto differing = std::count_if(imports.begin(), imports.end(),
                                       [](const Found& found) { return found.import->comparison.differing > 0; });
  if (flags.apply && !stops) return import(cli, *files, flags.reason);
  cli.note(words("{} lines become jobs, {} of them fire otherwise at times, {} are refused", imports.size(), differing,
                 refused));
  if (stops) {
    cli.say(words("nothing was imported: correct the lines, or leave them out with --keep-going"));
    return kExitInvalid;
  }
  cli.note(words("nothing was imported: --apply does it"));
  return differing > 0 ? kExitDifferences : kExitOk;
}

}  // namespace

void add_import_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto flags = std::make_shared<Flags>();
  CLI::App* import = app.add_subcommand("import", "Jobs from elsewhere: crontab");
  import->require_subcommand(1);
  import->footer("Examples and options: cronfleet import crontab --help");
  CLI::App* crontab = import->add_subcommand("crontab", "Show what crontabs become, and import them with --apply");
  crontab->footer(
      "Each line is compared with cron's own rules over its next 1,000 firings. Ends with 3 when one fires\n"
      "otherwise, 7 when a line is refused; with --apply nothing is imported then, and never a part of it.\n"
      "Examples:\n"
      "  crontab -l | cronfleet import crontab -\n"
      "  cronfleet import crontab /etc/crontab /etc/cron.d --apply\n"
      "  cronfleet import crontab --user www-data --zone Europe/Berlin --prefix web- web.crontab");
  crontab->add_option("paths", flags->wishes.paths, "files, folders like /etc/cron.d, or - for standard input")
      ->required()
      ->type_name("PATH");
  crontab->add_flag("--apply", flags->apply, "import them; without it they are only shown");
  crontab->add_option("--reason", flags->reason, "why, for the server's log")->type_name("TEXT");
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
    exit_code = with_cli(io, flags->client, [flags](const Cli& cli) { return import_crontab(cli, *flags); });
  });
}

}  // namespace cronfleet::cli

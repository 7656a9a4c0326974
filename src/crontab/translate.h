// crontab/translate.h: a crontab line as a job, and how far the two fire alike. Pure.
//
// The expression is taken over as it is written where that means the same; else it is written anew from what the fields
// hold: vixie joins the two day fields by its star rule ("*/2" counts as a star), takes larger steps, and tells lines
// with a star in minute or hour from all others when a clock changes. What then still differs is a property of the
// two rules (docs/cron.md), and is shown firing by firing.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cron/zone.h"
#include "crontab/crontab.h"
#include "domain/job.h"

namespace cronfleet::crontab {

inline constexpr std::size_t kFiringsCompared = 1000;

struct Difference {
  WallTime at;
  std::string local;            // in the zone of the job
  int by_cron = 0, by_job = 0;  // how often it is started at that minute
};
struct Comparison {
  std::size_t firings = 0;  // of cron, kFiringsCompared where it fires so often before 2100
  WallTime until;           // the last of them
  std::size_t differing = 0;
  std::vector<Difference> first;  // the first kShown of them
  static constexpr std::size_t kShown = 5;
};
Comparison compare(const VixieFields& fields, std::string_view expression, const cron::Zone& zone, WallTime from);

// The expression that fires most like `entry` in `zone`.
std::string expression_of(const Entry& entry, const cron::Zone& zone, WallTime from);

struct Options {
  Form form = Form::User;
  std::string user;    // Form::User: whose crontab it is
  std::string zone;    // of the host
  std::string prefix;  // of every job's name
  std::string source;  // the file's name
  WallTime from;       // firings after it are compared
  std::function<std::optional<std::string>(const std::string& user)> home_of;
};

struct Import {
  int line = 0;
  std::string text;  // the line as it stands
  domain::Job job;
  Comparison comparison;
  std::vector<std::string> notes;  // what is not as it was under cron
};
struct Refusal {
  int line = 0, column = 0;
  std::string text, message;
};
struct Translation {
  std::vector<Import> imports;
  std::vector<Refusal> refusals;
  std::vector<std::string> notes;  // about the whole file
};
// `taken` are the names given so far; those of the new jobs are added.
Translation translate(const std::vector<Line>& lines, const Options& options, const cron::ZoneSource& zones,
                      std::map<std::string, int>& taken);

// The value of the label "crontab" that tells which file a job was made from.
std::string source_label(const std::string& source);
// Whether a line with `command` (as the job has it) would make a job of this name, give or take the number at its end.
bool is_name_for(std::string_view name, std::string_view prefix, std::string_view command);

}  // namespace cronfleet::crontab

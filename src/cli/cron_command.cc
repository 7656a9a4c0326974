#include "cli/cron_command.h"

#include <unistd.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/usage.h"
#include "cli/words.h"
#include "cron/query.h"
#include "tz/zone_database.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kLineBytesMax = 64 * 1024;

// "2026-03-01T02:00:00Z" of a whole second between 1970 and 9999, ten times as fast as through fmt.
void append_instant(std::string& out, WallTime at) {
  if (at < from_seconds(0) || at >= from_seconds(253'402'300'800)) {
    out += to_rfc3339(at);
    return;
  }
  using namespace std::chrono;
  const auto day = floor<days>(at.time_since_epoch());
  const year_month_day date{sys_days(day)};
  const auto time = static_cast<unsigned>(duration_cast<seconds>(at.time_since_epoch() - day).count());
  std::array<char, 20> text{'0', '0', '0', '0', '-', '0', '0', '-', '0', '0',
                            'T', '0', '0', ':', '0', '0', ':', '0', '0', 'Z'};
  const auto put = [&](std::size_t where, unsigned value) {
    text[where] = static_cast<char>('0' + value / 10);
    text[where + 1] = static_cast<char>('0' + value % 10);
  };
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  put(0, year / 100);
  put(2, year % 100);
  put(5, static_cast<unsigned>(date.month()));
  put(8, static_cast<unsigned>(date.day()));
  put(11, time / 3600);
  put(14, time / 60 % 60);
  put(17, time % 60);
  out.append(text.data(), text.size());
}

void append_firings(std::string& out, const cron::Firings& firings) {
  out += '[';
  for (const WallTime at : firings.firings) {
    if (out.back() != '[') out += ',';
    out += '"';
    append_instant(out, at);
    out += '"';
  }
  out += ']';
}

json::object error_object(const cron::QueryError& error) {
  json::object object;
  object["code"] = json::string_view(error.code.data(), error.code.size());
  object["message"] = error.message;
  if (error.field.empty())
    object["field"] = nullptr;
  else
    object["field"] = json::string_view(error.field.data(), error.field.size());
  if (error.column == 0) {
    object["column"] = nullptr;
    object["length"] = nullptr;
  } else {
    object["column"] = error.column;
    object["length"] = error.length;
  }
  return object;
}

void append_error(std::string& out, const cron::QueryError& error) {
  out += json::serialize(json::object{{"error", error_object(error)}});
  out += '\n';
}

cron::QueryError member_error(std::string_view code, std::string_view member, std::string message) {
  return {code, member, 0, 0, 0, std::move(message)};
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

// Reads the members of one line into `query`, which borrows from `object`. Null counts as absent.
tl::expected<void, cron::QueryError> read_query(const json::object& object, cron::Query& query) {
  bool has_expression = false;
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    const json::value& value = member.value();
    std::string_view* text = nullptr;
    if (key == "expression")
      text = &query.expression;
    else if (key == "time_zone")
      text = &query.time_zone;
    else if (key == "key")
      text = &query.key;
    else if (key != "from" && key != "count")
      return tl::unexpected(member_error("unknown_member", key,
                                         fmt::format("unknown member '{}': expression, time_zone, from, count and key "
                                                     "are known",
                                                     key)));
    if (value.is_null()) continue;
    if (key == "count") {
      if (!value.is_int64()) return tl::unexpected(member_error("count", key, "count is not a whole number"));
      query.count = value.get_int64();
      continue;
    }
    if (!value.is_string())
      return tl::unexpected(member_error("invalid_member", key, fmt::format("{} is not a string", key)));
    if (text != nullptr) {
      *text = view(value.get_string());
      has_expression |= key == "expression";
      continue;
    }
    const auto from = parse_rfc3339(view(value.get_string()));
    if (!from) return tl::unexpected(member_error("from", key, from.error().message()));
    query.from = *from;
  }
  if (!has_expression) return tl::unexpected(member_error("invalid_member", "expression", "expression is missing"));
  return {};
}

// What the options of one call of `cron next` or `cron explain` say.
struct Options {
  std::string expression, zone = "UTC", from, key, output, language;
  std::int64_t count = 5;
  bool from_stdin = false;
};

std::string_view spaces(int count) {
  static const std::string kSpaces(512, ' ');
  return std::string_view(kSpaces).substr(0, static_cast<std::size_t>(count));
}

class CronCommand {
 public:
  CronCommand(CronCommandIo io, int& exit_code) : io_(std::move(io)), exit_code_(exit_code) {}

  Options options;
  CLI::Option* expression_of_next = nullptr;

  void run_next() {
    const bool has_expression = expression_of_next->count() > 0;
    if (options.from_stdin == has_expression) return usage(words("give either an expression or --stdin"));
    if (options.from_stdin && !options.output.empty() && options.output != "json" && options.output != "ndjson")
      return usage(words("--stdin answers one JSON object a line: -o does not go with it"));
    if (options.from_stdin) {
      if (const auto zones = open_zones()) answer_stream(*zones);
      return;
    }
    with_form(kNextForm, [this](const Cli& cli, const tz::ZoneDatabase& zones, const cron::Query& query) {
      const auto found = cron::firings(query, zones);
      if (!found) return refuse(found.error(), zones);
      if (cli.settings.output.kind == OutputForm::Kind::Json) return print_json(*found, nullptr);
      if (cli.settings.output.is_for_people()) return print_table(*found);
      if (cli.settings.output.kind == OutputForm::Kind::Yaml)
        return cli.print(yaml_text(json::parse(json_of(*found, nullptr))));
      print_list(cli, items_of(*found),
                 {.columns = {column("AT", {"at"}), column("LOCAL", {"local"})}, .name_path = {"at"}});
    });
  }

  void run_explain() {
    with_form(kExplainForm, [this](const Cli& cli, const tz::ZoneDatabase& zones, const cron::Query& query) {
      const auto explained = cron::explain(query, zones);
      if (!explained) return refuse(explained.error(), zones);
      if (cli.settings.output.kind == OutputForm::Kind::Json)
        return print_json(explained->next, &explained->description);
      if (!cli.settings.output.is_for_people())
        return print_object(cli, json::parse(json_of(explained->next, &explained->description)),
                            {.columns = {column("DESCRIPTION", {"description"}), column("TIME ZONE", {"time_zone"}),
                                         column("NEXT FIRING", {"firings"})},
                             .name_path = {"description"}},
                            {});
      fmt::print(io_.out, "{}\n", explained->description.sentence);
      for (const std::string& note : explained->description.notes) fmt::print(io_.out, "  {}\n", note);
      fmt::print(io_.out, "\n");
      print_table(explained->next);
    });
  }

 private:
  static constexpr AnswerForm kNextForm{.schema =
                                            R"({"properties":{"at":{"type":"string"},"local":{"type":"string"}}})"};
  static constexpr AnswerForm kExplainForm{
      .schema = R"({"properties":{"description":{"type":"string"},"notes":{"items":{"type":"string"}},
                    "time_zone":{"type":"string"},"firings":{"items":{"type":"string"}}}})"};

  // With the zones, what was asked, and the form of output it is wanted in.
  void with_form(const AnswerForm& form,
                 const std::function<void(const Cli&, const tz::ZoneDatabase&, const cron::Query&)>& answer) {
    ClientOptions client;
    client.output = options.output;
    client.needs_server = false;
    exit_code_ = with_cli({io_.in, io_.out, io_.err}, client, form, [&](const Cli& cli) {
      for_people_ = cli.settings.output.is_for_people();
      const auto zones = open_zones();
      cron::Query query;
      if (zones != nullptr && read(query)) answer(cli, *zones, query);
      return exit_code_;
    });
  }

  std::shared_ptr<const tz::ZoneDatabase> open_zones() {
    auto opened = tz::ZoneDatabase::open();
    if (opened) return *opened;
    fmt::print(io_.err, "cronfleet: {}\n", said(opened.error().message()));
    exit_code_ = kExitFailure;
    return nullptr;
  }

  bool read(cron::Query& query) {
    query.expression = options.expression;
    query.time_zone = options.zone;
    query.count = options.count;
    query.key = options.key;
    query.language = in_chinese() ? cron::Language::Chinese : cron::Language::English;
    query.from = io_.now();
    if (options.from.empty()) return true;
    const auto from = parse_rfc3339(options.from);
    if (!from) {
      usage(words("--from: {}", said(from.error().message())));
      return false;
    }
    query.from = *from;
    return true;
  }

  // As --lang says. Else as the locale does for people; programs get the same whoever starts them.
  bool in_chinese() const {
    if (!options.language.empty()) return options.language == "zh";
    return for_people_ && language() == Language::Chinese;
  }

  void usage(std::string_view sentence) {
    fmt::print(io_.err, "cronfleet cron: {}\n", sentence);
    exit_code_ = kExitUsage;
  }

  // The sentence, and where it applies the expression with carets under the offending text.
  void refuse(const cron::QueryError& error, const tz::ZoneDatabase& zones) {
    std::string hint;
    if (error.field == "time_zone") hint = zones.nearest(options.zone);
    if (!hint.empty()) hint = words("; did you mean {}?", hint);
    fmt::print(io_.err, "cronfleet cron: {}{}\n", said(error.message), hint);
    if (error.column > 0 && error.column < 400) {
      std::string shown = options.expression;
      for (char& c : shown) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
      }
      const auto carets = static_cast<std::size_t>(std::clamp(error.length, 1, 80));
      fmt::print(io_.err, "  {}\n  {}{}\n", shown, spaces(error.column - 1), std::string(carets, '^'));
    }
    exit_code_ = kExitInvalid;
  }

  void print_table(const cron::Firings& found) {
    if (found.firings.empty()) {
      fmt::print(io_.out, "{}\n", in_chinese() ? "此后不再触发。" : "It never fires after that.");
      return;
    }
    if (found.zone->name() == "UTC") {
      fmt::print(io_.out, "UTC\n");
      for (const WallTime at : found.firings) fmt::print(io_.out, "{}\n", to_rfc3339(at));
      return;
    }
    fmt::print(io_.out, "{:<25}  UTC\n", found.zone->name());
    for (const WallTime at : found.firings)
      fmt::print(io_.out, "{:<25}  {}\n", found.zone->to_local_rfc3339(at), to_rfc3339(at));
  }

  void print_json(const cron::Firings& found, const cron::Description* description) {
    fmt::print(io_.out, "{}\n", json_of(found, description));
  }

  static json::object items_of(const cron::Firings& found) {
    json::array items;
    for (const WallTime at : found.firings)
      items.push_back(json::object{{"at", to_rfc3339(at)}, {"local", found.zone->to_local_rfc3339(at)}});
    return {{"items", std::move(items)}};
  }

  static std::string json_of(const cron::Firings& found, const cron::Description* description) {
    std::string text = "{";
    if (description != nullptr) {
      json::array notes;
      for (const std::string& note : description->notes) notes.emplace_back(note);
      text += "\"description\":" + json::serialize(json::value(description->sentence)) +
              ",\"notes\":" + json::serialize(notes) +
              ",\"time_zone\":" + json::serialize(json::value(found.zone->name())) + ",";
    }
    text += "\"firings\":";
    append_firings(text, found);
    return text + "}";
  }

  // Answers each line as soon as the lines that arrived with it are read, so that a caller may wait for its answer.
  void answer_stream(const cron::ZoneSource& zones) {
    const WallTime now = io_.now();
    std::string input, output;
    std::vector<char> chunk(256 * 1024);
    bool too_long = false;
    while (true) {
      const ssize_t count = ::read(::fileno(io_.in), chunk.data(), chunk.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      input.append(chunk.data(), static_cast<std::size_t>(count));
      std::size_t begin = 0;
      for (auto end = input.find('\n'); end != std::string::npos; end = input.find('\n', begin)) {
        answer_one(std::string_view(input).substr(begin, end - begin), too_long, zones, now, output);
        too_long = false;
        begin = end + 1;
        if (output.size() > chunk.size() && !flush(output)) return;
      }
      input.erase(0, begin);
      if (input.size() > kLineBytesMax) {  // keep reading to its end, but keep none of it
        too_long = true;
        input.clear();
      }
      if (!flush(output)) return;
    }
    if (!input.empty() || too_long) answer_one(input, too_long, zones, now, output);
    flush(output);
  }

  void answer_one(std::string_view line, bool too_long, const cron::ZoneSource& zones, WallTime now,
                  std::string& output) {
    if (!too_long && line.size() <= kLineBytesMax) return answer_line(line, zones, now, output);
    append_error(output, member_error("json", "", fmt::format("the line is longer than {} bytes", kLineBytesMax)));
  }

  // False: nobody reads any more.
  bool flush(std::string& output) {
    const bool written =
        std::fwrite(output.data(), 1, output.size(), io_.out) == output.size() && std::fflush(io_.out) == 0;
    output.clear();
    if (!written) exit_code_ = kExitFailure;
    return written;
  }

  CronCommandIo io_;
  int& exit_code_;
  bool for_people_ = true;
};

}  // namespace

void answer_line(std::string_view line, const cron::ZoneSource& zones, WallTime now, std::string& out) {
  std::array<unsigned char, 4096> memory;
  json::monotonic_resource resource(memory.data(), memory.size());
  json::error_code error;
  const json::value value = json::parse(json::string_view(line.data(), line.size()), error, &resource);
  if (error || !value.is_object()) {
    return append_error(out, member_error("json", "",
                                          error ? fmt::format("the line is not JSON: {}", error.message())
                                                : "the line is not a JSON object"));
  }
  cron::Query query;
  query.from = now;
  if (const auto read = read_query(value.get_object(), query); !read) return append_error(out, read.error());
  const auto found = cron::firings(query, zones);
  if (!found) return append_error(out, found.error());
  out += "{\"firings\":";
  append_firings(out, *found);
  out += "}\n";
}

void add_cron_command(CLI::App& app, CronCommandIo io, int& exit_code) {
  const auto command = std::make_shared<CronCommand>(std::move(io), exit_code);
  Options& options = command->options;
  CLI::App* cron = app.add_subcommand("cron", "When a schedule fires, and what it means (needs no server)");
  cron->require_subcommand(1);

  const auto add_common = [&options](CLI::App* sub) {
    sub->add_option("--zone,--tz", options.zone, "time zone, as Europe/Berlin; UTC when absent")->type_name("ZONE");
    sub->add_option("--from", options.from, "RFC 3339 time after which to look; now when absent")->type_name("TIME");
    sub->add_option("-n,--count", options.count, "how many firings, 1 to 1000")
        ->check(whole_number(1, 1000, "; for more ask again with --from the last of them"))
        ->type_name("COUNT");
    sub->add_option("--key", options.key, "name of the job, for H")->type_name("NAME");
    sub->add_option("-o,--output", options.output, "table, wide, json, ndjson, yaml, csv, name or template=…")
        ->type_name("FORM");
  };

  CLI::App* next = cron->add_subcommand("next", "The next firings of an expression");
  next->footer(
      "Examples:\n"
      "  cronfleet cron next '0 3 * * 1-5' --zone Asia/Shanghai\n"
      "  cronfleet cron next '@every 90m' --from 2026-03-01T00:00:00Z -n 3\n"
      "  cronfleet cron next '@daily' -n 1 -o name\n"
      "  echo '{\"expression\":\"@daily\"}' | cronfleet cron next --stdin");
  command->expression_of_next =
      next->add_option("EXPRESSION", options.expression, "as '30 2 * * MON-FRI' or '@daily'")->type_name("");
  add_common(next);
  next->add_flag("--stdin", options.from_stdin,
                 "read one JSON object a line (expression, time_zone, from, count, key), answer one a line");
  next->callback([command] { command->run_next(); });

  CLI::App* explain = cron->add_subcommand("explain", "An expression in words, with its next firings");
  explain->footer(
      "Examples:\n"
      "  cronfleet cron explain '0 3 * * 1-5' --zone Asia/Shanghai\n"
      "  cronfleet cron explain '30 2 * * *' --zone Europe/Berlin --lang zh\n"
      "  cronfleet cron explain 'H H * * *' --key nightly");
  explain->add_option("EXPRESSION", options.expression, "as '30 2 * * MON-FRI' or '@daily'")->required()->type_name("");
  add_common(explain);
  explain->add_option("--lang", options.language, "en or zh; as the locale says when absent")
      ->check(CLI::IsMember({"en", "zh"}))
      ->type_name("LANGUAGE");
  explain->callback([command] { command->run_explain(); });
}

}  // namespace cronfleet::cli

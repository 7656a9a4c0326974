// cli/output.h: the forms in which a command prints what the server answered (CLI-4).
//
// `table` and `wide` are for people: times are local, cells are coloured where that is wanted, and a table is cut to
// the width of the terminal it goes to. All others are data: `json` is the API's object, `ndjson` one object a line,
// `yaml` the same values, `csv` the columns of `wide` as the API gives them, `name` one name a line, and
// `template={name} {job.schedule}` a line for each object ("\n" and "\t" are understood, "{{" is a brace).
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cli/terminal.h"

namespace cronfleet::cli {

class Cli;

struct OutputForm {
  enum class Kind { Table, Wide, Json, Ndjson, Yaml, Csv, Name, Template };
  Kind kind = Kind::Table;
  std::string pattern{};  // Template only

  bool is_for_people() const { return kind == Kind::Table || kind == Kind::Wide; }
};
// A sentence about what is wrong with `text`, with the nearest form that exists.
tl::expected<OutputForm, std::string> parse_output_form(std::string_view text);
std::vector<std::string_view> output_form_names();  // "template=" among them

// One column of a list.
struct Column {
  std::string title;                                              // "NEXT FIRING"; its key is "next_firing"
  std::function<std::string(const boost::json::value&)> data;     // as the API has it
  std::function<std::string(const boost::json::value&)> shown{};  // for people; as `data` when absent
  bool wide = false;                                              // not in a plain table
  std::function<Colour(const boost::json::value&)> colour{};
};
Column column(std::string title, std::initializer_list<const char*> path);       // the text at that path
Column time_column(std::string title, std::initializer_list<const char*> path);  // an instant: local for people
struct View {
  std::vector<Column> columns;
  std::vector<const char*> name_path;  // of `name`
};

// The array `items` of `answer`.
void print_list(const Cli& cli, const boost::json::value& answer, const View& view);
// One object; `details` are its lines for people: a title and a value each.
using Details = std::vector<std::pair<std::string, std::string>>;
void print_object(const Cli& cli, const boost::json::value& object, const View& view, const Details& details);
// What came of a change: `sentence` for people (nothing with --quiet), else the answer or the name.
void print_change(const Cli& cli, const boost::json::value& answer, const std::string& name,
                  const std::string& sentence);

// RFC 4180, with its end.
std::string csv_line(const Cli& cli, const std::vector<std::string>& cells);

// JSON as text: characters that could act on a terminal or turn the text around them are escaped.
std::string json_text(const boost::json::value& value);
// The same, two spaces to a level; members keep their order.
std::string pretty_json(const boost::json::value& value);
// YAML that reads back as `value`, in block style: texts of several lines as they stand, all doubtful ones in quotes.
std::string yaml_text(const boost::json::value& value);

// A template, taken apart: text as it stands, and fields.
struct TemplatePiece {
  std::string text;  // of a field its path, as "job.labels.team"
  bool is_field = false;
  std::size_t column = 1;  // where it begins, in characters
};
tl::expected<std::vector<TemplatePiece>, std::string> template_pieces(std::string_view pattern);
// Filled in for one object; empty where a path leads nowhere. `pattern` is one that template_pieces takes.
std::string fill_template(std::string_view pattern, const boost::json::value& value);

}  // namespace cronfleet::cli

#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/utf8.h"
#include "cli/answers.h"
#include "cli/cli.h"
#include "cli/words.h"
#include "domain/json_writer.h"
#include "domain/nearest.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
using Kind = OutputForm::Kind;

constexpr std::pair<std::string_view, Kind> kForms[] = {
    {"table", Kind::Table}, {"wide", Kind::Wide}, {"json", Kind::Json}, {"ndjson", Kind::Ndjson},
    {"yaml", Kind::Yaml},   {"csv", Kind::Csv},   {"name", Kind::Name}};
constexpr std::string_view kTemplate = "template=";

std::string key_of(std::string_view title) {
  std::string key;
  for (const char c : title) key += c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return key;
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string cell = "\"";
  for (const char c : text) {
    cell += c;
    if (c == '"') cell += c;
  }
  return cell + "\"";
}

// On a terminal nothing may act on it; elsewhere it is data.
std::string plain_line(const Cli& cli, const std::string& text) {
  return cli.settings.to_terminal ? visible(text) : text;
}

const json::array& items_of(const json::value& answer) {
  static const json::array kNone;
  if (!answer.is_object()) return kNone;
  const auto* items = answer.get_object().if_contains("items");
  return items && items->is_array() ? items->get_array() : kNone;
}

void print_table(const Cli& cli, const json::array& items, const View& view, bool wide) {
  std::vector<const Column*> columns;
  std::vector<std::string> header;
  for (const Column& one : view.columns) {
    if (one.wide && !wide) continue;
    columns.push_back(&one);
    header.push_back(one.title);
  }
  Table table(std::move(header));
  for (const json::value& item : items) {
    std::vector<Table::Cell> row;
    for (const Column* one : columns)
      row.push_back({one->shown ? one->shown(item) : one->data(item), one->colour ? one->colour(item) : Colour::None});
    table.add_cells(std::move(row));
  }
  cli.print(table.text({.width = wide ? 0 : cli.settings.width, .coloured = cli.settings.coloured}));
}

void print_data(const Cli& cli, const json::array& items, const View& view) {
  const OutputForm& form = cli.settings.output;
  if (form.kind == Kind::Csv) {
    std::vector<std::string> header;
    for (const Column& one : view.columns) header.push_back(key_of(one.title));
    cli.print(csv_line(cli, header));
  }
  for (const json::value& item : items) {
    if (form.kind == Kind::Ndjson) cli.print(json_text(item) + "\n");
    if (form.kind == Kind::Name) cli.print(plain_line(cli, text_at(item, view.name_path)) + "\n");
    if (form.kind == Kind::Template) cli.print(plain_line(cli, fill_template(form.pattern, item)) + "\n");
    if (form.kind != Kind::Csv) continue;
    std::vector<std::string> cells;
    for (const Column& one : view.columns) cells.push_back(one.data(item));
    cli.print(csv_line(cli, cells));
  }
}

// The text at "job.labels.team" or "next_firings.0".
std::string text_at_path(const json::value& value, std::string_view path) {
  const json::value* at = &value;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    const std::string_view part = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    if (at->is_object()) {
      at = at->get_object().if_contains(json::string_view(part.data(), part.size()));
    } else if (at->is_array() && !part.empty() && part.size() < 6 &&
               std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      at = at->get_array().if_contains(std::stoul(std::string(part)));
    } else {
      return "";
    }
    if (!at) return "";
  }
  if (at->is_null()) return "";
  return at->is_string() ? std::string(at->get_string().data(), at->get_string().size()) : json_text(*at);
}

void write_pretty(const json::value& value, std::size_t depth, std::string& out) {
  const auto indent = [&](std::size_t levels) { out.append(levels * 2, ' '); };
  if (value.is_object() && !value.get_object().empty()) {
    out += "{\n";
    bool first = true;
    for (const auto& member : value.get_object()) {
      if (!std::exchange(first, false)) out += ",\n";
      indent(depth + 1);
      out += json_text(json::value(member.key())) + ": ";
      write_pretty(member.value(), depth + 1, out);
    }
    out += '\n';
    indent(depth);
    out += '}';
  } else if (value.is_array() && !value.get_array().empty()) {
    out += "[\n";
    bool first = true;
    for (const json::value& element : value.get_array()) {
      if (!std::exchange(first, false)) out += ",\n";
      indent(depth + 1);
      write_pretty(element, depth + 1, out);
    }
    out += '\n';
    indent(depth);
    out += ']';
  } else {
    out += value.is_double() ? domain::JsonWriter().value(value.get_double()).take() : json_text(value);
  }
}

}  // namespace

std::vector<std::string_view> output_form_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, kind] : kForms) names.push_back(name);
  names.push_back(kTemplate);
  return names;
}

tl::expected<OutputForm, std::string> parse_output_form(std::string_view text) {
  for (const auto& [name, kind] : kForms)
    if (name == text) return OutputForm{kind};
  if (text.starts_with(kTemplate)) {
    OutputForm form{Kind::Template, std::string(text.substr(kTemplate.size()))};
    if (form.pattern.empty()) return tl::unexpected(words("-o template: it is empty; expected template={{name}}"));
    if (const auto pieces = template_pieces(form.pattern); !pieces) return tl::unexpected(pieces.error());
    return form;
  }
  const bool is_pattern = text.find('{') != std::string_view::npos;
  const std::string near = is_pattern ? visible(std::string(kTemplate) + std::string(text))
                                      : std::string(domain::nearest(text, output_form_names()));
  return tl::unexpected(words("-o '{}': expected table, wide, json, ndjson, yaml, csv, name or template={{name}}{}",
                              visible(text), near.empty() ? "" : words("; did you mean '{}'?", near)));
}

Column column(std::string title, std::initializer_list<const char*> path) {
  std::vector<const char*> keys(path);
  return {std::move(title), [keys](const json::value& value) { return text_at(value, keys); }};
}
Column time_column(std::string title, std::initializer_list<const char*> path) {
  Column made = column(std::move(title), path);
  made.shown = [data = made.data](const json::value& value) { return local_time(data(value)); };
  return made;
}

void print_list(const Cli& cli, const json::value& answer, const View& view) {
  switch (cli.settings.output.kind) {
    case Kind::Json: cli.print(json_text(answer) + "\n"); return;
    case Kind::Yaml: cli.print(yaml_text(answer)); return;
    case Kind::Table: print_table(cli, items_of(answer), view, false); return;
    case Kind::Wide: print_table(cli, items_of(answer), view, true); return;
    default: print_data(cli, items_of(answer), view);
  }
}

void print_object(const Cli& cli, const json::value& object, const View& view, const Details& details) {
  switch (cli.settings.output.kind) {
    case Kind::Json: cli.print(json_text(object) + "\n"); return;
    case Kind::Yaml: cli.print(yaml_text(object)); return;
    case Kind::Table:
    case Kind::Wide: {
      if (details.empty()) return;
      Table table({details.front().first, details.front().second});
      for (auto one = details.begin() + 1; one != details.end(); ++one)
        if (!one->second.empty()) table.add({one->first, one->second});
      cli.print(table.text({}));
      return;
    }
    default: print_data(cli, {object}, view);
  }
}

void print_change(const Cli& cli, const json::value& answer, const std::string& name, const std::string& sentence) {
  const OutputForm& form = cli.settings.output;
  switch (form.kind) {
    case Kind::Json:
    case Kind::Ndjson: cli.print(json_text(answer) + "\n"); return;
    case Kind::Yaml: cli.print("---\n" + yaml_text(answer)); return;
    case Kind::Template: cli.print(plain_line(cli, fill_template(form.pattern, answer)) + "\n"); return;
    case Kind::Csv:
    case Kind::Name: cli.print(plain_line(cli, name) + "\n"); return;
    case Kind::Table:
    case Kind::Wide:
      if (!cli.settings.quiet) cli.print(sentence + "\n");
  }
}

std::string csv_line(const Cli& cli, const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells)
    line += (line.empty() && &cell == &cells.front() ? "" : ",") + csv_cell(plain_line(cli, cell));
  return line + "\n";
}

std::string json_text(const json::value& value) {
  const std::string plain = json::serialize(value);
  std::string out;
  for (std::string_view rest = plain; !rest.empty();) {
    const Utf8Head head = utf8_head(rest);
    if (head.length > 1 && acts_on_terminal(head.point)) {
      out += words("\\u{:04x}", static_cast<unsigned>(head.point));
    } else {
      out += rest.substr(0, std::max<std::size_t>(head.length, 1));
    }
    rest.remove_prefix(std::max<std::size_t>(head.length, 1));
  }
  return out;
}

std::string pretty_json(const json::value& value) {
  std::string out;
  write_pretty(value, 0, out);
  return out + "\n";
}

tl::expected<std::vector<TemplatePiece>, std::string> template_pieces(std::string_view pattern) {
  std::vector<TemplatePiece> pieces(1);
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    const std::string_view rest = pattern.substr(at);
    const std::size_t column = utf8_count(pattern.substr(0, at)) + 1;
    if (c == '\\' && rest.size() > 1) {
      pieces.back().text += rest[1] == 'n' ? '\n' : rest[1] == 't' ? '\t' : rest[1];
      at += 2;
    } else if (rest.starts_with("{{") || rest.starts_with("}}")) {
      pieces.back().text += c;
      at += 2;
    } else if (c == '}') {
      return tl::unexpected(words("-o template: column {}: a '}}' without its '{{'; write '}}}}' for a brace", column));
    } else if (c == '{') {
      const auto end = rest.find('}');
      if (end == std::string_view::npos)
        return tl::unexpected(
            words("-o template: column {}: a '{{' without its '}}'; write '{{{{' for a brace", column));
      if (end == 1) return tl::unexpected(words("-o template: column {}: no field stands between the braces", column));
      pieces.push_back({.text = std::string(rest.substr(1, end - 1)), .is_field = true, .column = column + 1});
      pieces.emplace_back();
      at += end + 1;
    } else {
      pieces.back().text += c;
      ++at;
    }
  }
  return pieces;
}

std::string fill_template(std::string_view pattern, const json::value& value) {
  std::string out;
  const auto pieces = template_pieces(pattern);
  for (const TemplatePiece& piece : pieces.value_or(std::vector<TemplatePiece>()))
    out += piece.is_field ? text_at_path(value, piece.text) : piece.text;
  return out;
}

}  // namespace cronfleet::cli

#include "cli/terminal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace cronfleet::cli {
namespace {

struct Range {
  char32_t first, last;
};
// East Asian Wide and Fullwidth, and the emoji that terminals draw two cells wide.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
                           {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},
                           {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                           {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f},
                           {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};
constexpr Range kZero[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
                           {0x064b, 0x065f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
                           {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
// Marks that change the direction of text around them: a name could look like another.
constexpr Range kDirection[] = {{0x200e, 0x200f}, {0x202a, 0x202e}, {0x2066, 0x2069}};

template <std::size_t N>
bool within(const Range (&ranges)[N], char32_t point) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& range) { return point >= range.first && point <= range.last; });
}

bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t cells = 0;
  while (!text.empty()) {
    const Utf8Head head = utf8_head(text);
    if (head.length == 0 || !within(kZero, head.point)) cells += head.length > 0 && within(kWide, head.point) ? 2 : 1;
    text.remove_prefix(std::max<std::size_t>(head.length, 1));
  }
  return cells;
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Head head = utf8_head(text);
    if (head.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (text.front() == '\n') {
      out += "\\n";
    } else if (text.front() == '\t') {
      out += "\\t";
    } else if (is_control(head.point)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(head.point));
    } else if (within(kDirection, head.point)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(head.point));
    } else {
      out += text.substr(0, head.length);
    }
    text.remove_prefix(std::max<std::size_t>(head.length, 1));
  }
  return out;
}

std::string OutputFilter::filter(std::string_view bytes) {
  constexpr std::size_t kSequenceMax = 64;
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    switch (state_) {
      case State::Text:
        if (c == '\x1b') {
          state_ = State::Escape;
        } else if ((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t' || c == '\r') {
          out += c;
        }
        break;
      case State::Escape:
        // ESC ], P, X, ^ and _ begin a text that ends with BEL or ESC \; ESC [ a sequence; anything else is one letter.
        sequence_ = "\x1b[";
        state_ = c == '['                                                      ? State::Sequence
                 : std::string_view("]PX^_").find(c) != std::string_view::npos ? State::Command
                 : c == '\x1b' || (byte >= 0x20 && byte < 0x30)                ? State::Escape
                                                                               : State::Text;
        break;
      case State::Sequence:
        sequence_ += c;
        if (byte >= 0x40 && byte < 0x7f) {
          if (c == 'm' && sequence_.size() <= kSequenceMax) out += sequence_;
          state_ = State::Text;
        } else if (c == '\x1b') {
          state_ = State::Escape;
        } else if (!((c >= '0' && c <= '9') || c == ';' || c == ':')) {
          sequence_.append(kSequenceMax, ' ');  // not a colour: swallowed to its end
        }
        break;
      case State::Command:
        if (c == '\a') state_ = State::Text;
        if (c == '\x1b') state_ = State::CommandEscape;
        break;
      case State::CommandEscape: state_ = c == '\\' ? State::Text : State::Command; break;
    }
  }
  return out;
}

bool acts_on_terminal(char32_t point) { return (point >= 0x7f && point < 0xa0) || within(kDirection, point); }

std::string cut_to_width(std::string_view text, std::size_t cells) {
  if (display_width(text) <= cells) return std::string(text);
  std::string out;
  for (std::size_t used = 0; !text.empty();) {
    const std::size_t length = std::max<std::size_t>(utf8_head(text).length, 1);
    used += display_width(text.substr(0, length));
    if (used + 1 > cells) break;
    out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return cells == 0 ? out : out + "…";
}

std::string coloured(std::string_view text, Colour colour) {
  const char* code = "";
  switch (colour) {
    case Colour::None: return std::string(text);
    case Colour::Green: code = "32"; break;
    case Colour::Red: code = "31"; break;
    case Colour::Yellow: code = "33"; break;
    case Colour::Faint: code = "2"; break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Table::add(std::vector<std::string> row) {
  std::vector<Cell> cells;
  for (std::string& text : row) cells.push_back({std::move(text)});
  add_cells(std::move(cells));
}

void Table::add_cells(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = visible(cell.text);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths(std::size_t most) const {
  constexpr std::size_t kColumnLeast = 6;
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  if (most == 0 || widths.empty()) return widths;
  std::size_t total = 2 * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  while (total > most) {  // a cell at a time from the widest column, so that long ones end up alike
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kColumnLeast) break;
    --*widest;
    --total;
  }
  return widths;
}

std::string Table::text(const Style& style) const {
  const std::vector<std::size_t> columns = widths(style.width);
  std::string out;
  for (const auto& row : rows_) {
    std::size_t last = row.size();
    while (last > 0 && row[last - 1].text.empty()) --last;
    for (std::size_t i = 0; i < last; ++i) {
      const std::string cell = cut_to_width(row[i].text, columns[i]);
      out += style.coloured ? coloured(cell, row[i].colour) : cell;
      if (i + 1 < last) out.append(columns[i] - display_width(cell) + 2, ' ');
    }
    out += "\n";
  }
  return out;
}

}  // namespace cronfleet::cli

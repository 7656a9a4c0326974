// cli/terminal.h: text on its way to a terminal: what is safe to show, how wide it is, and tables of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cronfleet::cli {

// Cells that `text` takes: two for a wide character (CJK, emoji), none for a combining one.
std::size_t display_width(std::string_view text);

// One line for a table or a sentence: control characters and broken UTF-8 made visible as \x1b, text direction marks as
// \u202e.
std::string visible(std::string_view text);

// Control characters past ASCII, and marks that turn the direction of the text around them.
bool acts_on_terminal(char32_t point);

// `text` cut to `cells`, the last of them "…" where something is left out.
std::string cut_to_width(std::string_view text, std::size_t cells);

enum class Colour { None, Green, Red, Yellow, Faint };
std::string coloured(std::string_view text, Colour colour);

// Output of a job as it may be shown: colour sequences (ESC [ … m) pass, every other escape sequence and control
// character but tab, line feed and carriage return is taken out. Sequences may be split between calls.
class OutputFilter {
 public:
  std::string filter(std::string_view bytes);

 private:
  enum class State { Text, Escape, Sequence, Command, CommandEscape };
  State state_ = State::Text;
  std::string sequence_;  // what has come of ESC [ …
};

// Columns aligned by display width, two spaces between them, no spaces at line ends.
class Table {
 public:
  struct Cell {
    std::string text;
    Colour colour = Colour::None;
  };
  struct Style {
    std::size_t width = 0;  // of the terminal in cells: the widest columns are cut to fit; 0: nothing is cut
    bool coloured = false;
  };

  explicit Table(std::vector<std::string> header) { add(std::move(header)); }
  void add(std::vector<std::string> row);
  void add_cells(std::vector<Cell> row);
  std::string text(const Style& style) const;
  std::string text() const { return text(Style{}); }

 private:
  std::vector<std::size_t> widths(std::size_t most) const;

  std::vector<std::vector<Cell>> rows_;
};

}  // namespace cronfleet::cli

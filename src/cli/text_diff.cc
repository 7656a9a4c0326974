#include "cli/text_diff.h"

#include <algorithm>
#include <vector>

namespace cronfleet::cli {
namespace {

constexpr std::size_t kContext = 3;
constexpr std::size_t kCellsMax = 4'000'000;  // past it everything between equal ends counts as changed

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

struct Line {
  char mark;
  std::string_view text;
};
using Lines = std::vector<std::string_view>;

// The middle of both, where they differ, by their longest common subsequence.
void add_middle(const Lines& a, const Lines& b, std::size_t begin, std::size_t a_end, std::size_t b_end,
                std::vector<Line>& out) {
  const std::size_t rows = a_end - begin, columns = b_end - begin;
  if (rows * columns > kCellsMax) {
    for (std::size_t i = begin; i < a_end; ++i) out.push_back({'-', a[i]});
    for (std::size_t j = begin; j < b_end; ++j) out.push_back({'+', b[j]});
    return;
  }
  std::vector<std::uint32_t> common((rows + 1) * (columns + 1));
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return common[i * (columns + 1) + j]; };
  for (std::size_t i = rows; i-- > 0;)
    for (std::size_t j = columns; j-- > 0;)
      at(i, j) = a[begin + i] == b[begin + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
  for (std::size_t i = 0, j = 0; i < rows || j < columns;) {
    if (i < rows && j < columns && a[begin + i] == b[begin + j]) {
      out.push_back({' ', a[begin + i]});
      ++i, ++j;
    } else if (i < rows && (j == columns || at(i + 1, j) >= at(i, j + 1))) {
      out.push_back({'-', a[begin + i++]});
    } else {
      out.push_back({'+', b[begin + j++]});
    }
  }
}

}  // namespace

std::string text_diff(std::string_view before, std::string_view after) {
  const Lines a = lines_of(before), b = lines_of(after);
  std::size_t begin = 0, end = 0;
  while (begin < std::min(a.size(), b.size()) && a[begin] == b[begin]) ++begin;
  while (end < std::min(a.size(), b.size()) - begin && a[a.size() - 1 - end] == b[b.size() - 1 - end]) ++end;
  std::vector<Line> all;
  for (std::size_t i = 0; i < begin; ++i) all.push_back({' ', a[i]});
  add_middle(a, b, begin, a.size() - end, b.size() - end, all);
  for (std::size_t i = a.size() - end; i < a.size(); ++i) all.push_back({' ', a[i]});

  std::vector<bool> shown(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].mark == ' ') continue;
    const std::size_t last = std::min(i + kContext, all.size() - 1);
    for (std::size_t j = i - std::min(i, kContext); j <= last; ++j) shown[j] = true;
  }
  std::string out;
  bool gap = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!shown[i]) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += "…\n";
    gap = false;
    out += all[i].mark;
    out += all[i].text;
    out += '\n';
  }
  return out;
}

}  // namespace cronfleet::cli

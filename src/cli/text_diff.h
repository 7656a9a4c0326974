// cli/text_diff.h: what changed between two texts, line by line. Pure.
#pragma once

#include <string>
#include <string_view>

namespace cronfleet::cli {

// The lines that went ("-") and came ("+"), with three of what stands around them (" ") and "…" between parts that are
// further apart. Empty for equal texts.
std::string text_diff(std::string_view before, std::string_view after);

}  // namespace cronfleet::cli

// domain/nearest.h: what somebody who wrote an unknown word most likely meant.
#pragma once

#include <string_view>
#include <vector>

namespace cronfleet::domain {

// The known word with the least edit distance to `word` (insert, remove, replace and swap of neighbours cost one each,
// upper against lower case nothing); empty where none is near enough to be a slip of the pen: at most a third of the
// letters, one at least. Of equally near ones the first.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace cronfleet::domain

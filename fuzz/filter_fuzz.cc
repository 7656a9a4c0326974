// Filters as people type them: never a crash, and a mistake has its place inside the text.
#include <cstddef>
#include <cstdint>

#include "api/list_filters.h"
#include "base/check.h"
#include "base/utf8.h"

using namespace cronfleet;
using namespace cronfleet::api;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::vector<FilterField> kFields = {{"state", FilterField::Kind::Word, {"failed", "lost"}},
                                                   {"name"},
                                                   {"label", FilterField::Kind::Label},
                                                   {"next", FilterField::Kind::Duration},
                                                   {"exit", FilterField::Kind::Number}};
  const auto terms = parse_filter(text, kFields);
  if (terms) {
    for (const FilterTerm& term : *terms) CHECK(!term.values.empty() && is_utf8(term.values.front()));
  } else {
    CHECK(terms.error().column >= 1 && !terms.error().message.empty());
    CHECK(static_cast<std::size_t>(terms.error().column + terms.error().length) <= utf8_count(text) + 2);
  }
  Query query(QueryPairs{{"filter", std::string(text)}});
  history::RunQuery wanted;
  take_run_filter(query, WallTime{}, wanted);
  (void)query.problem();
  return 0;
}

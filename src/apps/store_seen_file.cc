#include "apps/store_seen_file.h"

#include <fmt/format.h>

#include <cctype>
#include <fstream>
#include <string>

#include "apps/small_file.h"

namespace cronfleet::apps {
namespace {

constexpr std::string_view kSetBack = "set back";

}  // namespace

Result<runtime::StoreSeen> StoreSeenFile::read() const {
  std::ifstream file(path_);
  if (!file) return runtime::StoreSeen{};
  core::Revision revision = -1;
  std::int64_t ms = -1, word_ms = 0;
  std::string rest;
  file >> revision >> ms >> std::ws;
  bool numbers = !file.fail() && revision >= 0 && ms >= 0;
  if (numbers && std::isdigit(file.peek()) != 0) {
    file >> word_ms >> std::ws;
    numbers = !file.fail();
  }
  std::getline(file, rest);
  if (!numbers || (!rest.empty() && rest != kSetBack))
    return fail(Code::Corrupt,
                "{}: expected a revision, milliseconds since 1970 (when it was seen, and perhaps when an operator last "
                "confirmed an older state) and perhaps '{}'; if the store was not set back, remove the file",
                path_.string(), kSetBack);
  return runtime::StoreSeen{revision, from_ms(ms), from_ms(word_ms), !rest.empty()};
}

Result<void> StoreSeenFile::write(const runtime::StoreSeen& seen) const {
  std::string line = fmt::format("{} {}", seen.revision, to_ms(seen.at));
  if (seen.word != WallTime{}) line += fmt::format(" {}", to_ms(seen.word));
  if (seen.set_back) line += fmt::format(" {}", kSetBack);
  return replace_file(path_, line + "\n");
}

}  // namespace cronfleet::apps

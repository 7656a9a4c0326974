// console_marker DATA JOB MS: puts the marker of a job of a standalone node that is not running to an instant (ms since
// 1970), as a clock that was wrong would have left it, through the product's own store. Ends with 1 when it cannot.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coord/sqlite/sqlite_coord_store.h"
#include "core/entries.h"
#include "tests/conformance/queue_loop.h"

namespace {

using namespace cronfleet;

Result<void> put_marker(const std::string& folder, const JobName& job, WallTime instant) {
  testing::QueueLoop loop;
  testing::SetClock clock(instant);
  auto store = coord::SqliteCoordStore::open({.folder = folder}, loop, clock);
  if (!store) return Failure(store.error());
  const core::Marker marker{instant, "0123456789abcdef0123456789abcdef"};
  std::optional<Result<std::vector<core::TxnAnswer>>> answer;
  (*store)->commit({{.writes = {{core::Keys("/cron/").marker(job), marker.text()}}}},
                   [&](auto given) { answer.emplace(std::move(given)); });
  if (!loop.run_until([&] { return answer.has_value(); })) return fail(Code::Unavailable, "the store did not answer");
  if (!*answer) return Failure(answer->error());
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  std::int64_t ms = 0;
  if (count == 4) {
    const std::string_view text = arguments[3];
    const auto read = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) count = 0;
  }
  if (count != 4) {
    std::fputs("usage: console_marker DATA JOB MS\n", stderr);
    return 2;
  }
  const Result<void> done = put_marker(arguments[1], JobName(arguments[2]), from_ms(ms));
  if (done) return 0;
  fmt::print(stderr, "console_marker: {}\n", done.error().message());
  return 1;
}

// history/mongo/log_route.h: where the library's own messages go, and how secrets are kept out of any text.
//
// The library has one place for messages per process; what it says goes to the newest route that there is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "history/mongo/mongo_run_history.h"

namespace cronfleet::history::mongo {

using LogSink = std::function<void(MongoLogLevel level, std::string_view message)>;
std::uint64_t add_log_route(LogSink sink);
void remove_log_route(std::uint64_t route);  // after it, the sink is not called any more; 0 is none

// `text` with each of `secrets` replaced.
std::string mask(std::string_view text, const std::vector<std::string>& secrets);

}  // namespace cronfleet::history::mongo

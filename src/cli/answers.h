// cli/answers.h: reading the JSON of the server's answers.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cli/cli.h"

namespace cronfleet::cli {

// Text at a path of keys ("job", "schedule"), or of the first element of an array; empty where there is none.
std::string text_at(const boost::json::value& value, std::span<const char* const> path);
inline std::string text_at(const boost::json::value& value, std::initializer_list<const char*> path) {
  return text_at(value, std::span<const char* const>(path.begin(), path.size()));
}

CliResult<boost::json::value> parse_answer(const ClientAnswer& answer);

// Asks and parses.
CliResult<boost::json::value> ask_json(const Cli& cli, const ClientRequest& request);

// The same with one idempotency key for all tries.
CliResult<boost::json::value> ask_json_again(const Cli& cli, const ClientRequest& request);

// The array under `key`; an empty one where there is none.
const boost::json::array& array_at(const boost::json::value& value, const char* key);

// All pages of a list as one answer; `target` with its query, whose parameters are `flags` in the command line.
CliResult<boost::json::value> ask_all_pages(const Cli& cli, const std::string& target,
                                            const std::map<std::string, std::string>& flags = {});

// Says where an answer is not the newest, or not all.
void note_staleness(const Cli& cli, const boost::json::value& answer);

// Does each, says what failed, goes on; the exit code of the last failure.
int for_each(const Cli& cli, const std::vector<std::string>& names,
             const std::function<CliResult<void>(const std::string&)>& action);

// {"reason":"…"}, {} where it is empty.
std::string reason_body(const std::string& reason);

int failed(const Cli& cli, const CliError& error);  // says why; the exit code

}  // namespace cronfleet::cli

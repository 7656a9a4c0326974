// cli/answers.h: reading the JSON of the server's answers.
#pragma once

#include <boost/json/value.hpp>
#include <initializer_list>
#include <string>

#include "cli/cli.h"

namespace cronfleet::cli {

// Text at a path of keys ("job", "schedule"), or of the first element of an array; empty where there is none.
std::string text_at(const boost::json::value& value, std::initializer_list<const char*> path);

CliResult<boost::json::value> parse_answer(const ClientAnswer& answer);

// Asks and parses.
CliResult<boost::json::value> ask_json(const Cli& cli, const ClientRequest& request);

// {"reason":"…"}, {} where it is empty.
std::string reason_body(const std::string& reason);

int failed(const Cli& cli, const CliError& error);  // says why; the exit code

}  // namespace cronfleet::cli

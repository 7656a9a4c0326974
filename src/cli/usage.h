// cli/usage.h: help on one screen, and what a wrong command line gets.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cronfleet::cli {

// Sets the form of help of `app` and all its commands. Options that every client command takes are named in one line.
void set_help(CLI::App& app);

// "JOB", "PATH": what an option takes, without the bounds of it; empty for a flag.
std::string type_of(const CLI::Option& option);

// What was wrong, with the nearest known word, and where help is: "…: unknown option '--sever'; did you mean
// '--server'?".
std::string usage_mistake(const CLI::App& app, const CLI::ParseError& error, int count, const char* const* arguments);

}  // namespace cronfleet::cli

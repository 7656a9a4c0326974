// cli/usage.h: help on one screen, and what a wrong command line gets.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace cronfleet::cli {

// Sets the form of help of `app` and all its commands. Options that every client command takes are named in one line.
void set_help(CLI::App& app);

std::string path_of(const CLI::App& app);                       // "cronfleet job run"
std::vector<const CLI::App*> commands_of(const CLI::App& app);  // those that are shown

// "JOB", "PATH": what an option takes, without the bounds of it; empty for a flag.
std::string type_of(const CLI::Option& option);

// How all options take their values. Each takes one word (--file as many as there are, as shells expand jobs/*.yaml):
// else a repeated one eats the words after it, and the "--" in front of a command. '' is refused wherever a name, a
// file, a label or a number is meant: an unset variable of a script would else mean all jobs, or none. Free texts
// (TEXT) may be empty, and so may the arguments of a command. For words that words_of gave.
void set_values(CLI::App& app);

// The words of the command line as they are meant: "--label=" is the option with an empty value, and does not take the
// next word for it; "[ -f x ]" is one word, not a list.
std::vector<std::string> words_of(int count, const char* const* arguments);

// A whole number within bounds; `instead` says what to do for one beyond them, as "; for more …".
CLI::Validator whole_number(std::int64_t least, std::int64_t most, std::string instead = "");
CLI::Validator seconds_from(double least, double most);
CLI::Validator revision_number();

// Of those the one called `word`; null: none is.
const CLI::App* command_named(const CLI::App& app, std::string_view word);

// Help was asked for a word that is no command: `cronfleet job rn --help`. After a parse that ended with CallForHelp.
bool asks_for_help_of_nothing(const CLI::App& app);

// What was wrong, in the reader's language and with the option as it was written, with the nearest known word, and
// where help is: "…: unknown option '--sever'; did you mean '--server'?".
// Also for a CallForHelp where asks_for_help_of_nothing.
std::string usage_mistake(const CLI::App& app, const CLI::ParseError& error, int count, const char* const* arguments);

}  // namespace cronfleet::cli

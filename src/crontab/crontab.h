// crontab/crontab.h: a crontab file, line by line, as vixie's cron reads it. Pure; never fails as a whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crontab/vixie.h"

namespace cronfleet::crontab {

enum class Form {
  User,    // crontab -e: schedule, command
  System,  // /etc/crontab, /etc/cron.d: schedule, user, command
};

inline constexpr std::size_t kCommandBytesMax = 64 << 10;  // SEC-33; vixie itself takes 999

struct Setting {  // NAME=value: holds for the lines below it
  std::string name, value;
};
struct Entry {
  std::string schedule;              // five words with one space between them, or a macro as "@daily"
  std::string user;                  // Form::System only
  std::string command;               // for the shell: up to the first %, "\%" being a plain one
  std::optional<std::string> input;  // what stood after it, each further % a new line
  VixieFields fields;
};
struct Mistake {
  int column = 1;  // in bytes, from 1
  std::string message;
};
struct Line {
  int number = 0;  // from 1
  std::string text;
  std::string comment;  // the comment lines right above an entry
  std::variant<Setting, Entry, Mistake> what;
};

// Lines that say something; blank ones and comments are left out.
std::vector<Line> read_crontab(std::string_view text, Form form);

}  // namespace cronfleet::crontab

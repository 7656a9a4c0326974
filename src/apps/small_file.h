// apps/small_file.h: files of one line.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"

namespace cronfleet::apps {

// Its first line; empty where there is no such file, or none that can be read.
std::string first_line(const std::filesystem::path& path);

// Puts `text` in place of what is there; whoever reads has the old text or the new one.
//   NoSpace  it cannot be written; the old text stands
Result<void> replace_file(const std::filesystem::path& path, const std::string& text);

}  // namespace cronfleet::apps

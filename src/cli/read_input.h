// cli/read_input.h: files and standard input, whole, up to what an import may have (SEC-33).
#pragma once

#include <cstdio>
#include <string>

#include "cli/cli.h"

namespace cronfleet::cli {

inline constexpr std::size_t kInputBytesMax = 16u << 20;

CliResult<std::string> read_stream(std::FILE* file, const std::string& name);
CliResult<std::string> read_path(const std::string& path);

}  // namespace cronfleet::cli

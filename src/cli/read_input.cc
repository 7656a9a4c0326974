#include "cli/read_input.h"
#include "cli/words.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace cronfleet::cli {

CliResult<std::string> read_stream(std::FILE* file, const std::string& name) {
  std::string text;
  char buffer[16 << 10];
  while (const std::size_t bytes = std::fread(buffer, 1, sizeof buffer, file)) {
    text.append(buffer, bytes);
    if (text.size() > kInputBytesMax)
      return CliFailure({kExitInvalid, words("{}: more than {} bytes", name, kInputBytesMax)});
  }
  if (std::ferror(file)) return CliFailure({kExitInvalid, words("cannot read {}: {}", name, std::strerror(errno))});
  return text;
}

CliResult<std::string> read_path(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return CliFailure({kExitInvalid, words("cannot read {}: {}", path, std::strerror(errno))});
  return read_stream(file.get(), path);
}

}  // namespace cronfleet::cli

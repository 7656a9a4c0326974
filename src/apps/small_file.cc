#include "apps/small_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace cronfleet::apps {

std::string first_line(const std::filesystem::path& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

Result<void> replace_file(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(fresh, path, error);
  if (!file || error)
    return fail(Code::NoSpace, "{} cannot be written: {}", path.string(),
                file ? error.message() : std::strerror(errno));
  return {};
}

}  // namespace cronfleet::apps

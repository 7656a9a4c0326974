// console/files.h: the built files of the web console, as they lie in the binary. web/build.mjs writes the table; a
// build without the console has an empty one.
#pragma once

#include <string_view>
#include <vector>

namespace cronfleet::console {

struct File {
  std::string_view path;  // "/assets/main-4XQ2.js"; "/" is the page itself
  std::string_view type;  // media type
  std::string_view tag;   // changes with the bytes
  std::string_view bytes, gzip;
  std::string_view brotli{};  // empty: there is none
};
const std::vector<File>& files();

}  // namespace cronfleet::console

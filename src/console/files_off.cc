#include "console/files.h"

namespace cronfleet::console {

const std::vector<File>& files() {
  static const std::vector<File> kNone;
  return kNone;
}

}  // namespace cronfleet::console

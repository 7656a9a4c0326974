// history/shelf.h: where a worker lays what waits for the history and has no room in memory: first in, first out.
//
// It holds nothing that cannot be found elsewhere (the running/ keys and the journal have it too), so it need not
// outlive the process. Loop thread only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cronfleet::history {

class Shelf {
 public:
  virtual ~Shelf() = default;
  // False: there is no room, and nothing was taken.
  virtual bool put(std::string_view bytes) = 0;
  // The oldest, which is not there any more then. Only while size() is not 0.
  //   Corrupt      it cannot be read: all that it has is lost, and size() is 0
  virtual Result<std::string> take() = 0;
  virtual std::size_t size() const = 0;
};

}  // namespace cronfleet::history

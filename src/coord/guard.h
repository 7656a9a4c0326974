// coord/guard.h: lets an owner leave before its answers come. What wrap() made does nothing once the guard was renewed
// or destroyed.
#pragma once

#include <memory>
#include <utility>

namespace cronfleet::coord {

class Guard {
 public:
  void renew() { alive_ = std::make_shared<char>(); }

  template <typename F>
  auto wrap(F callable) const {
    return [alive = std::weak_ptr<char>(alive_), callable = std::move(callable)](auto&&... args) mutable {
      if (!alive.expired()) callable(std::forward<decltype(args)>(args)...);
    };
  }
  std::weak_ptr<char> token() const { return alive_; }  // expires with it

 private:
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace cronfleet::coord

// base/boxed.h: an optional value that takes 8 bytes while it is absent: for what few of a million objects have.
#pragma once

#include <memory>
#include <utility>

namespace cronfleet {

template <typename T>
class Boxed {
 public:
  Boxed() = default;
  Boxed& operator=(T value) {
    value_ = std::make_unique<T>(std::move(value));
    return *this;
  }
  void reset() { value_.reset(); }

  explicit operator bool() const { return value_ != nullptr; }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace cronfleet

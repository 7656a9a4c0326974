// base/rare.h: a value that most objects leave as T() is: 8 bytes while they do, and it compares and copies as a T.
//
//   Rare<Retry> retry;
//   if (retry->count > 0) …        // reads T() where nothing was set
//   retry.edit().count = 3;        // a T of its own from here on
#pragma once

#include <memory>
#include <utility>

namespace cronfleet {

template <typename T>
class Rare {
 public:
  Rare() = default;
  Rare(T value) { *this = std::move(value); }
  Rare(const Rare& other) : own_(other.own_ ? std::make_unique<T>(*other.own_) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(const Rare& other) { return *this = Rare(other); }
  Rare& operator=(Rare&&) noexcept = default;
  Rare& operator=(T value) {
    own_ = value == by_default() ? nullptr : std::make_unique<T>(std::move(value));
    return *this;
  }
  ~Rare() = default;

  const T& operator*() const { return own_ ? *own_ : by_default(); }
  const T* operator->() const { return &**this; }
  T& edit() {
    if (!own_) own_ = std::make_unique<T>();
    return *own_;
  }
  friend bool operator==(const Rare& a, const Rare& b) { return *a == *b; }

 private:
  static const T& by_default() {
    static const T value{};
    return value;
  }
  std::unique_ptr<T> own_;
};

}  // namespace cronfleet

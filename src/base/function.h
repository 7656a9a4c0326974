// base/function.h: Function<R(Args...)>, a callable that may own move-only values. std::move_only_function is C++23.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace cronfleet {

template <typename Signature>
class Function;

template <typename R, typename... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  template <typename F>
    requires(!std::is_same_v<std::decay_t<F>, Function> && std::is_invocable_r_v<R, F&, Args...>)
  Function(F callable)  // NOLINT(google-explicit-constructor): a lambda is passed where a Function is taken
      : target_(std::make_unique<Holder<F>>(std::move(callable))) {}

  explicit operator bool() const { return target_ != nullptr; }
  R operator()(Args... args) {
    CHECK(target_ != nullptr);
    return target_->call(std::forward<Args>(args)...);
  }

 private:
  struct Target {
    virtual ~Target() = default;
    virtual R call(Args... args) = 0;
  };
  template <typename F>
  struct Holder final : Target {
    explicit Holder(F f) : callable(std::move(f)) {}
    R call(Args... args) override { return callable(std::forward<Args>(args)...); }
    F callable;
  };
  std::unique_ptr<Target> target_;
};

}  // namespace cronfleet

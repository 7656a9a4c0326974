// async/callback.h: Callback<T>, called once with the answer of a slow call, as a task on the caller's Loop.
// It may outlive the call that took it: it holds values, or an owner that cancels it in its destructor.
#pragma once

#include "base/function.h"

namespace cronfleet::async {

template <typename T>
using Callback = Function<void(T)>;
using Task = Function<void()>;

}  // namespace cronfleet::async

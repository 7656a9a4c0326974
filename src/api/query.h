// api/query.h: the parameters of one request, taken by name and checked; what nobody asked for is refused in the end,
// with the nearest known name. Every mistake is remembered; ask problem() once, after taking everything.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "api/url.h"
#include "base/time.h"

namespace cronfleet::api {

class Query {
 public:
  Query() = default;
  explicit Query(QueryPairs pairs) : pairs_(std::move(pairs)) {}

  // The value of `name`; nothing where it is absent. Given twice: refused.
  std::optional<std::string> text(std::string_view name);
  // All values of `name`, each split at commas: "status=failed,lost". An empty one is refused, with what was expected:
  // a variable without a value in somebody's script must not mean "all".
  std::vector<std::string> words(std::string_view name, std::string_view expected);
  // All values of `name`, as they are: names may have commas.
  std::vector<std::string> texts(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  // "1", "true", "" are true; "0", "false" false.
  bool flag(std::string_view name);
  std::optional<WallTime> instant(std::string_view name);  // RFC 3339
  // One of `allowed`.
  std::optional<std::string> choice(std::string_view name, const std::vector<std::string_view>& allowed);

  // `column` and `length` where the mistake lies inside the value.
  void refuse(std::string_view name, std::string detail, std::string suggestion = {}, int column = 0, int length = 0);
  // 400 with all mistakes; nothing when all is well.
  std::optional<Problem> problem();

 private:
  void take(std::string_view name) { known_.emplace(name); }

  QueryPairs pairs_;
  std::set<std::string, std::less<>> known_;
  std::vector<Mistake> mistakes_;
};

}  // namespace cronfleet::api

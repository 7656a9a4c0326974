// GET /api/v1/firings:count: how many firings lie between instants: those past by verdict, those to come as expected
// now, and the minutes of the next day in which most come due. What a calendar of a month or a year is drawn from.
#include <algorithm>
#include <map>

#include "api/conditions.h"
#include "api/overview_routes.h"
#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kEdgesMax = 367;        // the days of a leap year; more do not fit the request line
constexpr std::size_t kStepsMax = 3'000'000;  // firings looked at: about a second
constexpr std::size_t kBusiest = 8;
constexpr std::size_t kNamed = 3;
constexpr std::chrono::hours kAhead{24};

struct Minute {
  std::size_t count = 0;
  std::vector<std::string> jobs;  // the first of them
};

std::vector<WallTime> take_edges(Query& query) {
  std::vector<WallTime> edges;
  for (const std::string& word : query.words("edge", fmt::format("{} to {} instants", 2, kEdgesMax))) {
    const auto at = parse_rfc3339(word);
    if (!at) {
      query.refuse("edge", at.error().message());
      return {};
    }
    edges.push_back(*at);
  }
  if (edges.size() < 2 || edges.size() > kEdgesMax)
    query.refuse("edge", fmt::format("expected 2 to {} instants", kEdgesMax));
  if (std::adjacent_find(edges.begin(), edges.end(), std::greater_equal<>()) != edges.end())
    query.refuse("edge", "expected each instant after the one before it");
  return edges;
}

}  // namespace

Answer OverviewApi::count_firings(Call& call) {
  Query& query = call.query;
  const std::vector<WallTime> edges = take_edges(query);
  take_stale(call);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));
  const auto jobs = parts_.jobs.list(call.reading);
  if (!jobs) return Refusal(jobs.error());

  const WallTime now = parts_.jobs.now(), last = edges.back();
  std::vector<std::size_t> expected(edges.size() - 1);
  std::map<WallTime, Minute> minutes;
  std::size_t steps = 0;
  for (const auto& stored : *jobs->items) {
    if (!stored->job || last <= now || steps >= kStepsMax) continue;
    // Borrowed: compiled only for this question.
    const auto compiled = domain::compile(domain::JobPtr(domain::JobPtr(), &*stored->job), parts_.zones);
    if (!compiled) continue;
    std::size_t bucket = 0;
    for (auto at = domain::next_firing(*compiled, std::max(now, edges.front() - std::chrono::milliseconds(1)));
         at && *at < last && steps < kStepsMax; at = domain::next_firing(*compiled, *at), ++steps) {
      while (*at >= edges[bucket + 1]) ++bucket;
      ++expected[bucket];
      if (*at >= now + kAhead) continue;
      Minute& minute = minutes[std::chrono::floor<std::chrono::minutes>(*at)];
      ++minute.count;
      if (minute.jobs.size() < kNamed && (minute.jobs.empty() || minute.jobs.back() != stored->name.text()))
        minute.jobs.push_back(stored->name.text());
    }
  }
  std::vector<std::pair<WallTime, const Minute*>> busiest;
  for (const auto& [at, minute] : minutes) busiest.emplace_back(at, &minute);
  std::stable_sort(busiest.begin(), busiest.end(),
                   [](const auto& a, const auto& b) { return a.second->count > b.second->count; });
  if (busiest.size() > kBusiest) busiest.resize(kBusiest);

  std::vector<std::vector<history::StatusCount>> past(edges.size() - 1);
  for (std::size_t i = 0; i + 1 < edges.size() && edges[i] < now; ++i) {
    auto counts = parts_.history.counts(edges[i], std::min(edges[i + 1], now));
    if (!counts) return Refusal(problem_of(counts.error().with("counting runs")));
    past[i] = *std::move(counts);
  }
  domain::JsonWriter json;
  json.object([&] {
    json.member("now", to_rfc3339_ms(now));
    json.key("items").array([&] {
      for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        json.object([&] {
          json.member("from", to_rfc3339_ms(edges[i]));
          json.key("verdicts").object([&] {
            for (const history::StatusCount& count : past[i]) json.member(domain::to_string(count.status), count.count);
          });
          json.member("expected", expected[i]);
        });
      }
    });
    json.key("busiest").array([&] {
      for (const auto& [at, minute] : busiest) {
        json.object([&] {
          json.member("at", to_rfc3339_ms(at));
          json.member("count", minute->count);
          json.key("jobs").array([&] {
            for (const std::string& name : minute->jobs) json.value(name);
          });
        });
      }
    });
    json.member("complete", steps < kStepsMax);
  });
  return Response{.body = json.take()};
}

}  // namespace cronfleet::api

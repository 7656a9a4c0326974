// The routes of runs. docs/api.yaml says what each takes and answers.
#include "api/api.h"
#include "api/conditions.h"
#include "api/kills.h"
#include "api/list_filters.h"
#include "api/output_stream.h"
#include "domain/json_writer.h"
#include "domain/nearest.h"
#include "domain/run_json.h"

namespace cronfleet::api {
namespace {

constexpr std::int64_t kOffsetMax = std::int64_t{1} << 62;
constexpr std::size_t kOutputJsonBytes = 1 << 20;
constexpr std::string_view kStatusWords[] = {"waiting", "claimed", "running",   "succeeded", "failed", "signalled",
                                             "killed",  "skipped", "timed_out", "missed",    "lost",   "refused"};

Outcome<domain::RunId> run_of(const Call& call) {
  auto run = domain::parse_run_id(call.parameter("id"));
  if (run) return *std::move(run);
  Problem problem{.status = 400, .code = "invalid_run_id", .detail = run.error().message()};
  problem.errors.push_back({.parameter = "id", .code = "invalid_run_id", .detail = run.error().message()});
  return Refusal(std::move(problem));
}

void write_runs(domain::JsonWriter& json, const std::vector<RunView>& runs) {
  json.key("items").array([&] {
    for (const RunView& run : runs) domain::write_run(json, run.record);
  });
}

Answer output_as_json(RunCatalogue& runs, const domain::RunId& run, const RunView& view, std::uint64_t from) {
  const auto slice = runs.output(run, from, kOutputJsonBytes);
  if (!slice) return Refusal(slice.error());
  domain::JsonWriter json;
  json.object([&] {
    json.member("run_id", run.text());
    json.member("from", from);
    json.member("next_offset", slice->next_offset);
    json.member("over", view.recorded);
    json.key("chunks").array([&] {
      for (const domain::OutputChunk& chunk : slice->chunks) write_chunk(json, chunk);
    });
  });
  return Response{.body = json.take()};
}

// One run in each line; where the next page begins stands in a header.
Response runs_as_lines(const RunCatalogue::Runs& runs) {
  Response response{.content_type = "application/x-ndjson"};
  for (const RunView& run : runs.items) {
    domain::JsonWriter json;
    domain::write_run(json, run.record);
    response.body += json.take() + "\n";
  }
  if (!runs.next_cursor.empty()) response.headers.add("X-Cronfleet-Next-Cursor", runs.next_cursor);
  if (runs.stale) mark_stale(response);
  return response;
}

}  // namespace

void Api::add_run_routes(Router& router) {
  const auto add = [&](Method method, const char* pattern, Answer (Api::*handler)(Call&)) {
    router.add({method, pattern, [this, handler](Call& call) { return (this->*handler)(call); }});
  };
  add(Method::Get, "/api/v1/runs", &Api::list_runs);
  add(Method::Get, "/api/v1/runs/{id}", &Api::get_run);
  add(Method::Get, "/api/v1/runs/{id}/output", &Api::get_output);
  add(Method::Post, "/api/v1/runs/{id}:kill", &Api::kill_run);
}

Answer Api::list_runs(Call& call) {
  Query& query = call.query;
  history::RunQuery wanted;
  wanted.limit = static_cast<std::size_t>(
      query.integer("limit", 1, kPageMax).value_or(static_cast<std::int64_t>(parts_.page_size)));
  wanted.cursor = query.text("cursor").value_or("");
  if (const auto job = query.text("job")) {
    auto name = domain::make_job_name(*job);
    if (!name) query.refuse("job", name.error().message());
    if (name) wanted.job = *std::move(name);
  }
  for (const std::string& word : query.words("status")) {
    const auto status = domain::parse_run_status(word);
    if (status) wanted.statuses.push_back(*status);
    const std::vector<std::string_view> known(std::begin(kStatusWords), std::end(kStatusWords));
    if (!status)
      query.refuse("status", fmt::format("{} is not one of {}", domain::quoted(word), fmt::join(known, ", ")),
                   std::string(domain::nearest(word, known)));
  }
  if (auto worker = query.text("worker")) wanted.worker = NodeId(*std::move(worker));
  wanted.from = query.instant("from");
  wanted.until = query.instant("until");
  if (query.choice("order", {"newest_first", "oldest_first"}) == "oldest_first")
    wanted.order = history::Order::OldestFirst;
  take_run_filter(query, parts_.clock.wall(), wanted);
  const Reading reading = reading_of(query);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));
  const auto type = negotiate(call.request, {"application/json", "application/x-ndjson"});
  if (!type) return refuse(406, "not_acceptable", "runs come as application/json or application/x-ndjson");
  const auto runs = runs_.list(wanted, reading);
  if (!runs) return Refusal(runs.error());
  if (*type == "application/x-ndjson") return runs_as_lines(*runs);
  domain::JsonWriter json;
  json.object([&] {
    write_runs(json, runs->items);
    if (!runs->next_cursor.empty()) json.member("next_cursor", runs->next_cursor);
    if (runs->stale) json.member("stale", true);
    if (!runs->partial.empty()) {
      json.member("partial", true);
      json.member("partial_reason", runs->partial);
    }
  });
  Response response{.body = json.take()};
  if (runs->stale) mark_stale(response);
  return response;
}

Answer Api::get_run(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto run = run_of(call);
  if (!run) return Refusal(run.error());
  auto view = runs_.get(*run);
  if (!view) return Refusal(std::move(view.error()));
  view->record.output.clear();  // stands under .../output
  return Response{.body = domain::encode_run(view->record)};
}

Answer Api::get_output(Call& call) {
  const auto run = run_of(call);
  if (!run) return Refusal(run.error());
  auto from = static_cast<std::uint64_t>(call.query.integer("from", 0, kOffsetMax).value_or(0));
  const bool follow = call.query.flag("follow");
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto view = runs_.get(*run);
  if (!view) return Refusal(view.error());
  const auto type = follow ? negotiate(call.request, {"text/event-stream", "text/plain"})
                           : negotiate(call.request, {"text/plain", "application/octet-stream", "application/json"});
  if (!type)
    return refuse(
        406, "not_acceptable", "output comes as {}",
        follow ? "text/event-stream or text/plain" : "text/plain, application/octet-stream or application/json");
  if (*type == "application/json") return output_as_json(runs_, *run, *view, from);
  const bool events = *type == "text/event-stream";
  if (events && call.request.headers.get("Last-Event-ID")) {
    Query resume({{"last", std::string(*call.request.headers.get("Last-Event-ID"))}});
    if (const auto last = resume.integer("last", 0, kOffsetMax)) from = static_cast<std::uint64_t>(*last);
  }
  Response response{.content_type = *type == "text/plain" ? "text/plain; charset=utf-8" : std::string(*type)};
  response.stream = output_stream(runs_, *run, from, events ? OutputForm::Events : OutputForm::Raw,
                                  follow ? Follow::Yes : Follow::No);
  return response;
}

Answer Api::kill_run(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto run = run_of(call);
  if (!run) return Refusal(run.error());
  const auto request = kill_request_of(call.request);
  if (!request) return Refusal(request.error());
  const auto view = runs_.kill(*run, *request);
  if (!view) return Refusal(view.error());
  return Response{.status = 202, .body = domain::encode_run(view->record)};
}

}  // namespace cronfleet::api

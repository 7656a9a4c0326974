// The routes of runs. docs/api.yaml says what each takes and answers.
#include <charconv>

#include "api/api.h"
#include "api/byte_range.h"
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
constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
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

std::vector<domain::RunStatus> take_statuses(Query& query) {
  static const std::vector<std::string_view> kKnown(std::begin(kStatusWords), std::end(kStatusWords));
  std::vector<domain::RunStatus> statuses;
  for (const std::string& word : query.words("status", fmt::format("one of {}", fmt::join(kKnown, ", ")))) {
    const auto status = domain::parse_run_status(word);
    if (status) statuses.push_back(*status);
    if (!status)
      query.refuse("status", fmt::format("{} is not one of {}", domain::quoted(word), fmt::join(kKnown, ", ")),
                   std::string(domain::nearest(word, kKnown)));
  }
  return statuses;
}

void write_runs(domain::JsonWriter& json, const std::vector<RunView>& runs) {
  json.key("items").array([&] {
    for (const RunView& run : runs) domain::write_run(json, run.record);
  });
}

Answer output_as_json(RunCatalogue& runs, const domain::RunId& run, const RunView& view, std::uint64_t from) {
  auto slice = runs.output(run, from, kOutputJsonBytes);
  if (!slice) return Refusal(slice.error());
  domain::JsonWriter json;
  json.object([&] {
    json.member("run_id", run.text());
    json.member("from", from);
    json.member("next_offset", slice->next_offset);
    json.member("over", view.recorded);
    json.key("chunks").array([&] {
      for (domain::OutputChunk& chunk : slice->chunks)
        if (begin_at(chunk, from)) write_chunk(json, chunk);
    });
  });
  return Response{.body = json.take()};
}

// The part of the raw output that Range asks for, at most kOutputJsonBytes of it: a client asks again from there.
Answer output_range(RunCatalogue& runs, const domain::RunId& run, const RunView& view, const ByteRange& range) {
  // Where nothing was left out, offsets are those of the run itself and the output need not be walked through.
  bool exact = view.recorded && view.record.end.output_bytes_dropped == 0;
  Outcome<std::uint64_t> length = view.record.end.output_bytes;
  if (exact && *length > 0) {
    const auto end = raw_output_slice(runs, run, *length - 1, 2, Offsets::OfTheRun);
    if (!end) return Refusal(end.error());
    exact = end->size() == 1;
  }
  if (!exact) length = raw_output_bytes(runs, run);
  if (!length) return Refusal(length.error());
  // What is not over may grow.
  const std::string whole = view.recorded ? std::to_string(*length) : "*";
  auto slice = range.of(*length);
  if (!slice) {
    Problem problem{.status = 416,
                    .code = "range_not_satisfiable",
                    .detail = fmt::format("there are {} bytes, and none of them in this range", *length)};
    problem.headers.add("Content-Range", fmt::format("bytes */{}", *length));
    return Refusal(std::move(problem));
  }
  slice->length = std::min<std::uint64_t>(slice->length, kOutputJsonBytes);
  auto bytes =
      raw_output_slice(runs, run, slice->offset, slice->length, exact ? Offsets::OfTheRun : Offsets::OfTheRawForm);
  if (!bytes) return Refusal(std::move(bytes.error()));
  Response response{.status = 206, .body = *std::move(bytes)};
  response.headers.add("Content-Range",
                       fmt::format("bytes {}-{}/{}", slice->offset, slice->offset + response.body.size() - 1, whole));
  return response;
}

// What If-Range compares: the bytes of a run that is over never change.
std::string output_tag(const RunView& view) { return fmt::format("\"{}-output\"", view.record.end.output_bytes); }

std::optional<ByteRange> range_of(const Request& request, const RunView& view) {
  const auto range = request.headers.get("Range");
  if (!range || request.headers.count("Range") > 1 || request.method != Method::Get) return std::nullopt;
  const auto condition = request.headers.get("If-Range");
  if (condition && (!view.recorded || trimmed(*condition) != output_tag(view))) return std::nullopt;
  return parse_byte_range(*range);
}

// A filter may count back from now. The pages of one list must all mean the same now, so it travels in the cursor, in
// front of the history's own.
struct PagedNow {
  WallTime now;
  std::string cursor;  // the history's

  static PagedNow take(Query& query, WallTime now) {
    const auto sent = query.text("cursor");
    PagedNow paged{.now = now, .cursor = sent.value_or("")};
    const auto dot = paged.cursor.find('.');
    if (dot == std::string::npos) {
      if (sent) query.refuse("cursor", "not a cursor that this server gave");
      return paged;
    }
    std::int64_t ms = 0;
    const auto read = std::from_chars(paged.cursor.data(), paged.cursor.data() + dot, ms);
    if (read.ec != std::errc() || read.ptr != paged.cursor.data() + dot || ms < 0 || ms > to_ms(now) + kDayMs)
      query.refuse("cursor", "not a cursor that this server gave");
    paged.now = from_ms(ms);
    paged.cursor.erase(0, dot + 1);
    if (paged.cursor.empty()) query.refuse("cursor", "not a cursor that this server gave");
    return paged;
  }
  std::string text_of(const std::string& next) const { return fmt::format("{}.{}", to_ms(now), next); }
};

// One run in each line; where the next page begins stands in a header.
Response runs_as_lines(const RunCatalogue::Runs& runs) {
  Response response{.content_type = "application/x-ndjson"};
  for (const RunView& run : runs.items) {
    domain::JsonWriter json;
    domain::write_run(json, run.record);
    response.body += json.take() + "\n";
  }
  if (!runs.next_cursor.empty()) response.headers.add("X-Cronfleet-Next-Cursor", runs.next_cursor);
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
  PagedNow paged = PagedNow::take(query, parts_.clock.wall());
  wanted.cursor = paged.cursor;
  if (const auto job = query.text("job")) {
    auto name = domain::make_job_name(*job);
    if (!name) query.refuse("job", name.error().message());
    if (name) wanted.job = *std::move(name);
  }
  wanted.statuses = take_statuses(query);
  if (auto worker = query.text("worker")) {
    if (worker->empty()) query.refuse("worker", "empty: expected the name of a worker, or no such parameter");
    wanted.worker = NodeId(*std::move(worker));
  }
  wanted.from = query.instant("from");
  wanted.until = query.instant("until");
  if (wanted.from && wanted.until && *wanted.from > *wanted.until)
    query.refuse("until", "expected an instant after from");
  if (query.choice("order", {"newest_first", "oldest_first"}) == "oldest_first")
    wanted.order = history::Order::OldestFirst;
  take_run_filter(query, paged.now, wanted);
  take_stale(call);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));
  const auto type = negotiate(call.request, {"application/json", "application/x-ndjson"});
  if (!type)
    return refuse_header("Accept", 406, "not_acceptable", "runs come as application/json or application/x-ndjson");
  auto runs = runs_.list(wanted, call.reading);
  if (!runs) return Refusal(runs.error());
  if (!runs->next_cursor.empty()) runs->next_cursor = paged.text_of(runs->next_cursor);
  if (*type == "application/x-ndjson") return runs_as_lines(*runs);
  domain::JsonWriter json;
  json.object([&] {
    write_runs(json, runs->items);
    if (!runs->next_cursor.empty()) json.member("next_cursor", runs->next_cursor);
    // Counting them all is dear; when this is all there is, it costs nothing.
    if (wanted.cursor.empty() && runs->next_cursor.empty() && runs->partial.empty())
      json.member("total", runs->items.size());
    if (call.reading.stale()) json.member("stale", true);
    if (!runs->partial.empty()) {
      json.member("partial", true);
      json.member("partial_reason", runs->partial);
    }
  });
  return Response{.body = json.take()};
}

Answer Api::get_run(Call& call) {
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto run = run_of(call);
  if (!run) return Refusal(run.error());
  if (!negotiate(call.request, {"application/json"}))
    return refuse_header("Accept", 406, "not_acceptable",
                         "a run comes as application/json; its output stands under .../output");
  auto view = runs_.get(*run, call.reading);
  if (!view) return Refusal(std::move(view.error()));
  view->record.output.clear();  // stands under .../output
  return conditional(call.request, {.body = domain::encode_run(view->record)});
}

Answer Api::get_output(Call& call) {
  const auto run = run_of(call);
  if (!run) return Refusal(run.error());
  const auto asked_from = call.query.integer("from", 0, kOffsetMax);
  auto from = static_cast<std::uint64_t>(asked_from.value_or(0));
  const bool follow = call.query.flag("follow");
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto view = runs_.get(*run, call.reading);
  if (!view) return Refusal(view.error());
  const auto type = follow ? negotiate(call.request, {"text/event-stream", "text/plain", "application/x-ndjson"})
                           : negotiate(call.request, {"text/plain", "application/octet-stream", "application/json",
                                                      "application/x-ndjson"});
  if (!type)
    return refuse_header("Accept", 406, "not_acceptable", "output comes as {}",
                         follow ? "text/event-stream, text/plain or application/x-ndjson"
                                : "text/plain, application/octet-stream, application/json or application/x-ndjson");
  if (*type == "application/json") return output_as_json(runs_, *run, *view, from);
  const bool events = *type == "text/event-stream";
  const auto resumes = events ? call.request.headers.get("Last-Event-ID") : std::nullopt;
  if (resumes) {
    Query resume({{"last", std::string(*resumes)}});
    const auto last = resume.integer("last", 0, kOffsetMax);
    if (!last)
      return refuse_header("Last-Event-ID", 400, "invalid_event_id",
                           "not an offset of this output: expected a whole number from 0");
    from = static_cast<std::uint64_t>(*last);
  }
  // Whoever waits there would see nothing of what is written before.
  if (follow && from > 0)
    if (const auto before = runs_.output(*run, from - 1, 1); before && before->chunks.empty()) {
      Problem problem{.status = 416,
                      .code = "range_not_satisfiable",
                      .detail = fmt::format("nothing has been written yet in front of byte {}", from)};
      return Refusal(resumes ? at_header("Last-Event-ID", std::move(problem))
                             : at_parameter("from", std::move(problem)));
    }
  const std::string content_type = *type == "text/plain" ? "text/plain; charset=utf-8" : std::string(*type);
  const bool lines = *type == "application/x-ndjson";
  const bool whole = !follow && !asked_from && !lines;
  Response response{.content_type = content_type};
  if (whole && view->recorded) {
    response.headers.add("ETag", output_tag(*view));
    response = conditional(call.request, std::move(response));
    if (response.status == 304) return response;
  }
  const auto range = whole ? range_of(call.request, *view) : std::nullopt;
  if (range) {
    Answer part = output_range(runs_, *run, *view, *range);
    if (!part) return part;
    part->content_type = content_type;
    if (view->recorded) part->headers.add("ETag", output_tag(*view));
    return part;
  }
  if (whole) response.headers.add("Accept-Ranges", "bytes");
  const OutputForm form = events ? OutputForm::Events : lines ? OutputForm::Lines : OutputForm::Raw;
  response.stream = output_stream(runs_, *run, from, form, follow ? Follow::Yes : Follow::No);
  return response;
}

Answer Api::kill_run(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto run = run_of(call);
  if (!run) return Refusal(run.error());
  auto request = kill_request_of(call.request);
  if (!request) return Refusal(request.error());
  request->effect = effect;
  const auto view = runs_.kill(*run, *request);
  if (!view) return Refusal(view.error());
  if (effect == Effect::Write)
    audit("run killed", fmt::format("{} by {}: {}", run->text(), request->actor, request->reason));
  Response response{.status = effect == Effect::Write ? 202 : 200, .body = domain::encode_run(view->record)};
  mark_dry_run(response, effect);
  return response;
}

}  // namespace cronfleet::api

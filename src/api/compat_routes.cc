#include "api/compat_routes.h"

#include <algorithm>

#include "api/go_form.h"
#include "api/go_json.h"
#include "api/kills.h"
#include "api/url.h"
#include "domain/job_json.h"

namespace cronfleet::api {
namespace {

constexpr std::string_view kPaths[] = {"/job/save", "/job/delete", "/job/list",
                                       "/job/kill", "/job/log",    "/worker/list"};
constexpr Method kMethods[] = {Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete, Method::Options};
constexpr std::string_view kActor = "compat";
constexpr std::size_t kRowsMax = 500;  // SEC-33
constexpr std::string_view kText = "text/plain; charset=utf-8";

std::string success(std::string_view data) { return fmt::format(R"({{"errno":1,"msg":"success","data":{}}})", data); }
std::string failure(std::string_view message) {
  std::string body = R"({"errno":-1,"msg":)";
  append_go_json(body, message);
  return body + R"(,"data":null})";
}
Response answer(int status, std::string body) {
  return {.status = status, .content_type = std::string(kText), .body = std::move(body)};
}

// What to tell of a refusal in one sentence.
std::string sentence(const Problem& problem) { return problem.detail; }

// A job as these clients know it: ours where the document is one, else what their own decoder would make of it.
std::optional<GoJob> readable(const JobName& name, std::string_view document) {
  const auto job = domain::decode_job(document, name);
  if (!job) return std::nullopt;
  return GoJob{.name = job->name.text(), .command = domain::shown_command(*job), .cron_expr = job->schedule};
}

std::string to_json(const GoJob& job) {
  std::string out;
  append_go_json(out, job);
  return out;
}

// The former job of a save: null where nothing stood that their decoder could begin with.
std::string saved_over(const JobName& name, const std::optional<std::string>& document) {
  if (!document) return "null";
  if (const auto job = readable(name, *document)) return to_json(*job);
  const GoDecoded decoded = decode_go_job(*document);
  const bool stood = decoded.kind == GoDecoded::Kind::Value || decoded.kind == GoDecoded::Kind::Type;
  return stood ? to_json(decoded.job) : "null";
}

// Six words without a year are minute first and the year last to the reference: a 0 in front says the same to both.
std::string with_second(const std::string& expression) {
  std::size_t words = 0;
  std::string_view last;
  for (std::string_view rest = expression;;) {
    const auto begin = rest.find_first_not_of(" \t\n\v\f\r");
    if (begin == std::string_view::npos) break;
    rest.remove_prefix(begin);
    last = rest.substr(0, rest.find_first_of(" \t\n\v\f\r"));
    rest.remove_prefix(last.size());
    ++words;
  }
  if (words != 6) return expression;
  std::size_t digits = 0, most = 0;
  for (const char c : last) most = std::max(most, digits = c >= '0' && c <= '9' ? digits + 1 : 0);
  return most >= 4 ? expression : "0 " + expression;
}

// The reference's words for how a command ended, as Go has them.
std::string how_it_ended(const domain::RunEnd& end) {
  static constexpr std::string_view kSignals[] = {"hangup",
                                                  "interrupt",
                                                  "quit",
                                                  "illegal instruction",
                                                  "trace/breakpoint trap",
                                                  "aborted",
                                                  "bus error",
                                                  "floating point exception",
                                                  "killed",
                                                  "user defined signal 1",
                                                  "segmentation fault",
                                                  "user defined signal 2",
                                                  "broken pipe",
                                                  "alarm clock",
                                                  "terminated"};
  if (end.status == domain::RunStatus::Succeeded) return {};
  if (end.signal) {
    const auto number = static_cast<std::size_t>(*end.signal);
    return number >= 1 && number <= std::size(kSignals) ? fmt::format("signal: {}", kSignals[number - 1])
                                                        : fmt::format("signal: signal {}", number);
  }
  if (end.exit_code && end.status == domain::RunStatus::Failed) return fmt::format("exit status {}", *end.exit_code);
  const std::string_view reason = domain::to_string(end.reason);
  std::string text(domain::to_string(end.status));
  if (!reason.empty()) text.append(": ").append(reason);
  if (!end.error.empty()) text.append(": ").append(end.error);
  return text;
}

std::string to_json(const domain::RunRecord& record) {
  std::string out = R"({"jobName":)";
  append_go_json(out, record.id.firing.job.text());
  out += R"(,"command":)";
  append_go_json(out, record.command);
  out += R"(,"err":)";
  append_go_json(out, how_it_ended(record.end));
  out += R"(,"output":)";
  append_go_json(out, record.output);
  out += fmt::format(R"(,"expectTime":{},"realityTime":{},"startTime":{},"endTime":{}}})", to_ms(record.scheduled_at),
                     to_ms(record.claimed_at), to_ms(record.end.started_at), to_ms(record.end.ended_at));
  return out;
}

std::string array_of(const std::vector<std::string>& items) { return fmt::format("[{}]", fmt::join(items, ",")); }

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

bool is_path_of_ours(std::string_view path) {
  return std::find(std::begin(kPaths), std::end(kPaths), path) != std::end(kPaths);
}

// An address that nobody has, as Go's server answers it: with dots or empty parts it is led to the clean one.
Response no_such_address(const Request& request, const std::string& path) {
  const std::string clean = clean_go_path(path);
  if (clean == path) return answer(404, "404 page not found\n");
  std::string place;
  for (const char c : clean) place += c == '/' ? "/" : percent_encode({&c, 1});
  if (!request.query().empty()) place.append("?").append(request.query());
  Response response = answer(301, {});
  response.headers.add("Location", place);
  if (request.method == Method::Get || request.method == Method::Head) {
    response.content_type = "text/html; charset=utf-8";
    response.body = fmt::format("<a href=\"{}\">Moved Permanently</a>.\n\n", html(place));
  }
  return response;
}

std::optional<Response> refusal(const Request& request, const Problem& problem) {
  const auto decoded = percent_decode(request.path());
  if (!decoded || decoded->starts_with("/api/")) return std::nullopt;
  if (problem.status == 404) return no_such_address(request, *decoded);
  if (!is_path_of_ours(*decoded)) return std::nullopt;
  Response response = answer(problem.status, failure(sentence(problem)));
  response.headers = problem.headers;
  if (problem.retry_after) response.headers.add("Retry-After", std::to_string(problem.retry_after->count()));
  response.trouble = problem.trouble;
  return response;
}

}  // namespace

CompatApi::CompatApi(CompatParts parts) : parts_(std::move(parts)) {}

void CompatApi::mount(Router& router, HttpOptions& options) {
  add(router, "/job/save", &CompatApi::save_job, true);
  add(router, "/job/delete", &CompatApi::delete_job, true);
  add(router, "/job/kill", &CompatApi::kill_job, true);
  add(router, "/job/list", &CompatApi::list_jobs, false);
  add(router, "/job/log", &CompatApi::list_runs, false);
  add(router, "/worker/list", &CompatApi::list_workers, false);
  options.guard.form_paths.assign(std::begin(kPaths), std::end(kPaths));
  options.render_refusal = refusal;
}

void CompatApi::mount_absent(Router& router) {
  const auto refused = [](Call& call) -> Answer {
    return refuse(404, "no_such_address",
                  "{} is an address of the reference: compat.enabled: true mounts it; API v1 is at /api/v1",
                  call.request.path());
  };
  for (const std::string_view path : kPaths)
    for (const Method method : kMethods)
      router.add({.method = method, .pattern = std::string(path), .handle = refused, .address = Address::AsSent});
}

void CompatApi::add(Router& router, const char* path, Data (CompatApi::*handle)(const Request&), bool changes) {
  for (const Method method : kMethods) {
    if (changes && method == Method::Get) continue;
    const auto run = [this, handle](Call& call) -> Answer {
      const Data data = (this->*handle)(call.request);
      return answer(200, data ? success(*data) : failure(data.error()));
    };
    router.add({.method = method, .pattern = path, .handle = run, .address = Address::AsSent});
  }
}

CompatApi::Data CompatApi::save_job(const Request& request) {
  const GoForm form = parse_go_form(request);
  if (!form.error.empty()) return tl::unexpected(form.error);
  const GoDecoded decoded = decode_go_job(form.body.get("job"));
  if (!decoded.error.empty()) return tl::unexpected(decoded.error);
  domain::Job job;
  job.name = JobName(decoded.job.name);
  job.command = decoded.job.command;
  job.schedule = with_second(decoded.job.cron_expr);
  job.time_zone = parts_.time_zone;
  // Through the document: it knows every limit and says what is wrong.
  auto checked = domain::decode_job(domain::encode_job(job));
  if (!checked) return tl::unexpected(checked.error().status().message());
  const auto saved = parts_.jobs.save(*std::move(checked), {});
  if (!saved) return tl::unexpected(sentence(saved.error()));
  return saved_over(job.name, saved->document_before);
}

CompatApi::Data CompatApi::delete_job(const Request& request) {
  const GoForm form = parse_go_form(request);
  if (!form.error.empty()) return tl::unexpected(form.error);
  const JobName name{std::string(form.body.get("name"))};
  if (!form.body.has("name")) return "null";  // nobody means the job without a name by saying nothing
  const auto erased = parts_.jobs.erase(name, {});
  if (!erased && erased.error().status == 404) return "null";
  if (!erased) return tl::unexpected(sentence(erased.error()));
  if (const auto job = readable(name, erased->document)) return to_json(*job);
  return to_json(decode_go_job(erased->document).job);
}

CompatApi::Data CompatApi::list_jobs(const Request&) {
  const auto jobs = parts_.jobs.list();
  if (!jobs) return tl::unexpected(sentence(jobs.error()));
  std::vector<std::string> items;
  for (const auto& stored : *jobs->items) {
    if (const auto job = readable(stored->name, stored->document)) {
      items.push_back(to_json(*job));
      continue;
    }
    const GoDecoded decoded = decode_go_job(stored->document);
    if (decoded.error.empty()) items.push_back(to_json(decoded.job));
  }
  return array_of(items);
}

CompatApi::Data CompatApi::kill_job(const Request& request) {
  const GoForm form = parse_go_form(request);
  if (!form.error.empty()) return tl::unexpected(form.error);
  const JobName name{std::string(form.body.get("name"))};
  if (name.empty()) return "null";
  const auto killed = kill_all(parts_.runs, name, {.actor = std::string(kActor), .reason = {}, .grace = {}});
  if (!killed) return tl::unexpected(sentence(killed.error()));
  return "null";
}

CompatApi::Data CompatApi::list_runs(const Request& request) {
  const GoForm form = parse_go_form(request);
  if (!form.error.empty()) return tl::unexpected(form.error);
  const auto skip_given = parse_go_integer(form.all.get("skip")), limit_given = parse_go_integer(form.all.get("limit"));
  std::int64_t skip = skip_given.value_or(0);
  if (skip < 0)
    return tl::unexpected(fmt::format("(Location51024) BSON field 'skip' value must be >= 0, actual value '{}'", skip));
  // 0 asks for all, a negative number for that many at once.
  std::int64_t limit = limit_given.value_or(static_cast<std::int64_t>(parts_.page_size));
  if (limit <= -static_cast<std::int64_t>(kRowsMax) || limit == 0 || limit > static_cast<std::int64_t>(kRowsMax))
    limit = kRowsMax;
  if (limit < 0) limit = -limit;

  std::vector<std::string> items;
  history::RunQuery query;
  query.job = JobName(std::string(form.all.get("name")));
  do {
    // What is passed over is read in whole pages; the page after it is as long as what is still wanted.
    const auto wanted = std::min<std::int64_t>(skip > 0 ? skip : limit - static_cast<std::int64_t>(items.size()),
                                               static_cast<std::int64_t>(kRowsMax));
    query.limit = static_cast<std::size_t>(wanted);
    const auto page = parts_.history.find(query);
    if (!page) return tl::unexpected(sentence(problem_of(page.error())));
    query.cursor = page->next_cursor;
    if (skip > 0) {
      skip -= static_cast<std::int64_t>(page->items.size());
      continue;
    }
    for (const domain::RunRecord& record : page->items) {
      const auto whole = parts_.history.get(record.id);  // with its output; gone meanwhile: without
      items.push_back(to_json(whole ? *whole : record));
    }
  } while (!query.cursor.empty() && static_cast<std::int64_t>(items.size()) < limit);
  return array_of(items);
}

CompatApi::Data CompatApi::list_workers(const Request&) {
  Reading reading;
  const auto workers = parts_.workers.list(reading);
  if (!workers) return tl::unexpected(sentence(workers.error()));
  std::vector<std::string> items;
  for (const WorkerView& worker : workers->items) {
    if (worker.state == WorkerView::State::Gone) continue;
    const core::WorkerEntry& entry = worker.entry;
    items.emplace_back();
    append_go_json(items.back(), entry.address.empty() ? entry.node.text() : entry.address);
  }
  return array_of(items);
}

}  // namespace cronfleet::api

#include "console/console.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace cronfleet::console {
namespace {

using api::Answer;
using api::Call;
using api::Request;
using api::Response;

// The first words of the addresses in web/src/app/pages.ts, which has the pages (web/tests compare the two).
constexpr std::array<std::string_view, 6> kSections = {"jobs", "new-job", "runs", "calendar", "workers", "system"};

constexpr std::string_view kAbsent =
    "This cronfleet was built without its web console.\n\n"
    "To have it, build again with node 18 or newer and npm on the machine (scripts/setup installs them):\n"
    "  cmake --preset release -DCRONFLEET_UI=build && scripts/build release\n\n"
    "Everything else works: cronfleet job list, cronfleet run list, and the API under /api/v1.\n";

// Whether Accept-Encoding takes a coding: named, or by "*", with a weight above 0.
bool takes(std::string_view wanted_coding, const Request& request) {
  std::optional<bool> named, any;
  const std::string accepted = api::lower_case(request.headers.get("Accept-Encoding").value_or(""));
  for (std::string_view rest = accepted; !rest.empty();) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const auto semicolon = std::min(part.find(';'), part.size());
    const std::string_view coding = api::trimmed(part.substr(0, semicolon));
    const std::string_view weight = api::trimmed(part.substr(std::min(semicolon + 1, part.size())));
    const bool wanted = !weight.starts_with("q=") || weight.find_first_of("123456789") != std::string_view::npos;
    if (coding == wanted_coding) named = wanted;
    if (coding == "*") any = wanted;
  }
  return named.value_or(any.value_or(false));
}

struct Form {
  std::string_view coding, bytes;  // coding: empty for the file as it is
};

// The smallest that the client takes; weights between those it takes are not compared.
Form form_of(const File& file, const Request& request) {
  Form best{"", file.bytes};
  for (const Form& packed : {Form{"br", file.brotli}, Form{"gzip", file.gzip}})
    if (!packed.bytes.empty() && packed.bytes.size() < best.bytes.size() && takes(packed.coding, request))
      best = packed;
  return best;
}

bool has_tag(std::string_view list, std::string_view tag) {
  if (api::trimmed(list) == "*") return true;
  for (auto at = list.find(tag); at != std::string_view::npos; at = list.find(tag, at + 1)) {
    const std::size_t end = at + tag.size();
    if (end == list.size() || list[end] == ',' || list[end] == ' ') return true;
  }
  return false;
}

Response answer(const Request& request, const File& file) {
  const auto [coding, bytes] = form_of(file, request);
  const std::string tag = fmt::format("\"{}{}{}\"", file.tag, coding.empty() ? "" : "-", coding);
  const bool hashed = file.path.starts_with("/assets/");
  Response response{.content_type = std::string(file.type)};
  response.headers.add("ETag", tag);
  response.headers.add("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.add("Vary", "Accept-Encoding");
  if (has_tag(request.headers.get("If-None-Match").value_or(""), tag)) {
    response.status = 304;
    return response;
  }
  if (!coding.empty()) response.headers.add("Content-Encoding", std::string(coding));
  response.body = bytes;
  return response;
}

void add(api::Router& router, std::string pattern, std::function<Answer(Call&)> handle) {
  router.add({api::Method::Get, std::move(pattern), std::move(handle), api::Place::Loop});
}

}  // namespace

void add_routes(api::Router& router, const std::vector<File>& files) {
  const auto page = std::find_if(files.begin(), files.end(), [](const File& file) { return file.path == "/"; });
  if (page == files.end()) {
    add(router, "/", [](Call&) -> Answer {
      return Response{.content_type = "text/plain; charset=utf-8", .body = std::string(kAbsent)};
    });
    return;
  }
  const auto show = [page](Call& call) -> Answer { return answer(call.request, *page); };
  add(router, "/", show);
  for (const std::string_view section : kSections) {
    for (const std::string_view rest : {"", "/{a}", "/{a}/{b}"}) add(router, fmt::format("/{}{}", section, rest), show);
  }
  for (const File& file : files) {
    if (&file == &*page) continue;
    add(router, std::string(file.path), [&file](Call& call) -> Answer { return answer(call.request, file); });
  }
}

}  // namespace cronfleet::console

#include "api/conditions.h"

#include <algorithm>
#include <charconv>

#include "api/request_digest.h"
#include "base/utf8.h"

namespace cronfleet::api {
namespace {

struct Tag {
  std::string_view quoted;  // "\"412\""
  bool weak = false;
};
struct Tags {
  bool any = false;
  std::vector<Tag> tags{};
};

Problem bad_tags(std::string_view header) {
  return at_header(header, {.status = 400,
                            .code = "invalid_precondition",
                            .detail = fmt::format("{} is not * and not a list of tags like \"412\"", header)});
}

// A tag that is not a revision's (weak, or no number) is well-formed and matches no write: revision -1.
core::Revision revision_of(const Tag& tag) {
  if (tag.weak) return -1;
  const std::string_view opaque = tag.quoted.substr(1, tag.quoted.size() - 2);
  core::Revision revision = -1;
  const auto [end, error] = std::from_chars(opaque.data(), opaque.data() + opaque.size(), revision);
  return error == std::errc() && end == opaque.data() + opaque.size() ? revision : -1;
}

Outcome<Tags> parse_tags(std::string_view header, std::string_view text) {
  text = trimmed(text);
  if (text == "*") return Tags{.any = true};
  Tags tags;
  for (;;) {
    const bool weak = text.starts_with("W/");
    if (weak) text.remove_prefix(2);
    const auto end = text.size() < 2 ? std::string_view::npos : text.find('"', 1);
    if (!text.starts_with('"') || end == std::string_view::npos) return Refusal(bad_tags(header));
    tags.tags.push_back({.quoted = text.substr(0, end + 1), .weak = weak});
    text = trimmed(text.substr(end + 1));
    if (text.empty()) return tags;
    if (text.front() != ',') return Refusal(bad_tags(header));
    text = trimmed(text.substr(1));
  }
}

}  // namespace

std::string etag_of(core::Revision revision) { return fmt::format("\"{}\"", revision); }

Outcome<Precondition> precondition_of(const Request& request) {
  const auto match = request.headers.get("If-Match"), none = request.headers.get("If-None-Match");
  if (match && none)
    return refuse_header("If-None-Match", 400, "invalid_precondition", "If-Match and If-None-Match exclude each other");
  if (none) {
    if (trimmed(*none) != "*")
      return refuse_header("If-None-Match", 400, "invalid_precondition",
                           "a write takes If-None-Match: * only (the job must not exist)");
    return Precondition{.kind = Precondition::Kind::Absent};
  }
  if (!match) return Precondition{};
  auto tags = parse_tags("If-Match", *match);
  if (!tags) return Refusal(std::move(tags.error()));
  if (tags->any) return Precondition{.kind = Precondition::Kind::Any};
  Precondition precondition{.kind = Precondition::Kind::Revision};
  for (const Tag& tag : tags->tags) precondition.revisions.push_back(revision_of(tag));
  return precondition;
}

Outcome<Precondition> required_precondition_of(const Request& request) {
  auto precondition = precondition_of(request);
  if (!precondition || precondition->kind != Precondition::Kind::None) return precondition;
  if (request.method == Method::Put)
    return refuse_header(
        "If-Match", 428, "precondition_required",
        "say what you expect to change: If-Match with the ETag you read, If-Match: * for whatever stands, or "
        "If-None-Match: * to create");
  return refuse_header(
      "If-Match", 428, "precondition_required",
      "say what you expect to change: If-Match with the ETag you read, or If-Match: * for whatever stands");
}

std::optional<Problem> precondition_refused(const Request& request, Makes makes) {
  const auto refused = [](std::string_view header, std::string detail) {
    return at_header(header, {.status = 400, .code = "invalid_precondition", .detail = std::move(detail)});
  };
  if (request.headers.get("If-Match"))
    return refused("If-Match", makes == Makes::Job ? "a create takes no If-Match" : "a run takes no If-Match");
  if (!request.headers.get("If-None-Match")) return std::nullopt;
  if (makes == Makes::Run) return refused("If-None-Match", "a run takes no If-None-Match");
  const auto precondition = precondition_of(request);
  return precondition ? std::nullopt : std::optional(precondition.error());
}

bool client_has(const Request& request, std::string_view tag) {
  const auto header = request.headers.get("If-None-Match");
  if (!header) return false;
  const auto tags = parse_tags("If-None-Match", *header);
  if (!tags) return false;
  return tags->any ||
         std::any_of(tags->tags.begin(), tags->tags.end(), [tag](const Tag& known) { return known.quoted == tag; });
}

Response conditional(const Request& request, Response response) {
  if (!response.headers.get("ETag"))
    response.headers.add("ETag", fmt::format("\"{}\"", request_digest({response.body})));
  if (!client_has(request, *response.headers.get("ETag"))) return response;
  response.status = 304;
  response.body.clear();
  response.stream.reset();
  return response;
}

Problem no_body() {
  return at_pointer("", {.status = 400, .code = "invalid_json", .detail = "the body is empty: expected a JSON object"});
}

std::optional<Problem> body_refused(const Request& request) {
  if (request.body.empty()) return std::nullopt;
  return at_pointer(
      "", {.status = 400,
           .code = "unexpected_body",
           .detail = is_safe(request.method) ? "this takes no body"
                                             : "this takes no body; dry_run belongs into the query: ?dry_run=true"});
}

std::string reason_of(const domain::JsonValue& member) {
  const std::string_view text = member.text().value_or("");
  if (text.size() <= kReasonBytesMax) return std::string(text);
  member.refuse(fmt::format("expected at most {} bytes", kReasonBytesMax));
  return {};
}

Effect effect_of(Query& query) { return query.flag("dry_run") ? Effect::DryRun : Effect::Write; }

void mark_dry_run(Response& response, Effect effect) {
  if (effect == Effect::DryRun) response.headers.add("X-Cronfleet-Dry-Run", "true");
}

void take_stale(Call& call) {
  if (call.query.choice("stale", {"ok"})) call.reading = Reading(Reading::From::Copy);
}

std::string actor_of(const Request& request) {
  const auto client = request.headers.get("X-Cronfleet-Client");
  if (!client || client->empty() || client->size() > 64 || !is_utf8(*client)) return "api";
  return std::string(*client);
}

}  // namespace cronfleet::api

// POST /api/v1/jobs:batch: many changes in one request, each with an answer of its own, in their order.
#include "api/conditions.h"
#include "api/edit_routes.h"
#include "api/problem_words.h"
#include "domain/job_json.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kItemsMax = 500;

struct Item {
  enum class Action { Put, Patch, Delete, Run };
  Action action = Action::Put;
  JobName name;
  std::string document;  // Put: the job; Patch: the merge patch
  Precondition precondition;
};

struct Batch {
  bool dry_run = false;
  std::string reason = "batch";
  std::vector<Item> items;
};

constexpr std::pair<std::string_view, Item::Action> kActions[] = {{"put", Item::Action::Put},
                                                                  {"patch", Item::Action::Patch},
                                                                  {"delete", Item::Action::Delete},
                                                                  {"run", Item::Action::Run}};
void read_action(const domain::JsonValue& member, Item& item) {
  const std::string_view word = member.text().value_or("put");
  std::vector<std::string_view> known;
  for (const auto& [name, action] : kActions) {
    if (name == word) {
      item.action = action;
      return;
    }
    known.push_back(name);
  }
  member.refuse("expected \"put\", \"patch\", \"delete\" or \"run\"", std::string(domain::nearest(word, known)));
  item.action = Item::Action::Run;  // which asks for nothing more: what else is missing cannot be known
}

// A sentence about headers, in the words of a batch.
std::string in_members(std::string detail) {
  for (const auto& [header, key] : {std::pair("If-Match", "if_match"), std::pair("If-None-Match", "if_none_match")})
    for (std::size_t at = 0; (at = detail.find(header, at)) != std::string::npos;)
      detail.replace(at, std::string_view(header).size(), key);
  return detail;
}

void read_item(const domain::JsonValue& value, Item& item) {
  Request conditions;
  bool has_action = false, has_name = false;
  for (const domain::JsonValue member : value.members()) {
    if (member.key() == "action") {
      has_action = true;
      read_action(member, item);
    } else if (member.key() == "name") {
      has_name = true;
      const auto name = domain::make_job_name(member.text().value_or("x"));
      if (!name) member.refuse(name.error().message());
      if (name) item.name = *name;
    } else if (member.key() == "job" || member.key() == "patch") {
      if (member.kind() != domain::JsonKind::Object) member.refuse_kind("an object");
      item.document = member.raw();
    } else if (member.key() == "if_match") {
      conditions.headers.add("If-Match", std::string(member.text().value_or("")));
    } else if (member.key() == "if_none_match") {
      conditions.headers.add("If-None-Match", std::string(member.text().value_or("")));
    } else {
      member.refuse_key({"action", "name", "job", "patch", "if_match", "if_none_match"});
    }
  }
  if (!has_action) value.refuse_member("action", "missing");
  if (!has_name) value.refuse_member("name", "missing");
  const bool needs_document = item.action == Item::Action::Put || item.action == Item::Action::Patch;
  if (needs_document && item.document.empty())
    value.refuse_member(item.action == Item::Action::Put ? "job" : "patch", "missing");
  if (item.action == Item::Action::Run) return;
  const auto precondition = precondition_of(conditions);
  if (!precondition) return value.refuse(in_members(precondition.error().detail));
  if (precondition->kind == Precondition::Kind::None)
    return value.refuse_member("if_match",
                               "missing; expected the revision you read, as \"\\\"412\\\"\", or \"*\" for "
                               "whatever stands; to create, if_none_match with \"*\" is expected instead");
  item.precondition = *precondition;
}

std::optional<Problem> read_batch(const Request& request, Batch& batch) {
  return read_body(request, Body::Required, [&](const domain::JsonValue& root) {
    bool has_items = false;
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "dry_run") {
        batch.dry_run = member.boolean().value_or(false);
      } else if (member.key() == "reason") {
        batch.reason = member.text().value_or("");
      } else if (member.key() == "items") {
        has_items = true;
        if (member.size() > kItemsMax) member.refuse(fmt::format("has more than {} items", kItemsMax));
        if (member.size() > kItemsMax) continue;
        for (const domain::JsonValue element : member.elements()) read_item(element, batch.items.emplace_back());
      } else {
        member.refuse_key({"dry_run", "reason", "items"});
      }
    }
    if (!has_items) root.refuse_member("items", "missing");
  });
}

struct Done {
  int status = 200;
  core::Revision revision = 0;
  bool changed = false;
  std::string run_id{};
  std::optional<Problem> problem{};
};

}  // namespace

Answer EditApi::batch(Call& call) {
  Batch batch;
  const bool dry_run = call.query.flag("dry_run");
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  if (auto problem = read_batch(call.request, batch)) return Refusal(*std::move(problem));
  const Effect effect = dry_run || batch.dry_run ? Effect::DryRun : Effect::Write;

  const auto save = [&](const Item& item) -> Outcome<Saved> {
    if (item.action == Item::Action::Patch) return patched(item.name, item.document, item.precondition, effect);
    auto job = domain::decode_job(item.document, item.name);
    if (!job) return Refusal(problem_of(job.error()));
    return parts_.jobs.save(*std::move(job), item.precondition, effect);
  };
  const auto perform = [&](const Item& item) -> Done {
    switch (item.action) {
      case Item::Action::Put:
      case Item::Action::Patch: {
        const auto saved = save(item);
        if (!saved) return {.status = saved.error().status, .problem = saved.error()};
        return {.status = saved->created ? 201 : 200, .revision = saved->job.revision, .changed = saved->changed};
      }
      case Item::Action::Delete: {
        const auto erased = parts_.jobs.erase(item.name, item.precondition, effect);
        if (!erased) return {.status = erased.error().status, .problem = erased.error()};
        return {.revision = erased->revision, .changed = true};
      }
      case Item::Action::Run: break;
    }
    if (effect == Effect::DryRun) {
      const auto stored = parts_.jobs.get(item.name);
      if (!stored) return {.status = stored.error().status, .problem = stored.error()};
      return {.status = 202, .revision = stored->revision, .changed = true};
    }
    const auto accepted = parts_.jobs.run_now(item.name, {.actor = actor_of(call.request), .reason = batch.reason});
    if (!accepted) return {.status = accepted.error().status, .problem = accepted.error()};
    return {.status = 202, .changed = true, .run_id = accepted->run.text()};
  };

  domain::JsonWriter json;
  std::size_t failed = 0;
  json.object([&] {
    json.member("dry_run", effect == Effect::DryRun);
    json.key("items").array([&] {
      for (const Item& item : batch.items) {
        const Done done = perform(item);
        json.object([&] {
          json.member("name", item.name.text());
          json.member("status", done.status);
          if (done.problem) {
            ++failed;
            json.key("problem").raw(
                to_response(localised(*done.problem, language_of(call.request)), call.request.id).body);
            return;
          }
          json.member("changed", done.changed);
          if (done.revision != 0) json.member("revision", done.revision);
          if (!done.run_id.empty()) json.member("run_id", done.run_id);
        });
      }
    });
    json.member("failed", failed);
  });
  if (effect == Effect::Write && parts_.audit)
    parts_.audit("jobs changed", fmt::format("{} of {} by {}: {}", batch.items.size() - failed, batch.items.size(),
                                             actor_of(call.request), batch.reason));
  return Response{.body = json.take()};
}

}  // namespace cronfleet::api

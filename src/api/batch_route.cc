// POST /api/v1/jobs:batch: many changes in one request, each with an answer of its own, in their order.
#include <set>

#include "api/conditions.h"
#include "api/edit_routes.h"
#include "api/problem_words.h"
#include "base/check.h"
#include "domain/job_json.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kItemsMax = 500;

struct Item {
  enum class Action { Put, Patch, Delete, Run };
  std::optional<Action> action;
  JobName name;
  std::string document;  // Put: the job; Patch: the merge patch
  Precondition precondition;
};

struct Batch {
  bool dry_run = false;
  std::string reason = "batch";
  std::vector<Item> items;
};

// What an action takes beside its name.
struct ActionForm {
  std::string_view word;
  Item::Action action;
  std::string_view document;  // the member that it needs; empty: none
  bool if_match, if_none_match;
};
constexpr ActionForm kActions[] = {{"put", Item::Action::Put, "job", true, true},
                                   {"patch", Item::Action::Patch, "patch", true, false},
                                   {"delete", Item::Action::Delete, "", true, false},
                                   {"run", Item::Action::Run, "", false, false}};

const ActionForm* read_action(const domain::JsonValue& member) {
  const auto word = member.text();
  if (!word) return nullptr;
  std::vector<std::string_view> known;
  for (const ActionForm& form : kActions) {
    if (form.word == *word) return &form;
    known.push_back(form.word);
  }
  member.refuse("expected \"put\", \"patch\", \"delete\" or \"run\"", std::string(domain::nearest(*word, known)));
  return nullptr;
}

// A sentence about headers, in the words of a batch.
std::string in_members(std::string detail) {
  for (const auto& [header, key] : {std::pair("If-Match", "if_match"), std::pair("If-None-Match", "if_none_match")})
    for (std::size_t at = 0; (at = detail.find(header, at)) != std::string::npos;)
      detail.replace(at, std::string_view(header).size(), key);
  return detail;
}

// What stands in an item beside its action and its name.
struct Members {
  std::optional<std::string> job{}, patch{};
  Request conditions{};
  bool has_if_match = false, has_if_none_match = false;
};

// What `form` does not take is refused: an action that did less than its item says would be no answer to it.
void refuse_what_is_not_taken(const domain::JsonValue& value, const ActionForm& form, const Members& members) {
  const auto refuse = [&](bool there, bool taken, std::string_view key) {
    if (there && !taken) value.refuse_member(key, fmt::format("a {} takes no {}", form.word, key));
  };
  refuse(members.job.has_value(), form.document == "job", "job");
  refuse(members.patch.has_value(), form.document == "patch", "patch");
  refuse(members.has_if_match, form.if_match, "if_match");
  refuse(members.has_if_none_match, form.if_none_match, "if_none_match");
}

void read_precondition(const domain::JsonValue& value, const ActionForm& form, const Members& members, Item& item) {
  if (!form.if_match || (members.has_if_none_match && !form.if_none_match)) return;
  const auto precondition = precondition_of(members.conditions);
  if (!precondition) {
    const bool about_none = precondition.error().errors.front().header == "If-None-Match";
    value.refuse_member(about_none ? "if_none_match" : "if_match", in_members(precondition.error().detail));
  } else if (precondition->kind == Precondition::Kind::None) {
    value.refuse_member("if_match", form.if_none_match
                                        ? "missing; expected the revision you read, as \"\\\"412\\\"\", or \"*\" for "
                                          "whatever stands; to create, if_none_match with \"*\" is expected instead"
                                        : "missing; expected the revision you read, as \"\\\"412\\\"\", or \"*\" for "
                                          "whatever stands");
  } else {
    item.precondition = *precondition;
  }
}

// `names` are those of the items before it. One for each item: a dry run judges every item by what stands now, and
// would be wrong about the second change of one job.
void read_item(const domain::JsonValue& value, Item& item, std::set<std::string>& names) {
  if (value.kind() != domain::JsonKind::Object) return value.refuse_kind("an object");
  const ActionForm* form = nullptr;
  Members members;
  bool has_action = false, has_name = false;
  for (const domain::JsonValue member : value.members()) {
    if (member.key() == "action") {
      has_action = true;
      form = read_action(member);
    } else if (member.key() == "name") {
      has_name = true;
      const auto text = member.text();
      if (!text) continue;
      const auto name = domain::make_job_name(*text);
      if (!name) member.refuse(name.error().message());
      if (name) item.name = *name;
      if (name && !names.insert(name->text()).second)
        member.refuse("stands in an item before this one: a batch names each job once");
    } else if (member.key() == "job" || member.key() == "patch") {
      if (member.kind() != domain::JsonKind::Object) member.refuse_kind("an object");
      (member.key() == "job" ? members.job : members.patch) = member.raw();
    } else if (member.key() == "if_match") {
      members.has_if_match = true;
      if (const auto text = member.text()) members.conditions.headers.add("If-Match", std::string(*text));
    } else if (member.key() == "if_none_match") {
      members.has_if_none_match = true;
      if (const auto text = member.text()) members.conditions.headers.add("If-None-Match", std::string(*text));
    } else {
      member.refuse_key({"action", "name", "job", "patch", "if_match", "if_none_match"});
    }
  }
  if (!has_action) value.refuse_member("action", "missing");
  if (!has_name) value.refuse_member("name", "missing");
  if (form == nullptr) return;  // what else is missing cannot be known
  item.action = form->action;
  refuse_what_is_not_taken(value, *form, members);
  read_precondition(value, *form, members, item);
  if (form->document.empty()) return;
  const auto& document = form->action == Item::Action::Put ? members.job : members.patch;
  if (!document) value.refuse_member(form->document, "missing");
  item.document = document.value_or("");
}

std::optional<Problem> read_batch(const Request& request, Batch& batch) {
  return read_body(request, Body::Required, [&](const domain::JsonValue& root) {
    bool has_items = false;
    std::set<std::string> names;
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "dry_run") {
        batch.dry_run = member.boolean().value_or(false);
      } else if (member.key() == "reason") {
        batch.reason = reason_of(member);
      } else if (member.key() == "items") {
        has_items = true;
        if (member.size() > kItemsMax) member.refuse(fmt::format("has more than {} items", kItemsMax));
        if (member.size() > kItemsMax) continue;
        for (const domain::JsonValue element : member.elements()) read_item(element, batch.items.emplace_back(), names);
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
    CHECK(item.action);
    switch (*item.action) {
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
  Response response{.body = json.take()};
  mark_dry_run(response, effect);
  return response;
}

}  // namespace cronfleet::api

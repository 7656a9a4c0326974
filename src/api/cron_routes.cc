// cron:explain and the list of zones. docs/api.yaml says what each takes and answers.
#include "api/api.h"
#include "api/conditions.h"
#include "cron/query.h"
#include "domain/json_writer.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kExpressionBytesMax = 256;  // SEC-33

struct Question {
  std::string expression, time_zone = "UTC", key;
  std::optional<WallTime> from;
  std::int64_t count = 5;
  cron::Language language = cron::Language::English;
};

std::optional<Problem> read_query(Query& query, Question& question) {
  const auto expression = query.text("expression");
  if (!expression) query.refuse("expression", "missing");
  question.expression = expression.value_or("");
  question.time_zone = query.text("time_zone").value_or(question.time_zone);
  question.key = query.text("key").value_or("");
  question.from = query.instant("from");
  question.count = query.integer("count", 1, cron::kFiringsMax).value_or(question.count);
  if (query.choice("language", {"en", "zh"}) == "zh") question.language = cron::Language::Chinese;
  return query.problem();
}

std::optional<Problem> read_question(const Request& request, Question& question) {
  bool has_expression = false;
  return read_body(request, Body::Required, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "expression") {
        has_expression = true;
        question.expression = member.text().value_or("");
      } else if (member.key() == "time_zone") {
        question.time_zone = member.text().value_or("UTC");
      } else if (member.key() == "key") {
        question.key = member.text().value_or("");
      } else if (member.key() == "from") {
        question.from = member.instant();
      } else if (member.key() == "count") {
        question.count = member.integer(1, cron::kFiringsMax).value_or(1);
      } else if (member.key() == "language") {
        const auto language = member.text();
        if (language && *language != "en" && *language != "zh") member.refuse("expected \"en\" or \"zh\"");
        if (language == "zh") question.language = cron::Language::Chinese;
      } else {
        member.refuse_key({"expression", "time_zone", "from", "count", "key", "language"});
      }
    }
    if (!has_expression) root.refuse_member("expression", "missing");
  });
}

Mistake mistake_of(const cron::QueryError& error, bool in_query, const cron::ZoneSource& zones, std::string_view zone) {
  // A mistake outside the expression is named by the member of the question; inside it, by the field of the expression.
  const std::string member = error.code == "zone" && error.column == 0 ? "time_zone"
                             : error.code == "count"                   ? "count"
                                                                       : "expression";
  Mistake mistake{.column = error.column, .length = error.length, .code = std::string(error.code)};
  mistake.detail = error.message;
  (in_query ? mistake.parameter : mistake.pointer) = in_query ? member : "/" + member;
  if (member == "time_zone") {
    const std::vector<std::string> names = zones.names();
    mistake.suggestion = domain::nearest(zone, {names.begin(), names.end()});
  }
  return mistake;
}

// All that is wrong: with the expression and with the zone.
Problem problem_of(const cron::Query& asked, const cron::QueryError& first, bool in_query,
                   const cron::ZoneSource& zones) {
  Problem problem{.status = 422, .code = "invalid_expression", .detail = first.message};
  const auto add = [&](const cron::QueryError& error) {
    problem.errors.push_back(mistake_of(error, in_query, zones, asked.time_zone));
  };
  const auto is_of_zone = [](const cron::QueryError& error) { return error.code == "zone" && error.column == 0; };
  add(first);
  if (is_of_zone(first)) problem.code = "invalid_time_zone";
  if (first.code == "count") problem.code = "invalid_count";
  cron::Query other = asked;
  (is_of_zone(first) ? other.time_zone : other.expression) = is_of_zone(first) ? "UTC" : "@daily";
  if (const auto second = cron::firings(other, zones); !second && is_of_zone(second.error()) != is_of_zone(first))
    add(second.error());
  if (problem.errors.size() > 1 && !in_query) problem.detail = summed_up(problem.errors);
  return problem;
}

}  // namespace

void Api::add_cron_routes(Router& router) {
  const auto handle = [this](Call& call) { return explain(call); };
  router.add({Method::Get, "/api/v1/cron:explain", handle});
  router.add({.method = Method::Post, .pattern = "/api/v1/cron:explain", .handle = handle, .writes = false});
  router.add({Method::Get, "/api/v1/zones", [this](Call& call) { return list_zones(call); }});
}

Answer Api::explain(Call& call) {
  Question question;
  const bool in_query = call.request.method != Method::Post;
  auto problem = in_query ? read_query(call.query, question) : call.query.problem();
  if (!problem && !in_query) problem = read_question(call.request, question);
  if (problem) return Refusal(*std::move(problem));
  if (question.expression.size() > kExpressionBytesMax) {
    Problem too_long{.status = 422,
                     .code = "invalid_expression",
                     .detail = fmt::format("an expression has at most {} bytes", kExpressionBytesMax)};
    return Refusal(in_query ? at_parameter("expression", std::move(too_long))
                            : at_pointer("/expression", std::move(too_long)));
  }
  const cron::Query asked{.expression = question.expression,
                          .time_zone = question.time_zone,
                          .from = question.from.value_or(parts_.clock.wall()),
                          .count = question.count,
                          .key = question.key,
                          .language = question.language};
  const auto explanation = cron::explain(asked, parts_.zones);
  if (!explanation) return Refusal(problem_of(asked, explanation.error(), in_query, parts_.zones));
  domain::JsonWriter json;
  json.object([&] {
    json.member("expression", question.expression);
    json.member("time_zone", explanation->next.zone->name());
    json.member("sentence", explanation->description.sentence);
    json.key("notes").array([&] {
      for (const std::string& note : explanation->description.notes) json.value(note);
    });
    json.key("firings").array([&] {
      for (const WallTime at : explanation->next.firings) json.value(to_rfc3339_ms(at));
    });
  });
  return Response{.body = json.take()};
}

Answer Api::list_zones(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  domain::JsonWriter json;
  json.object([&] {
    json.member("version", parts_.zones.version());
    json.key("items").array([&] {
      for (const std::string& name : parts_.zones.names()) json.value(name);
    });
  });
  return Response{.body = json.take()};
}

}  // namespace cronfleet::api

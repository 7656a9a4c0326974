// The event stream. docs/api.yaml says what it takes and sends.
#include "api/api.h"
#include "domain/json_reader.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";
constexpr std::size_t kPositionBytesMax = 64;

Topics topics_of(Query& query) {
  Topics topics = 0;
  for (const std::string& word : query.words("topics", fmt::format("one of {}", fmt::join(kTopicNames, ", ")))) {
    const auto topic = parse_topic(word);
    if (topic) topics |= static_cast<Topics>(*topic);
    if (!topic)
      query.refuse("topics", fmt::format("{} is not one of {}", domain::quoted(word), fmt::join(kTopicNames, ", ")),
                   std::string(domain::nearest(word, {std::begin(kTopicNames), std::end(kTopicNames)})));
  }
  return topics == 0 ? kAllTopics : topics;
}

}  // namespace

void Api::add_event_routes(Router& router) {
  router.add({Method::Get, "/api/v1/events", [this](Call& call) { return get_events(call); }, Place::Loop});
}

Answer Api::get_events(Call& call) {
  const Topics topics = topics_of(call.query);
  auto last_id = call.query.text("last_event_id");
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  if (const auto sent = call.request.headers.get("Last-Event-ID")) last_id = std::string(*sent);
  if (last_id && (last_id->empty() || last_id->size() > kPositionBytesMax)) last_id.reset();
  if (!negotiate(call.request, {kEventStream}))
    return refuse_header("Accept", 406, "not_acceptable", "events come as {}", kEventStream);
  Response response{.content_type = std::string(kEventStream)};
  response.stream = events_.listen(topics, std::move(last_id));
  return response;
}

}  // namespace cronfleet::api

#include "api/kept_answers.h"

#include "api/request_digest.h"
#include "async/await.h"
#include "base/utf8.h"
#include "domain/json_reader.h"
#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

using Kind = core::Condition::Kind;

constexpr std::chrono::minutes kInFlight{1};  // longer than any handler waits for a store
constexpr std::size_t kKeyMax = 255;
constexpr std::size_t kBodyBytesMax = 400 << 10;  // quoted, it fits what etcd takes in one request
constexpr int kTriesMax = 4;

// What stands under idempotency/<digest>: a request that is being handled, or its answer.
struct Kept {
  std::string request;  // digest of what must be equal when the key comes again
  std::string holder;   // of a request in flight: whose it is
  WallTime until{};     // and how long it counts as in flight
  bool answered = false;
  bool too_long = false;  // the answer was, and is not here
  Response response{};
};

std::string encode(const Kept& kept) {
  domain::JsonWriter json;
  json.object([&] {
    json.member("request", kept.request);
    if (!kept.answered) {
      json.member("holder", kept.holder);
      json.member("until", to_rfc3339_ms(kept.until));
      return;
    }
    json.key("answer").object([&] {
      json.member("status", kept.response.status);
      if (kept.too_long) return json.member("too_long", true), void();
      json.member("content_type", kept.response.content_type);
      json.key("headers").object([&] {
        for (const Headers::Field& field : kept.response.headers.all()) json.member(field.name, field.value);
      });
      json.member("body", kept.response.body);
    });
  });
  return json.take();
}

// Of bytes that somebody else put there, what can be read: it counts as a request of another body then.
Kept decode(std::string_view text) {
  Kept kept;
  domain::read_json(text, {}, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue& member : root.members()) {
      if (member.key() == "request") kept.request = member.text().value_or("");
      if (member.key() == "holder") kept.holder = member.text().value_or("");
      if (member.key() == "until") kept.until = member.instant().value_or(WallTime{});
      if (member.key() != "answer") continue;
      kept.answered = true;
      for (const domain::JsonValue& part : member.members()) {
        if (part.key() == "status") kept.response.status = static_cast<int>(part.integer(100, 599).value_or(500));
        if (part.key() == "too_long") kept.too_long = part.boolean().value_or(false);
        if (part.key() == "content_type") kept.response.content_type = part.text().value_or("");
        if (part.key() == "body") kept.response.body = part.text().value_or("");
        if (part.key() != "headers") continue;
        for (const domain::JsonValue& field : part.members())
          kept.response.headers.add(std::string(field.key()), std::string(field.text().value_or("")));
      }
    }
  });
  return kept;
}

Answer answer_of(Kept kept, const std::string& request) {
  if (kept.request != request)
    return refuse_header("Idempotency-Key", 422, "idempotency_mismatch",
                         "this Idempotency-Key came before, with another body, query or precondition");
  if (!kept.answered) {
    Problem problem{.status = 409,
                    .code = "request_in_flight",
                    .detail = "a request with this Idempotency-Key is being handled",
                    .retry_after = std::chrono::seconds(1)};
    return Refusal(at_header("Idempotency-Key", std::move(problem)));
  }
  if (kept.too_long)
    return refuse_header("Idempotency-Key", 409, "answer_not_kept",
                         "this request was handled before; its answer was too long to be kept");
  return std::move(kept.response);
}

}  // namespace

Outcome<std::string> idempotency_key_of(const Request& request) {
  static constexpr std::string_view kHeader = "Idempotency-Key", kCode = "invalid_idempotency_key";
  const auto sent = request.headers.get(kHeader);
  if (!sent) return std::string();
  // Which of two is meant, nobody knows; a variable without a value in somebody's script is no key.
  if (request.headers.count(kHeader) > 1)
    return refuse_header(kHeader, 400, kCode, "{} is given more than once", kHeader);
  std::string key(trimmed(*sent));
  if (key.empty())
    return refuse_header(kHeader, 400, kCode, "an Idempotency-Key has 1 to {} characters, found none", kKeyMax);
  if (key.size() > kKeyMax)
    return refuse_header(kHeader, 400, kCode, "an Idempotency-Key has at most {} characters", kKeyMax);
  if (!is_utf8(key)) return refuse_header(kHeader, 400, kCode, "an Idempotency-Key is not valid UTF-8");
  return key;
}

Result<core::TxnAnswer> KeptAnswers::put(const Taken& taken, core::Condition expected,
                                         std::optional<std::string> value) {
  core::Txn txn;
  txn.expected = {std::move(expected)};
  txn.writes = {{taken.key, std::move(value), taken.lease}};
  txn.read_if_refused = {taken.key};
  auto answers =
      async::await<std::vector<core::TxnAnswer>>([&](auto done) { store_.commit({std::move(txn)}, std::move(done)); });
  if (answers) return std::move(answers->front());
  if (answers.error().code() == Code::LeaseLost) lease_.ended(taken.lease);
  return Failure(answers.error().with("keeping an Idempotency-Key"));
}

tl::expected<KeptAnswers::Taken, Answer> KeptAnswers::take(const std::string& key, const std::string& request) {
  core::Condition expected{.key = key, .kind = Kind::Absent};
  Taken taken{.key = key};
  for (int i = 0; i < kTriesMax; ++i) {
    const auto lease = lease_.get();
    if (!lease) return tl::unexpected(Answer(Refusal(lease.error())));
    taken.lease = *lease;
    const WallTime now = from_ms(to_ms(clock_.wall()));
    taken.value = encode(Kept{.request = request, .holder = tokens_.token(), .until = now + kInFlight});
    const auto answer = put(taken, expected, taken.value);
    if (!answer) {
      if (answer.error().code() == Code::LeaseLost) continue;
      return tl::unexpected(Answer(Refusal(problem_of(answer.error()))));
    }
    if (answer->committed) return taken;
    if (answer->found.empty()) {
      expected = {.key = key, .kind = Kind::Absent};
      continue;
    }
    Kept kept = decode(answer->found.front().value);
    const bool left_behind = !kept.answered && kept.request == request && kept.until <= now;
    if (!left_behind) return tl::unexpected(answer_of(std::move(kept), request));
    expected = {.key = key, .kind = Kind::ValueEquals, .value = answer->found.front().value};
  }
  return tl::unexpected(Answer(refuse(503, "try_again", "other requests with this Idempotency-Key came in between")));
}

Answer KeptAnswers::once(Call& call, const std::function<Answer(Call&)>& handle) {
  const auto client_key = idempotency_key_of(call.request);
  if (!client_key) return Refusal(client_key.error());
  const bool dry_run = Query(call.query).flag("dry_run");
  if (client_key->empty() || dry_run) return handle(call);

  const std::string key = keys_.idempotency(request_digest({"post", call.request.path(), *client_key}));
  const Headers& headers = call.request.headers;
  const std::string request =
      request_digest({call.request.query(), call.request.body, headers.get("If-Match").value_or(""),
                      headers.get("If-None-Match").value_or("")});
  auto taken = take(key, request);
  if (!taken) return std::move(taken.error());
  const core::Condition still_ours{.key = key, .kind = Kind::ValueEquals, .value = taken->value};
  Answer answer = handle(call);
  std::optional<std::string> value;
  if (answer) {
    Kept kept{.request = request, .answered = true, .too_long = answer->body.size() > kBodyBytesMax};
    kept.response = {.status = answer->status,
                     .content_type = answer->content_type,
                     .headers = answer->headers,
                     .body = kept.too_long ? std::string() : answer->body};
    value = encode(kept);
  }
  // The request has been handled, whatever becomes of this: without it the key is free again after a minute.
  if (const auto written = put(*taken, still_ours, std::move(value)); !written && answer)
    answer->trouble = written.error().message();
  return answer;
}

}  // namespace cronfleet::api

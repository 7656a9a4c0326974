#include "history/mongo/schema.h"

#include "domain/run.h"
#include "history/mongo/record_codec.h"

namespace cronfleet::history::mongo {
namespace {

constexpr std::int64_t kWireVersionMin = 7;  // MongoDB 4.0
constexpr std::int64_t kDocumentsLookedAt = 20;

// Equality first, then the order of the list, then what filters and counts without a look at the document. Of records
// with the same time, the list's own order (by run id) is made by the reader: they are few. docs/formats.md has these.
Document index(std::string_view name, std::initializer_list<std::string_view> keys) {
  Document key, made;
  for (const std::string_view one : keys) key.number(one, 1);
  made.text("name", name).document("key", key);
  return made;
}
std::vector<Document> record_indexes() {
  std::vector<Document> all;
  all.push_back(index("cronfleet_job", {"jobName", "expectTime", "request", "attempt", "status", "worker"}));
  all.push_back(index("cronfleet_time", {"expectTime", "jobName", "status", "rangeCount"}));
  all.push_back(index("cronfleet_status", {"status", "expectTime", "jobName", "worker"}));
  all.push_back(index("cronfleet_worker", {"worker", "expectTime", "jobName"}));
  return all;
}
std::vector<Document> output_indexes() {
  std::vector<Document> all;
  all.push_back(index("cronfleet_run", {"run", "end", "sequence"}));
  all.push_back(index("cronfleet_written", {"writtenAt"}));
  return all;
}

Result<void> check_collection(Session& session, Place place, const std::string& name,
                              const std::function<std::optional<std::string>(std::string_view)>& why_foreign) {
  Document everything, few;
  few.number("limit", kDocumentsLookedAt).number("batchSize", kDocumentsLookedAt);
  std::optional<std::string> why;
  auto read = session.find(place, everything, few, Read::Primary, [&](std::string_view bson) {
    why = why_foreign(bson);
    return !why;
  });
  if (!read) return read;
  if (!why) return {};
  return fail(
      Code::InvalidArgument,
      "mongodb.collection: the collection '{}' holds something else than run records ({}): name another one, or "
      "move these documents away",
      name, *why);
}

}  // namespace

Result<void> check_collections(Session& session, const Connection& connection) {
  const auto version = session.wire_version();
  if (!version) return Failure(version.error());
  if (*version < kWireVersionMin)
    return fail(Code::InvalidArgument,
                "mongodb.uri: the server speaks version {} of its protocol, at least {} (MongoDB 4.0) is needed",
                *version, kWireVersionMin);
  auto done = check_collection(session, Place::Records, connection.collection(),
                               [](std::string_view bson) -> std::optional<std::string> {
                                 if (text_in(bson, "jobName") && integer_of(bson, "expectTime")) return std::nullopt;
                                 return "a document without jobName and expectTime";
                               });
  if (!done) return done;
  return check_collection(session, Place::Output, connection.output_collection(),
                          [](std::string_view bson) -> std::optional<std::string> {
                            const auto chunk = decode_chunk(bson);
                            if (chunk) return std::nullopt;
                            return chunk.error().message();
                          });
}

Result<void> make_indexes(Session& session, const Connection& connection) {
  Document records, output;
  records.text("createIndexes", connection.collection()).documents("indexes", record_indexes());
  output.text("createIndexes", connection.output_collection()).documents("indexes", output_indexes());
  if (auto done = session.command(records); !done) return done;
  return session.command(output);
}

const std::vector<std::string>& status_words() {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words;
    for (int status = 0; status <= static_cast<int>(domain::RunStatus::Refused); ++status) {
      const auto value = static_cast<domain::RunStatus>(status);
      if (domain::is_final(value)) words.emplace_back(domain::to_string(value));
    }
    return words;
  }();
  return kWords;
}

}  // namespace cronfleet::history::mongo

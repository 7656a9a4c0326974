#include "history/mongo/recorder.h"

#include <unordered_map>

#include "history/contract.h"
#include "history/mongo/record_codec.h"

namespace cronfleet::history::mongo {
namespace {

using Outcome = Inserted::Outcome;

Inserted refusal(std::string why) { return {Outcome::Refused, domain::RunStatus::Lost, true, std::move(why)}; }

// Up to so many ids are asked for one by one: every server has an index for that, while some read the whole collection
// for a list of ids, which may take longer than they are given.
constexpr std::size_t kAskedSinglyMost = 16;

// What stands, by run id; of those in `ids` that stand.
using Standing = std::unordered_map<std::string, Inserted>;
Result<void> read_standing(Session& session, const Document& filter, Standing& standing) {
  Document options, fields;
  fields.number("status", 1).number("final", 1);
  options.document("projection", fields);
  return session.find(Place::Records, filter, options, Read::Primary, [&](std::string_view bson) {
    const auto status = domain::parse_run_status(text_in(bson, "status").value_or(""));
    const auto final = member_of(bson, "final");
    const std::string id(text_in(bson, "_id").value_or(""));
    if (status) standing[id] = {Outcome::Duplicate, *status, !final || final->integer != 0, ""};
    return true;
  });
}
Result<Standing> read_standing(Session& session, const std::vector<std::string>& ids) {
  Standing standing;
  if (ids.size() > kAskedSinglyMost) {
    Document filter, among;
    among.texts("$in", ids);
    filter.document("_id", among);
    if (auto read = read_standing(session, filter, standing); !read) return Failure(read.error());
    return standing;
  }
  for (const std::string& id : ids) {
    Document filter;
    filter.text("_id", id);
    if (auto read = read_standing(session, filter, standing); !read) return Failure(read.error());
  }
  return standing;
}

}  // namespace

Result<Recorded> insert_records(Session& session, const std::vector<domain::RunRecord>& records,
                                const Retention& retention, WallTime now) {
  Recorded recorded;
  recorded.answers.resize(records.size());
  std::vector<Document> documents;
  std::vector<std::size_t> places;                     // of the documents, among the records
  std::unordered_map<std::size_t, std::string> asked;  // records of which something may stand, and what to say if not
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (auto why = why_refused(records[i])) {
      recorded.answers[i] = refusal(std::move(*why));
    } else if (auto old = why_too_old(records[i], retention, now)) {
      asked.emplace(i, std::move(*old));
      ++recorded.too_old;
    } else if (Document document = encode(as_kept(records[i])); document.size() > kDocumentBytesMax) {
      recorded.answers[i] = refusal(fmt::format("record of run '{}': a document of {} bytes, at most {} can be kept",
                                                records[i].id.text(), document.size(), kDocumentBytesMax));
    } else {
      documents.push_back(std::move(document));
      places.push_back(i);
    }
  }
  auto inserted = session.insert(Place::Records, documents);
  if (!inserted) return Failure(inserted.error());
  for (const WriteError& error : inserted->errors) {
    const std::size_t record = places[error.index];
    std::string sentence = fmt::format("record of run '{}': refused by the server: {} (code {})",
                                       records[record].id.text(), error.message, error.code);
    if (error.duplicate()) {
      asked.emplace(record, std::move(sentence));
    } else if (error.permanent()) {
      recorded.answers[record] = refusal(std::move(sentence));
    } else {
      return fail(Code::Unavailable, "MongoDB, {}", sentence);
    }
  }
  std::vector<std::string> ids;
  for (const auto& [record, why] : asked) ids.push_back(records[record].id.text());
  const auto standing = read_standing(session, ids);
  if (!standing) return Failure(standing.error());
  for (auto& [record, why] : asked) {
    const auto found = standing->find(records[record].id.text());
    if (found != standing->end()) {
      if (why_too_old(records[record], retention, now)) --recorded.too_old;
      recorded.answers[record] = found->second;
    } else {
      recorded.answers[record] = refusal(std::move(why));
    }
  }
  return recorded;
}

Result<std::size_t> insert_chunks(Session& session, const std::vector<domain::OutputChunk>& chunks, bool& refused) {
  std::vector<Document> documents;
  documents.reserve(chunks.size());
  for (const auto& chunk : chunks) documents.push_back(encode(chunk));
  const auto inserted = session.insert(Place::Output, documents);
  if (!inserted) return Failure(inserted.error());
  for (const WriteError& error : inserted->errors) {
    if (error.duplicate()) continue;
    refused = error.permanent();
    return fail(refused ? Code::InvalidArgument : Code::Unavailable,
                "output of run '{}': refused by the server: {} (code {})", chunks[error.index].run.text(),
                error.message, error.code);
  }
  return inserted->inserted;
}

}  // namespace cronfleet::history::mongo

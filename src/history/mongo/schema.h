// history/mongo/schema.h: whether the collections are ours to write, and the indexes that serve every query.
#pragma once

#include "base/status.h"
#include "history/mongo/connection.h"

namespace cronfleet::history::mongo {

// Reads only.
//   InvalidArgument  the server is too old, or a collection holds something that is neither ours nor the reference's
Result<void> check_collections(Session& session, const Connection& connection);
// Makes what is missing; the same again is a look. A large collection takes minutes at its first time.
Result<void> make_indexes(Session& session, const Connection& connection);

// The words of the verdicts that a record can have.
const std::vector<std::string>& status_words();

}  // namespace cronfleet::history::mongo

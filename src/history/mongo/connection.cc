#include "history/mongo/connection.h"

#include <mongoc/mongoc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "history/mongo/log_route.h"

namespace cronfleet::history::mongo {
namespace {

constexpr int kErrorApi = 2;  // codes of a server in a domain of their own

// Codes of the server: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
constexpr int kDuplicateCodes[] = {11000, 11001, 12582};
constexpr int kOfThisDocument[] = {
    2,      // BadValue
    9,      // FailedToParse
    14,     // TypeMismatch
    15,     // Overflow
    22,     // InvalidBSON
    52,     // DollarPrefixedFieldName
    53,     // InvalidIdField
    57,     // DottedFieldName
    121,    // DocumentValidationFailure
    10334,  // BSONObjectTooLarge
    17280,  // KeyTooLong
    17419,  // an update that would make it too large
    17420,  // a document that is too large
};
constexpr int kNoSpaceCodes[] = {
    14031,  // OutOfDiskSpace
    12501,  // quota exceeded
};
constexpr int kNeedsAPerson[] = {
    13,    // Unauthorized
    18,    // AuthenticationFailed
    73,    // InvalidNamespace
    334,   // UnsupportedFormat, of the mechanism
    8000,  // Atlas: authentication
};

template <std::size_t N>
bool is_one_of(int code, const int (&codes)[N]) {
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

bool needs_a_person(const bson_error_t& error) {
  const auto code = static_cast<int>(error.code);
  switch (error.domain) {
    case MONGOC_ERROR_CLIENT: return code == MONGOC_ERROR_CLIENT_AUTHENTICATE;
    case MONGOC_ERROR_SCRAM:
    case MONGOC_ERROR_SASL: return true;
    case MONGOC_ERROR_PROTOCOL: return code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION;
    case MONGOC_ERROR_SERVER_SELECTION: return code == MONGOC_ERROR_SERVER_SELECTION_BAD_WIRE_VERSION;
    case MONGOC_ERROR_SERVER: return is_one_of(code, kNeedsAPerson);
    default: return false;
  }
}

void set_default(mongoc_uri_t* uri, const char* option, std::chrono::milliseconds value) {
  if (mongoc_uri_has_option(uri, option)) return;
  CHECK(mongoc_uri_set_option_as_int32(uri, option, static_cast<std::int32_t>(value.count())));
}

// A name of a database or collection that every server takes.
std::optional<std::string> why_wrong(std::string_view name, std::string_view forbidden, std::size_t bytes_max) {
  if (name.empty()) return "is empty";
  if (name.size() > bytes_max) return fmt::format("has {} bytes, at most {} can be", name.size(), bytes_max);
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || forbidden.find(c) != std::string_view::npos)
      return fmt::format("contains '{}'", c);
  }
  if (name.starts_with("system.")) return "begins with 'system.'";
  return std::nullopt;
}

std::optional<std::string> why_unreadable(const mongoc_uri_t* uri, const char* option) {
  const char* path = mongoc_uri_get_option_as_utf8(uri, option, nullptr);
  if (path == nullptr || ::access(path, R_OK) == 0) return std::nullopt;
  return fmt::format("{} '{}': {}", option, path, std::strerror(errno));
}

}  // namespace

bool WriteError::duplicate() const { return is_one_of(code, kDuplicateCodes); }
bool WriteError::permanent() const { return is_one_of(code, kOfThisDocument); }

// ---------------------------------------------------------------------------------------------------------------------

Session::Session(Connection& connection, mongoc_client_t* client)
    : connection_(connection),
      client_(client),
      records_(mongoc_client_get_collection(client, connection.database_.c_str(), connection.collection_.c_str())),
      output_(
          mongoc_client_get_collection(client, connection.database_.c_str(), connection.output_collection().c_str())) {}

Session::~Session() {
  if (client_ == nullptr) return;
  mongoc_collection_destroy(records_);
  mongoc_collection_destroy(output_);
  mongoc_client_pool_push(connection_.pool_, client_);
}

Session::Session(Session&& other) noexcept
    : connection_(other.connection_),
      client_(std::exchange(other.client_, nullptr)),
      records_(other.records_),
      output_(other.output_) {}

Result<void> Session::take_all(mongoc_cursor_t* cursor, const char* doing, const Each& each) {
  const bson_t* found = nullptr;
  while (mongoc_cursor_next(cursor, &found)) {
    if (!each({reinterpret_cast<const char*>(bson_get_data(found)), found->len})) break;
  }
  bson_error_t error;
  const bool failed = mongoc_cursor_error(cursor, &error);
  mongoc_cursor_destroy(cursor);
  if (failed) return Failure(connection_.failure(doing, error));
  return {};
}

Result<void> Session::find(Place place, const Document& filter, const Document& options, Read read, const Each& each) {
  mongoc_read_prefs_t* primary = read == Read::Primary ? mongoc_read_prefs_new(MONGOC_READ_PRIMARY) : nullptr;
  mongoc_cursor_t* cursor = mongoc_collection_find_with_opts(at(place), filter.get(), options.get(), primary);
  if (primary != nullptr) mongoc_read_prefs_destroy(primary);
  return take_all(cursor, "reading", each);
}

Result<void> Session::aggregate(Place place, const std::vector<Document>& stages, const Each& each) {
  Document pipeline, options;
  pipeline.documents("pipeline", stages);
  mongoc_cursor_t* cursor =
      mongoc_collection_aggregate(at(place), MONGOC_QUERY_NONE, pipeline.get(), options.get(), nullptr);
  return take_all(cursor, "counting", each);
}

Result<BulkAnswer> Session::insert(Place place, const std::vector<Document>& documents) {
  BulkAnswer answer;
  if (documents.empty()) return answer;
  Document options, concern;
  concern.text("w", "majority").flag("j", true).number("wtimeout", connection_.write_timeout_ms());
  options.flag("ordered", false).document("writeConcern", concern);
  mongoc_bulk_operation_t* bulk = mongoc_collection_create_bulk_operation_with_opts(at(place), options.get());
  std::vector<std::size_t> places;  // of those that the library takes, among `documents`
  bson_error_t error;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (mongoc_bulk_operation_insert_with_opts(bulk, documents[i].get(), nullptr, &error)) {
      places.push_back(i);
    } else {
      answer.errors.push_back({i, 2, connection_.masked(error.message)});
    }
  }
  if (places.empty()) {
    mongoc_bulk_operation_destroy(bulk);
    return answer;
  }
  bson_t reply;
  const bool done = mongoc_bulk_operation_execute(bulk, &reply, &error) != 0;
  const std::string_view said{reinterpret_cast<const char*>(bson_get_data(&reply)), reply.len};
  answer.inserted = static_cast<std::size_t>(std::max<std::int64_t>(integer_of(said, "nInserted").value_or(0), 0));
  std::size_t refused = 0;
  if (const auto errors = member_of(said, "writeErrors"); errors && errors->kind == Member::Kind::Array) {
    Members each(errors->bytes);
    for (Member one; each.next(one);) {
      const auto index = integer_of(one.bytes, "index").value_or(-1);
      if (index < 0 || static_cast<std::size_t>(index) >= places.size()) continue;
      ++refused;
      answer.errors.push_back({places[static_cast<std::size_t>(index)],
                               static_cast<int>(integer_of(one.bytes, "code").value_or(0)),
                               connection_.masked(text_in(one.bytes, "errmsg").value_or("no reason given"))});
    }
  }
  bool unsure = false;  // stored, but perhaps not by a majority
  if (const auto concerns = member_of(said, "writeConcernErrors"); concerns && concerns->kind == Member::Kind::Array) {
    Member first;
    unsure = Members(concerns->bytes).next(first);
  }
  bson_destroy(&reply);
  mongoc_bulk_operation_destroy(bulk);
  if (!done && (unsure || answer.inserted + refused != places.size()))
    return Failure(connection_.failure("writing", error));
  return answer;
}

Result<std::size_t> Session::remove(Place place, const Document& filter) {
  Document options;
  bson_t reply;
  bson_error_t error;
  const bool done = mongoc_collection_delete_many(at(place), filter.get(), options.get(), &reply, &error);
  const std::string_view said{reinterpret_cast<const char*>(bson_get_data(&reply)), reply.len};
  const std::int64_t deleted = integer_of(said, "deletedCount").value_or(0);
  bson_destroy(&reply);
  if (!done) return Failure(connection_.failure("deleting", error));
  return static_cast<std::size_t>(std::max<std::int64_t>(deleted, 0));
}

Result<void> Session::command(const Document& command) {
  bson_error_t error;
  if (mongoc_client_write_command_with_opts(client_, connection_.database_.c_str(), command.get(), nullptr, nullptr,
                                            &error))
    return {};
  return Failure(connection_.failure("setting up", error));
}

Result<std::int64_t> Session::wire_version() {
  bson_error_t error;
  mongoc_server_description_t* server = mongoc_client_select_server(client_, true, nullptr, &error);
  if (server == nullptr) return Failure(connection_.failure("looking for a server", error));
  const bson_t* hello = mongoc_server_description_hello_response(server);
  const std::string_view said{reinterpret_cast<const char*>(bson_get_data(hello)), hello->len};
  const std::int64_t version = integer_of(said, "maxWireVersion").value_or(0);
  mongoc_server_description_destroy(server);
  return version;
}

// ---------------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Connection>> Connection::open(const MongoOptions& options) {
  static const bool ready = (mongoc_init(), true);
  CHECK(ready);
  std::unique_ptr<Connection> made(new Connection);
  made->database_ = options.database;
  made->collection_ = options.collection;
  if (const auto why = why_wrong(options.database, "/\\. \"$*<>:|?", 63))
    return fail(Code::InvalidArgument, "mongodb.database '{}' {}: expected the name of a database", options.database,
                *why);
  if (const auto why = why_wrong(options.collection, "$", 100 - options.database.size()))
    return fail(Code::InvalidArgument, "mongodb.collection '{}' {}: expected the name of a collection",
                options.collection, *why);

  bson_error_t error;
  made->uri_ = mongoc_uri_new_with_error(options.uri.c_str(), &error);
  if (made->uri_ == nullptr)
    return fail(Code::InvalidArgument, "mongodb.uri '{}': {}", mask_mongo_uri(options.uri),
                options.uri.empty() ? "is empty" : mask_mongo_uri(error.message));
  mongoc_uri_t* uri = made->uri_;
  if (const char* password = mongoc_uri_get_password(uri); password != nullptr && *password != '\0') {
    made->secrets_.emplace_back(password);
    // As it stands in the URI, where it may be encoded.
    const std::string& text = options.uri;
    const auto at = text.find("://");
    const auto end = text.rfind('@', text.find('/', at + 3));
    const auto colon = text.find(':', at + 3);
    if (end != std::string::npos && colon < end) made->secrets_.push_back(text.substr(colon + 1, end - colon - 1));
  }
  if (const char* secret = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, nullptr))
    made->secrets_.emplace_back(secret);
  for (const char* option : {MONGOC_URI_TLSCAFILE, MONGOC_URI_TLSCERTIFICATEKEYFILE}) {
    if (const auto why = why_unreadable(uri, option))
      return fail(Code::InvalidArgument, "mongodb.uri '{}': {}", mask_mongo_uri(options.uri), *why);
  }

  set_default(uri, MONGOC_URI_CONNECTTIMEOUTMS, options.connect_timeout);
  set_default(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, options.selection_timeout);
  set_default(uri, MONGOC_URI_SOCKETTIMEOUTMS, options.socket_timeout);
  set_default(uri, MONGOC_URI_WAITQUEUETIMEOUTMS, options.selection_timeout);
  if (!mongoc_uri_has_option(uri, MONGOC_URI_MAXPOOLSIZE))
    CHECK(mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, static_cast<int>(options.readers) + 2));
  if (mongoc_uri_get_appname(uri) == nullptr) CHECK(mongoc_uri_set_appname(uri, "cronfleet"));
  // The server gives up on a majority before we give up on the server.
  made->write_timeout_ms_ =
      std::max(mongoc_uri_get_option_as_int32(uri, MONGOC_URI_SOCKETTIMEOUTMS, 10'000) / 5 * 4, 1);
  // Also where nobody listens: the library would write on standard error.
  made->log_route_ =
      add_log_route([log = options.log, secrets = made->secrets_](MongoLogLevel level, std::string_view message) {
        if (log) log(level, mask(message, secrets));
      });
  return made;
}

Connection::~Connection() {
  if (pool_ != nullptr) mongoc_client_pool_destroy(pool_);
  if (uri_ != nullptr) mongoc_uri_destroy(uri_);
  remove_log_route(log_route_);
}

Result<mongoc_client_pool_t*> Connection::pool() {
  const std::lock_guard lock(mutex_);
  if (pool_ != nullptr) return pool_;
  bson_error_t error;
  pool_ = mongoc_client_pool_new_with_error(uri_, &error);
  if (pool_ == nullptr) return Failure(failure("looking for a server", error));
  CHECK(mongoc_client_pool_set_error_api(pool_, kErrorApi));
  return pool_;
}

Result<Session> Connection::session() {
  const auto pool = this->pool();
  if (!pool) return Failure(pool.error());
  mongoc_client_t* client = mongoc_client_pool_pop(*pool);
  if (client == nullptr) return fail(Code::Unavailable, "MongoDB: all connections are busy, none became free in time");
  return Session(*this, client);
}

std::string Connection::masked(std::string_view text) const { return mask(text, secrets_); }

Status Connection::failure(std::string_view doing, const bson_error_t& error) const {
  const std::string said = masked(error.message);
  const auto code = static_cast<int>(error.code);
  if (error.domain == MONGOC_ERROR_SERVER && is_one_of(code, kNoSpaceCodes))
    return {Code::NoSpace, fmt::format("MongoDB has no space left: {}", said)};
  if (needs_a_person(error)) {
    return {Code::InvalidArgument,
            fmt::format("mongodb.uri: the server refuses us, {} '{}': {} (code {})", doing, database_, said, code)};
  }
  return {Code::Unavailable, fmt::format("MongoDB, {} '{}': {}", doing, database_, said)};
}

}  // namespace cronfleet::history::mongo

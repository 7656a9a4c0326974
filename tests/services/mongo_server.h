// tests/services/mongo_server.h: a real MongoDB server under test, on a free loopback port, with its data in a folder
// that goes with it. It is ended with the object, however the test ends.
//
// The server is the mongod that CRONFLEET_TEST_MONGOD names or that is on PATH, else FerretDB (scripts/build-ferretdb);
// for very many records, in FerretDB's place, mongo-java-server (scripts/build-mongo-java-server), which keeps nothing
// over its end and must not be given records while its indexes are made. What they do differently is known here and
// nowhere else.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "tests/conformance/temporary_folder.h"

namespace cronfleet::testing {

// The server that this machine has, or why there is none.
struct MongoProgram {
  enum class Kind { Mongod, FerretDb, JavaServer };
  std::string path;
  Kind kind = Kind::FerretDb;
  std::string missing;  // the reason, where path is empty

  static const MongoProgram& find();              // builds FerretDB when that is what is left
  static const MongoProgram& for_many_records();  // fetches mongo-java-server when that is what is left
};

class MongoServer {
 public:
  struct Options {
    std::string user, password;  // not empty: the server asks for them (FerretDB only)
    TemporaryFolder::Place place = TemporaryFolder::Place::Memory;
    const MongoProgram& program = MongoProgram::find();
  };
  explicit MongoServer(Options options);
  MongoServer() : MongoServer(Options()) {}
  ~MongoServer();
  MongoServer(const MongoServer&) = delete;
  MongoServer& operator=(const MongoServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string uri() const;  // without credentials
  std::string uri(const std::string& user, const std::string& password) const;

  void kill();       // SIGKILL, and gone when this returns
  void restart();    // on the same port and data, and answers when this returns; kills it first where it runs
  void lose_data();  // of a server that was killed: it comes back empty
  void stop();       // SIGSTOP
  void cont();       // SIGCONT
  std::string log() const;
  std::chrono::microseconds cpu() const;  // since its start

 private:
  void start();
  bool accepts() const;

  Options options_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
  int lives_ = 0;
};

}  // namespace cronfleet::testing

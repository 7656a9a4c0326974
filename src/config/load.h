// config/load.h: file, then environment, then flags; later ones win, and all mistakes of all of them come at once.
//
// The file is JSON with // and /* */ comments. A key is unknown, and refused with the nearest known one, unless it is a
// comment of the kind the reference's files have: a text under a key with a character outside ASCII, or under one that
// begins with "//" or "#". The reference's keys are taken as they are; those that a role has no use for are checked,
// shown and otherwise ignored, and a note says so, as it does of those that mean something else here.
//
// The variable of a key is CRONFLEET_ and the key in capitals, a '_' for each dot and before each capital letter:
// http.apiPort is CRONFLEET_HTTP_API_PORT. Lists are separated by commas. A CRONFLEET_ variable that no key has is a
// mistake too, except those that the client and the runs have.
//
// Pure: facts of the machine come in with the sources. Bad configuration ends the process with exit code 78 (CLI-5);
// that is the caller's to do.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/status.h"
#include "config/options.h"
#include "domain/field_error.h"

namespace cronfleet::config {

struct Override {
  std::string flag;  // as the user wrote it, for messages: "--port"
  std::string key;   // "http.apiPort"
  std::string value;
};

struct Sources {
  std::string file_name;  // for messages; empty: no file
  std::string file_text;
  std::vector<std::pair<std::string, std::string>> environment;  // all of it; HOME and XDG_STATE_HOME count too
  std::vector<Override> overrides;                               // in the order given; of equal keys the last
  bool is_root = false;
  unsigned cores = 1;
};

struct Mistake {
  std::string source;        // "master.json", "CRONFLEET_HTTP_API_PORT", "--port"; empty: a default
  domain::FieldError error;  // pointer holds the key's path: "http.apiPort"

  // "master.json:3:14: http.apiPort: expected a whole number from 0 to 65535, found a text"
  std::string text() const;
};

class Mistakes {
 public:
  void add(Mistake mistake) { mistakes_.push_back(std::move(mistake)); }
  bool empty() const { return mistakes_.empty(); }
  const std::vector<Mistake>& all() const { return mistakes_; }
  std::string text() const;  // one line for each
  Status status() const;     // InvalidArgument with all of them

 private:
  std::vector<Mistake> mistakes_;
};

template <typename Config>
struct Loaded {
  Config config;
  // For --print-config: every key with its value and, as a comment, where it came from. Secrets are masked; apart from
  // these it can be loaded again.
  std::string printed;
  // For the log: keys of the reference that mean something else here, or nothing. "master.json:20:14: webroot: …"
  std::vector<std::string> notes;
};

tl::expected<Loaded<StandaloneConfig>, Mistakes> load_standalone(const Sources& sources);
tl::expected<Loaded<MasterConfig>, Mistakes> load_master(const Sources& sources);
tl::expected<Loaded<WorkerConfig>, Mistakes> load_worker(const Sources& sources);

// The text of a configuration file, 1 MiB at most. NotFound, InvalidArgument: names the file and what is the matter.
Result<std::string> read_config_file(const std::string& path);

// "http.apiPort" → "CRONFLEET_HTTP_API_PORT".
std::string variable_of(std::string_view key);

}  // namespace cronfleet::config

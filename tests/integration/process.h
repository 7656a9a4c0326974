// tests/integration/process.h: real cronfleet processes under test: started in a folder of their own, asked over HTTP,
// ended in every way a process can end.
#pragma once

#include <sys/types.h>

#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cronfleet::integration {

// A fresh folder, removed with everything in it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct HttpAnswer {
  int status = 0;  // 0: no answer
  std::map<std::string, std::string> headers;
  std::string body;
  boost::json::value json() const;
};

// One child process; its standard error is kept.
class Process {
 public:
  Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {});
  ~Process();  // SIGKILL when it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Its exit code, 128 + n when a signal ended it, -1 when it still runs after `limit`.
  int wait(std::chrono::milliseconds limit = std::chrono::seconds(30));
  bool running();
  std::string errors();  // what it has written so far

 private:
  void drain();
  pid_t pid_ = -1;
  int stderr_ = -1;
  int status_ = -1;
  bool ended_ = false;
  std::string text_;
};

// A cronfleet process that listens, asked over HTTP.
class Server {
 public:
  // What it says about where it listens tells the port: "--port 0" belongs into the arguments.
  explicit Server(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {})
      : process_(std::move(arguments), std::move(environment)) {}

  bool wait_until_listening(std::chrono::milliseconds limit = std::chrono::seconds(30));
  bool wait_until_ready(std::chrono::milliseconds limit = std::chrono::seconds(30));
  HttpAnswer ask(const std::string& method, const std::string& path, const std::string& body = {},
                 const std::map<std::string, std::string>& headers = {});
  // Puts a job whatever stands there; the status of the answer.
  int put_job(const std::string& name, const std::string& members);
  // The runs of a job, newest first, all pages.
  std::vector<boost::json::object> runs(const std::string& job);
  Process& process() { return process_; }
  std::uint16_t port() const { return port_; }

 private:
  Process process_;
  std::uint16_t port_ = 0;
};

// `cronfleet standalone` on a free port.
class Standalone : public Server {
 public:
  explicit Standalone(std::filesystem::path data, std::vector<std::string> flags = {},
                      std::map<std::string, std::string> environment = {});
};

// True as soon as `condition` holds; false when it does not within `limit`.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = std::chrono::seconds(30));

std::string read_file(const std::filesystem::path& path);
std::vector<std::string> lines_of(const std::filesystem::path& path);
std::string binary();  // of cronfleet
std::string percent_encoded(const std::string& text);
std::string text_of(const boost::json::object& object, const char* key);  // empty where it is absent

}  // namespace cronfleet::integration

#include "tests/integration/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace cronfleet::integration {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks at a condition; the condition decides, not the time.
void pause_a_little() { ::poll(nullptr, 0, 10); }

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

Folder::Folder() {
  std::string form = (std::filesystem::temp_directory_path() / "cronfleet-test-XXXXXX").string();
  CHECK(::mkdtemp(form.data()) != nullptr);
  path_ = form;
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

boost::json::value HttpAnswer::json() const {
  boost::system::error_code error;
  auto value = boost::json::parse(body, error);
  return error ? boost::json::value() : value;
}

Process::Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment) {
  int ends[2];
  CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (text.rfind("CRONFLEET_", 0) != 0) variables.push_back(text);
  }
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  CHECK(::posix_spawn(&pid_, arguments.front().c_str(), &actions, nullptr, argv.data(), envp.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  stderr_ = ends[0];
  ::fcntl(stderr_, F_SETFL, O_NONBLOCK);
}

Process::~Process() {
  if (!ended_) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(stderr_);
}

void Process::signal(int number) const { ::kill(pid_, number); }

int Process::wait(std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (!ended_) {
    drain();
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      drain();
      break;
    }
    if (Clock::now() > until) return -1;
    pause_a_little();
  }
  return status_;
}

bool Process::running() { return wait(std::chrono::milliseconds(0)) == -1; }

void Process::drain() {
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(stderr_, buffer, sizeof buffer)) > 0;)
    text_.append(buffer, static_cast<std::size_t>(got));
}

std::string Process::errors() {
  drain();
  return text_;
}

Standalone::Standalone(std::filesystem::path data, std::vector<std::string> flags,
                       std::map<std::string, std::string> environment)
    : Server(
          [&] {
            std::vector<std::string> arguments{binary(), "standalone", "--data-dir", data.string(),
                                               "--port", "0",          "--set",      "http.writes_per_second=0"};
            arguments.insert(arguments.end(), flags.begin(), flags.end());
            return arguments;
          }(),
          std::move(environment)) {}

bool Server::wait_until_listening(std::chrono::milliseconds limit) {
  return eventually(
             [&] {
               if (!process_.running()) return true;  // it ended: no use waiting
               const std::string log = process_.errors();
               const std::string mark = "listening: 127.0.0.1:";
               const auto at = log.find(mark);
               if (at == std::string::npos || log.find('\n', at) == std::string::npos) return false;
               const char* digits = log.data() + at + mark.size();
               std::from_chars(digits, log.data() + log.size(), port_);
               return true;
             },
             limit) &&
         process_.running() && port_ != 0;
}

bool Server::wait_until_ready(std::chrono::milliseconds limit) {
  return wait_until_listening(limit) &&
         eventually([&] { return !process_.running() || ask("GET", "/readyz").status == 200; }, limit) &&
         process_.running();
}

HttpAnswer Server::ask(const std::string& method, const std::string& path, const std::string& body,
                       const std::map<std::string, std::string>& headers) {
  HttpAnswer answer;
  const int fd = connect_to(port_);
  if (fd < 0) return answer;
  timeval limit{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  if (!body.empty() || method == "PUT" || method == "POST")
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  request += "\r\n" + body;
  std::string received;
  bool sent = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  char buffer[16384];
  for (ssize_t got = 0; sent && (got = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    received.append(buffer, static_cast<std::size_t>(got));
  ::close(fd);
  const auto end = received.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  std::istringstream head(received.substr(0, end));
  std::string line;
  std::getline(head, line);
  if (line.size() > 12) std::from_chars(line.data() + 9, line.data() + 12, answer.status);
  while (std::getline(head, line)) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos)
      answer.headers[lower(line.substr(0, colon))] = line.substr(colon + 2, line.find('\r') - colon - 2);
  }
  answer.body = received.substr(end + 4);
  const auto length = answer.headers.find("content-length");
  if (length != answer.headers.end() && answer.body.size() < std::stoul(length->second)) answer.status = 0;  // cut off
  return answer;
}

int Server::put_job(const std::string& name, const std::string& members) {
  const std::string path = "/api/v1/jobs/" + percent_encoded(name);
  const std::string body = "{\"name\":\"" + name + "\"," + members + "}";
  const HttpAnswer created = ask("PUT", path, body, {{"If-None-Match", "*"}});
  return created.status == 412 ? ask("PUT", path, body, {{"If-Match", "*"}}).status : created.status;
}

std::vector<boost::json::object> Server::runs(const std::string& job) {
  std::vector<boost::json::object> all;
  std::string cursor;
  do {
    std::string path = "/api/v1/runs?limit=500&job=" + percent_encoded(job);
    if (!cursor.empty()) path += "&cursor=" + percent_encoded(cursor);
    const boost::json::value page = ask("GET", path).json();
    if (!page.is_object() || !page.as_object().contains("items")) break;
    for (const auto& item : page.as_object().at("items").as_array()) all.push_back(item.as_object());
    cursor = text_of(page.as_object(), "next_cursor");
  } while (!cursor.empty());
  return all;
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > until) return false;
    pause_a_little();
  }
  return true;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::istringstream text(read_file(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string binary() { return CRONFLEET_BINARY; }

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.') {
      out += c;
    } else {
      char hex[4];
      std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex;
    }
  }
  return out;
}

std::string text_of(const boost::json::object& object, const char* key) {
  const auto* found = object.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

}  // namespace cronfleet::integration

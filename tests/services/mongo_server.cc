#include "tests/services/mongo_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/check.h"

namespace cronfleet::testing {
namespace {

using Clock = std::chrono::steady_clock;

std::string on_path(const std::string& name) {
  std::istringstream folders(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = folder + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

// The last line that the script prints: the program, or why there is none.
void ask(const std::string& script, MongoProgram& program) {
  const std::string command = CRONFLEET_SOURCE_DIR "/scripts/" + script + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  CHECK(pipe != nullptr);
  std::string said;
  for (std::array<char, 4096> buffer; ::fgets(buffer.data(), buffer.size(), pipe) != nullptr;) said += buffer.data();
  const bool built = ::pclose(pipe) == 0;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  (built ? program.path : program.missing) = said.substr(said.rfind('\n') + 1);
}

MongoProgram find_program(MongoProgram::Kind otherwise, const std::string& script) {
  MongoProgram program;
  program.kind = MongoProgram::Kind::Mongod;
  if (const char* named = std::getenv("CRONFLEET_TEST_MONGOD"); named != nullptr && *named != '\0') {
    program.path = named;
    return program;
  }
  program.path = on_path("mongod");
  if (!program.path.empty()) return program;
  program.kind = otherwise;
  ask(script, program);
  return program;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t unused_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  CHECK(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

const MongoProgram& MongoProgram::find() {
  static const MongoProgram program = find_program(Kind::FerretDb, "build-ferretdb");
  return program;
}
const MongoProgram& MongoProgram::for_many_records() {
  static const MongoProgram program = find_program(Kind::JavaServer, "build-mongo-java-server");
  return program;
}

MongoServer::MongoServer(Options options) : options_(std::move(options)), folder_(options_.place) {
  CHECK(!options_.program.path.empty());
  // Somebody else may get the port between our look and the server's: then another one.
  for (int attempt = 0; pid_ < 0 || !accepts(); ++attempt) {
    CHECK(attempt < 20);
    if (pid_ > 0) kill();
    port_ = unused_port();
    start();
  }
}

MongoServer::~MongoServer() { kill(); }

std::string MongoServer::uri() const { return "mongodb://127.0.0.1:" + std::to_string(port_); }
std::string MongoServer::uri(const std::string& user, const std::string& password) const {
  return "mongodb://" + user + ":" + password + "@127.0.0.1:" + std::to_string(port_);
}

void MongoServer::start() {
  const MongoProgram& program = options_.program;
  const std::string data = folder_.file("data");
  std::filesystem::create_directories(data);
  std::vector<std::string> arguments{program.path};
  if (program.kind == MongoProgram::Kind::Mongod) {
    arguments.insert(arguments.end(), {"--dbpath", data, "--port", std::to_string(port_), "--bind_ip", "127.0.0.1",
                                       "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"});
  } else if (program.kind == MongoProgram::Kind::JavaServer) {
    arguments.push_back(std::to_string(port_));
  } else {
    arguments.insert(arguments.end(),
                     {"--handler=sqlite", "--telemetry=disable", "--listen-addr=127.0.0.1:" + std::to_string(port_),
                      "--debug-addr=-", "--state-dir=" + data, "--sqlite-url=file:" + data + "/", "--log-level=error"});
    if (!options_.user.empty())
      arguments.insert(arguments.end(), {"--test-enable-new-auth", "--setup-database=admin",
                                         "--setup-username=" + options_.user, "--setup-password=" + options_.password});
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log = folder_.file("log-" + std::to_string(++lives_));
  pid_ = ::fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when the test is killed
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::close_range(3, ~0U, 0);  // sockets of the test: the server would hold their ports
    ::execv(argv.front(), argv.data());
    ::_exit(127);
  }
  const auto until = Clock::now() + std::chrono::seconds(60);
  while (!accepts() && Clock::now() < until) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return;
    }
    ::poll(nullptr, 0, 10);
  }
}

bool MongoServer::accepts() const {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port_);
  const bool connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return connected;
}

void MongoServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void MongoServer::restart() {
  kill();
  start();
  CHECK(pid_ > 0 && accepts());
}

void MongoServer::lose_data() {
  CHECK(pid_ <= 0);
  std::filesystem::remove_all(folder_.file("data"));
}

void MongoServer::stop() {
  ::kill(pid_, SIGSTOP);
  // Stopped, not only told to.
  siginfo_t info{};
  CHECK(::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED) == 0);
}
void MongoServer::cont() { ::kill(pid_, SIGCONT); }

std::string MongoServer::log() const {
  std::ostringstream text;
  for (int life = 1; life <= lives_; ++life)
    text << std::ifstream(folder_.file("log-" + std::to_string(life)), std::ios::binary).rdbuf();
  return text.str();
}

std::chrono::microseconds MongoServer::cpu() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  std::istringstream rest(text.substr(text.rfind(')') + 2));
  std::string field;
  std::int64_t user = 0, system = 0;
  for (int i = 3; i < 14; ++i) rest >> field;
  rest >> user >> system;
  return std::chrono::microseconds((user + system) * 1'000'000 / ::sysconf(_SC_CLK_TCK));
}

}  // namespace cronfleet::testing

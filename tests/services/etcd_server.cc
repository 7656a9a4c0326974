#include "tests/services/etcd_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>

#include "base/check.h"
#include "base/status.h"

namespace cronfleet::testing {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks at a condition; the condition decides, not the time.
void pause_a_little() { ::poll(nullptr, 0, 10); }

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > until) return false;
    pause_a_little();
  }
  return true;
}

struct Output {
  int status = -1;
  std::string text;  // standard output and error
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// The environment of this process without what would lead the tools elsewhere.
std::vector<std::string> clean_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const bool astray = text.starts_with("ETCD") || text.starts_with("http_proxy") || text.starts_with("https_proxy") ||
                        text.starts_with("HTTP_PROXY") || text.starts_with("HTTPS_PROXY");
    if (!astray) variables.push_back(text);
  }
  variables.push_back("ETCDCTL_API=3");
  return variables;
}

Output run(std::vector<std::string> command) {
  int ends[2];
  CHECK(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  auto environment = clean_environment();
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, command[0].c_str(), &actions, nullptr, pointers(command).data(),
                                    pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Output output;
  if (failed == 0) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      output.text.append(buffer, static_cast<std::size_t>(got));
    int status = 0;
    ::waitpid(pid, &status, 0);
    output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  } else {
    output.text = command[0] + ": " + std::strerror(failed);
  }
  ::close(ends[0]);
  return output;
}

void run_or_die(const std::vector<std::string>& command) {
  const Output output = run(command);
  if (output.status != 0) std::fprintf(stderr, "%s: %s\n", command[0].c_str(), output.text.c_str());
  CHECK(output.status == 0);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

}  // namespace

std::uint16_t free_port() {
  static std::set<std::uint16_t> given;
  for (;;) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    ::close(fd);
    if (given.insert(ntohs(address.sin_port)).second) return ntohs(address.sin_port);
  }
}

EtcdProgram EtcdProgram::debian() {
  if (::access("/usr/bin/etcd", X_OK) == 0) return {"/usr/bin/etcd", {}};
  return {{}, "etcd is not installed; scripts/setup installs it"};
}

EtcdProgram EtcdProgram::current() {
  const std::filesystem::path folder = std::filesystem::path(CRONFLEET_SOURCE_DIR) / ".cache/etcd";
  if (::access((folder / "etcd").c_str(), X_OK) == 0) return {(folder / "etcd").string(), {}};
  const std::string reason = read_file(folder / "missing");
  return {
      {},
      reason.empty() ? "no current etcd was built; scripts/build-etcd builds it" : reason.substr(0, reason.find('\n'))};
}

EtcdServer::EtcdServer(EtcdServerOptions options) : options_(std::move(options)), folder_(options_.place) {
  CHECK(!options_.program.empty());
  if (options_.tls) make_certificates();
  members_.resize(options_.members);
  for (Member& member : members_) {
    member.client_port = free_port();
    member.peer_port = free_port();
  }
  for (std::size_t i = 0; i < members_.size(); ++i) start(i);
  const bool healthy = wait_until_healthy();
  if (!healthy) std::fprintf(stderr, "etcd did not become healthy:\n%s\n", log(0).c_str());
  CHECK(healthy);
}

EtcdServer::~EtcdServer() {
  for (std::size_t i = 0; i < members_.size(); ++i) kill(i);
}

std::string EtcdServer::endpoint(std::size_t member) const {
  return fmt::format("127.0.0.1:{}", members_[member].client_port);
}

std::vector<std::string> EtcdServer::endpoints() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < members_.size(); ++i) all.push_back(endpoint(i));
  return all;
}

void EtcdServer::start(std::size_t index) {
  Member& member = members_[index];
  const std::string scheme = options_.tls ? "https" : "http";
  const auto name = [](std::size_t i) { return "m" + std::to_string(i); };
  const auto peer = [&](std::size_t i) { return fmt::format("http://127.0.0.1:{}", members_[i].peer_port); };
  const std::string client = fmt::format("{}://127.0.0.1:{}", scheme, member.client_port);
  std::string cluster;
  for (std::size_t i = 0; i < members_.size(); ++i) cluster += (i > 0 ? "," : "") + name(i) + "=" + peer(i);
  std::vector<std::string> command{options_.program,
                                   "--name=" + name(index),
                                   "--data-dir=" + folder_.file(name(index)),
                                   "--listen-client-urls=" + client,
                                   "--advertise-client-urls=" + client,
                                   "--listen-peer-urls=" + peer(index),
                                   "--initial-advertise-peer-urls=" + peer(index),
                                   "--initial-cluster=" + cluster,
                                   "--initial-cluster-token=" + folder_.path().filename().string(),
                                   "--logger=zap",
                                   "--log-outputs=stderr"};
  if (options_.tls) {
    command.push_back("--cert-file=" + folder_.file("server.pem"));
    command.push_back("--key-file=" + folder_.file("server.key"));
    command.push_back("--trusted-ca-file=" + ca_file());
    command.push_back("--client-cert-auth");
  }
  command.insert(command.end(), options_.flags.begin(), options_.flags.end());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, folder_.file(name(index) + ".log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  // setpriv: a test that is killed takes its servers along.
  command.insert(command.begin(), {"/usr/bin/setpriv", "--pdeathsig", "KILL"});
  auto environment = clean_environment();
  CHECK(::posix_spawn(&member.pid, command[0].c_str(), &actions, nullptr, pointers(command).data(),
                      pointers(environment).data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  member.stopped = false;
}

void EtcdServer::kill(std::size_t index) {
  Member& member = members_[index];
  if (member.pid < 0) return;
  ::kill(member.pid, SIGKILL);
  ::waitpid(member.pid, nullptr, 0);
  member.pid = -1;
  member.stopped = false;
}

void EtcdServer::restart(std::size_t index) {
  kill(index);
  start(index);
}

void EtcdServer::stop(std::size_t index) {
  ::kill(members_[index].pid, SIGSTOP);
  // Stopped, not only told to.
  siginfo_t info{};
  CHECK(::waitid(P_PID, static_cast<id_t>(members_[index].pid), &info, WSTOPPED) == 0);
  members_[index].stopped = true;
}

void EtcdServer::cont(std::size_t index) {
  ::kill(members_[index].pid, SIGCONT);
  members_[index].stopped = false;
}

std::string EtcdServer::etcdctl(const std::vector<std::string>& arguments, const std::string& user) {
  std::string running;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].pid >= 0 && !members_[i].stopped)
      running += (running.empty() ? "" : ",") + (options_.tls ? "https://" + endpoint(i) : endpoint(i));
  }
  std::vector<std::string> command{"/usr/bin/etcdctl", "--endpoints=" + running};
  if (options_.tls) {
    command.push_back("--cacert=" + ca_file());
    command.push_back("--cert=" + cert_file());
    command.push_back("--key=" + key_file());
  }
  const std::string as = user.empty() && !root_password_.empty() ? "root:" + root_password_ : user;
  if (!as.empty()) command.push_back("--user=" + as);
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command).text;
}

// Lines of `endpoint status`: "127.0.0.1:1, 8e9e05c52164694d, 3.4.23, 20 kB, true, false, …": the fifth is whether it
// leads.
bool EtcdServer::wait_until_healthy(std::chrono::milliseconds limit) {
  return eventually(
      [&] {
        std::size_t running = 0, found = 0;
        bool leads = false;
        std::istringstream lines(etcdctl({"endpoint", "status", "--command-timeout=2s"}));
        for (std::string line; std::getline(lines, line);) {
          if (line.starts_with("{")) continue;  // a warning
          if (line.find(", true,") != std::string::npos) leads = true;
          for (std::size_t i = 0; i < members_.size(); ++i) found += line.find(endpoint(i) + ",") != std::string::npos;
        }
        for (const Member& member : members_) running += member.pid >= 0 && !member.stopped;
        return leads && found == running;
      },
      limit);
}

std::size_t EtcdServer::leader() {
  std::size_t found = members_.size();
  CHECK(eventually(
      [&] {
        std::istringstream lines(etcdctl({"endpoint", "status", "--command-timeout=2s"}));
        for (std::string line; std::getline(lines, line);) {
          if (line.starts_with("{") || line.find(", true,") == std::string::npos) continue;
          for (std::size_t i = 0; i < members_.size(); ++i) {
            if (line.find(endpoint(i) + ",") != std::string::npos) found = i;
          }
        }
        return found < members_.size();
      },
      std::chrono::seconds(60)));
  return found;
}

void EtcdServer::enable_auth(const std::string& user, const std::string& password, const std::string& prefix) {
  etcdctl({"user", "add", "root:" + password});
  etcdctl({"user", "grant-role", "root", "root"});
  etcdctl({"user", "add", user + ":" + password});
  etcdctl({"role", "add", "cronfleet"});
  // An empty key with --prefix: all keys.
  etcdctl({"role", "grant-permission", "cronfleet", "--prefix=true", "readwrite", prefix});
  etcdctl({"user", "grant-role", user, "cronfleet"});
  const std::string said = etcdctl({"auth", "enable"});
  if (said.find("Enabled") == std::string::npos) std::fprintf(stderr, "etcdctl: %s\n", said.c_str());
  CHECK(said.find("Enabled") != std::string::npos);
  root_password_ = password;
}

void EtcdServer::make_certificates() {
  const auto authority = [&](const std::string& name) {
    run_or_die({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=" + name, "-keyout", folder_.file(name + ".key"), "-out",
                folder_.file(name + ".pem")});
  };
  authority("ca");
  authority("other");
  std::ofstream(folder_.file("server.ext")) << "subjectAltName=IP:127.0.0.1,DNS:etcd.example\n"
                                               "extendedKeyUsage=serverAuth,clientAuth\n";
  std::ofstream(folder_.file("client.ext")) << "extendedKeyUsage=clientAuth\n";
  run_or_die({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
              "/CN=etcd", "-keyout", folder_.file("server.key"), "-out", folder_.file("server.csr")});
  run_or_die({"openssl", "x509", "-req", "-days", "2", "-in", folder_.file("server.csr"), "-CA", folder_.file("ca.pem"),
              "-CAkey", folder_.file("ca.key"), "-CAcreateserial", "-extfile", folder_.file("server.ext"), "-out",
              folder_.file("server.pem")});
  renew_client_certificate();
}

void EtcdServer::renew_client_certificate() {
  run_or_die({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
              "/CN=worker", "-keyout", folder_.file("new.key"), "-out", folder_.file("new.csr")});
  run_or_die({"openssl", "x509", "-req", "-days", "2", "-in", folder_.file("new.csr"), "-CA", folder_.file("ca.pem"),
              "-CAkey", folder_.file("ca.key"), "-CAcreateserial", "-extfile", folder_.file("client.ext"), "-out",
              folder_.file("new.pem")});
  std::filesystem::rename(folder_.file("new.key"), key_file());
  std::filesystem::rename(folder_.file("new.pem"), cert_file());
}

void EtcdServer::save_snapshot() {
  std::filesystem::remove(folder_.file("snapshot"));
  etcdctl({"snapshot", "save", folder_.file("snapshot")});
  CHECK(std::filesystem::exists(folder_.file("snapshot")));
}

void EtcdServer::restore_snapshot() {
  CHECK(members_.size() == 1);
  kill(0);
  std::filesystem::remove_all(folder_.file("m0"));
  const std::string peer = fmt::format("http://127.0.0.1:{}", members_[0].peer_port);
  run_or_die({"/usr/bin/etcdctl", "snapshot", "restore", folder_.file("snapshot"), "--name=m0", "--data-dir",
              folder_.file("m0"), "--initial-cluster=m0=" + peer, "--initial-advertise-peer-urls=" + peer,
              "--initial-cluster-token=" + folder_.path().filename().string()});
  start(0);
  CHECK(wait_until_healthy());
}

std::string EtcdServer::log(std::size_t member) const {
  return read_file(folder_.file("m" + std::to_string(member) + ".log"));
}

std::chrono::microseconds EtcdServer::cpu() const {
  std::chrono::microseconds sum{0};
  for (const Member& member : members_) {
    if (member.pid < 0) continue;
    const std::string stat = read_file("/proc/" + std::to_string(member.pid) + "/stat");
    // utime and stime are the 12th and 13th field after the name in brackets.
    std::istringstream fields(stat.substr(stat.rfind(')') + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    std::int64_t user = 0, system = 0;
    fields >> user >> system;
    sum += std::chrono::microseconds((user + system) * 1'000'000 / ::sysconf(_SC_CLK_TCK));
  }
  return sum;
}

}  // namespace cronfleet::testing

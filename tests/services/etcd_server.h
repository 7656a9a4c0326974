// tests/services/etcd_server.h: real etcd members under test: one or three, on free loopback ports, with their data in
// a folder that goes with them. They are ended with the object, however the test ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/temporary_folder.h"

namespace cronfleet::testing {

// An etcd that can be started, or why there is none.
struct EtcdProgram {
  std::string path;
  std::string missing;  // the reason, where path is empty

  static EtcdProgram debian();   // etcd of the package etcd-server, 3.4
  static EtcdProgram current();  // 3.6, of scripts/build-etcd (tests/etcd)
};

struct EtcdServerOptions {
  std::string program = EtcdProgram::debian().path;
  std::size_t members = 1;
  bool tls = false;                // for clients, who must show a certificate of the same authority
  std::vector<std::string> flags;  // further ones, for each member
  TemporaryFolder::Place place = TemporaryFolder::Place::Disk;
};

class EtcdServer {
 public:
  explicit EtcdServer(EtcdServerOptions options = {});
  ~EtcdServer();
  EtcdServer(const EtcdServer&) = delete;
  EtcdServer& operator=(const EtcdServer&) = delete;

  std::size_t size() const { return members_.size(); }
  std::string endpoint(std::size_t member) const;  // "127.0.0.1:port"
  std::vector<std::string> endpoints() const;
  std::uint16_t port(std::size_t member) const { return members_[member].client_port; }
  pid_t pid(std::size_t member) const { return members_[member].pid; }

  // Every running member answers, and one of them leads. Starting waits for it; after kill, stop, cont and restart ask.
  bool wait_until_healthy(std::chrono::milliseconds limit = std::chrono::seconds(60));
  std::size_t leader();  // waits for one

  void kill(std::size_t member);     // SIGKILL, and gone when this returns
  void restart(std::size_t member);  // on the same ports and data; kills it first where it runs
  void stop(std::size_t member);     // SIGSTOP
  void cont(std::size_t member);     // SIGCONT

  // Runs `etcdctl` against the running members, as `user` ("name:password") where given: its output.
  std::string etcdctl(const std::vector<std::string>& arguments, const std::string& user = {});
  // Users root and `user` with one password, `user` may do all under `prefix`; from then on the cluster asks for both.
  void enable_auth(const std::string& user, const std::string& password, const std::string& prefix = "");

  // With tls: PEM files for clients.
  std::string ca_file() const { return folder_.file("ca.pem"); }
  std::string cert_file() const { return folder_.file("client.pem"); }
  std::string key_file() const { return folder_.file("client.key"); }
  // Another authority, for tests of refusal.
  std::string other_ca_file() const { return folder_.file("other.pem"); }
  // New client certificate and key of the same authority, under the same names.
  void renew_client_certificate();

  // Of a cluster of one member: what stands now, and back to that, as an operator restores a backup.
  void save_snapshot();
  void restore_snapshot();

  std::string log(std::size_t member) const;
  std::chrono::microseconds cpu() const;  // of all members together, since their start

 private:
  struct Member {
    pid_t pid = -1;
    bool stopped = false;
    std::uint16_t client_port = 0, peer_port = 0;
  };
  void start(std::size_t member);
  void make_certificates();
  std::string root_password_;

  EtcdServerOptions options_;
  TemporaryFolder folder_;
  std::vector<Member> members_;
};

// A loopback port that nobody listens on, and that no other call of this process gets.
std::uint16_t free_port();

}  // namespace cronfleet::testing

// The product as a process: what a user can see of `cronfleet standalone`, and what is left of it after kill -9.
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/rng.h"
#include "base/time.h"
#include "tests/integration/process.h"

namespace cronfleet::integration {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool long_form() { return std::getenv("CRONFLEET_LONG") != nullptr; }

// Ground truth: each run appends its id with one write.
std::string truth_job(const std::filesystem::path& truth) {
  return R"("schedule":"* * * * * *","command":"echo $CRONFLEET_RUN_ID >> )" + truth.string() + "\"";
}

std::string integrity(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  std::string answer = "cannot open";
  if (sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    sqlite3_exec(
        db, "PRAGMA integrity_check",
        [](void* to, int, char** values, char**) {
          *static_cast<std::string*>(to) = values[0];
          return 0;
        },
        &answer, nullptr);
  }
  sqlite3_close(db);
  return answer;
}

TEST(Standalone, EveryFiringStartsOnceAndHasOneRecord) {
  Folder folder;
  Standalone cronfleet(folder / "data");
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth")), 201);
  ASSERT_TRUE(eventually([&] { return lines_of(folder / "truth").size() >= 4; }));
  ASSERT_TRUE(eventually([&] {
    const auto runs = cronfleet.runs("tick");
    return std::count_if(runs.begin(), runs.end(),
                         [](const auto& run) { return text_of(run, "status") == "succeeded"; }) >= 4;
  }));
  const std::vector<std::string> started = lines_of(folder / "truth");
  EXPECT_EQ(std::set<std::string>(started.begin(), started.end()).size(), started.size());
  for (const auto& run : cronfleet.runs("tick")) {
    const auto scheduled = parse_rfc3339(text_of(run, "scheduled_at"));
    const auto began = parse_rfc3339(text_of(run, "started_at"));
    if (!began) continue;
    EXPECT_GE(*began, *scheduled - milliseconds(50)) << "no early start (G4)";
  }
}

// REL-F14: killed at any moment it loses no acknowledged save and no finished record, starts nothing twice, and records
// what was missed.
TEST(Standalone, SurvivesKillNineAtAnyMoment) {
  const int kills = long_form() ? 1'000 : 12;
  Folder folder;
  Rng rng(20'261'123);
  std::set<std::string> saved, saved_last;
  std::set<std::string> finished;  // seen as succeeded by a reader
  std::string first_instant;
  for (int round = 0; round <= kills; ++round) {
    Standalone cronfleet(folder / "data");
    ASSERT_TRUE(cronfleet.wait_until_ready(seconds(60))) << "round " << round << "\n" << cronfleet.process().errors();
    if (round == 0) {
      ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth")), 201);
      ASSERT_TRUE(eventually([&] { return !lines_of(folder / "truth").empty(); }));
    }
    // What the last life acknowledged is there; all of it is looked at once more at the end.
    for (const std::string& name : round == kills ? saved : saved_last) {
      ASSERT_EQ(cronfleet.ask("GET", "/api/v1/jobs/" + name).status, 200) << name;
    }
    saved_last.clear();
    if (round == kills) {
      // Whole again: every second from the first to a recent one has exactly one final record.
      const std::string until = lines_of(folder / "truth").back();
      ASSERT_TRUE(eventually([&] {
        const auto lines = lines_of(folder / "truth");
        return lines.back() > until && lines.size() > 2;
      }));
      std::map<std::string, std::string> verdicts;
      ASSERT_TRUE(eventually([&] {
        verdicts.clear();
        for (const auto& run : cronfleet.runs("tick")) {
          const auto* final = run.if_contains("final");
          if (final != nullptr && final->is_bool() && final->as_bool()) {
            EXPECT_TRUE(verdicts.emplace(text_of(run, "id"), text_of(run, "status")).second) << text_of(run, "id");
          }
        }
        return verdicts.count(until) == 1;
      }));
      const auto lines = lines_of(folder / "truth");
      const std::set<std::string> starts(lines.begin(), lines.end());
      EXPECT_EQ(starts.size(), lines.size()) << "a firing started twice";
      auto instant = parse_rfc3339(lines.front().substr(5, 20)).value();
      const auto last = parse_rfc3339(until.substr(5, 20)).value();
      for (; instant <= last; instant += seconds(1)) {
        const std::string id = "tick@" + to_rfc3339(instant) + ".1";
        ASSERT_EQ(verdicts.count(id), 1u) << id << " has no record";
        if (verdicts[id] == "missed" || verdicts[id] == "skipped") {
          EXPECT_EQ(starts.count(id), 0u) << id;
        }
        if (verdicts[id] == "succeeded") {
          EXPECT_EQ(starts.count(id), 1u) << id;
        }
      }
      for (const std::string& id : finished) {
        EXPECT_EQ(verdicts.count(id), 1u) << id << " was lost";
      }
      cronfleet.process().signal(SIGTERM);
      EXPECT_EQ(cronfleet.process().wait(), 0);
      break;
    }
    const auto until = std::chrono::steady_clock::now() + milliseconds(rng.below(1'500));
    for (int i = 0; std::chrono::steady_clock::now() < until; ++i) {
      const std::string name = "save-" + std::to_string(round) + "-" + std::to_string(i);
      if (cronfleet.put_job(name, R"("schedule":"0 0 1 1 *","command":"true")") == 201) {
        saved.insert(name);
        saved_last.insert(name);
      }
      for (const auto& run : cronfleet.runs("tick")) {
        if (text_of(run, "status") == "succeeded" && run.contains("exit_code")) finished.insert(text_of(run, "id"));
        if (finished.size() > 200) break;
      }
    }
    cronfleet.process().signal(SIGKILL);
    EXPECT_EQ(cronfleet.process().wait(), 128 + SIGKILL);
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "data")) {
    if (entry.path().extension() == ".db") {
      EXPECT_EQ(integrity(entry.path()), "ok") << entry.path();
    }
  }
}

TEST(Standalone, ATermWaitsForTheRunsAndThenEndsThem) {
  Folder folder;
  Standalone cronfleet(folder / "data", {"--set", "worker.shutdown_grace=1s"});
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  ASSERT_EQ(cronfleet.put_job("long", R"("schedule":"0 0 1 1 *","command":"sleep 600","kill_grace":"1s")"), 201);
  ASSERT_EQ(cronfleet.ask("POST", "/api/v1/jobs/long:run", "{}").status, 202);
  ASSERT_TRUE(eventually([&] {
    const auto runs = cronfleet.runs("long");
    return runs.size() == 1 && text_of(runs[0], "status") == "running";
  }));
  cronfleet.process().signal(SIGTERM);
  EXPECT_EQ(cronfleet.process().wait(), 0);
  Standalone again(folder / "data");
  ASSERT_TRUE(again.wait_until_ready());
  const auto runs = again.runs("long");
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(text_of(runs[0], "status"), "killed");
  EXPECT_EQ(text_of(runs[0], "reason"), "shutdown");
}

// An attempt that waits for its retry delay keeps nobody from leaving: its key says all that the next life needs.
TEST(Standalone, ATermDoesNotWaitForARetryDelay) {
  Folder folder;
  const auto waiting = [](Standalone& cronfleet) {  // its second attempt: the first one waits too, to be claimed
    for (const auto& run : cronfleet.runs("failing")) {
      const std::string id = text_of(run, "id");
      if (text_of(run, "status") == "waiting" && id.ends_with(".2")) return id;
    }
    return std::string();
  };
  std::string attempt;
  {
    Standalone cronfleet(folder / "data");
    ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
    ASSERT_EQ(cronfleet.put_job("failing", R"("schedule":"0 0 1 1 *","command":"exit 3",
                                              "retry":{"count":1,"delay":"1h"})"),
              201);
    ASSERT_EQ(cronfleet.ask("POST", "/api/v1/jobs/failing:run", "{}").status, 202);
    ASSERT_TRUE(eventually([&] { return !(attempt = waiting(cronfleet)).empty(); }));
    cronfleet.process().signal(SIGTERM);
    ASSERT_EQ(cronfleet.process().wait(), 0);
  }
  Standalone again(folder / "data");
  ASSERT_TRUE(again.wait_until_ready());
  EXPECT_TRUE(eventually([&] { return waiting(again) == attempt; })) << attempt << " is lost";
}

TEST(Standalone, AKilledWorkersRunIsEndedAndRecorded) {
  Folder folder;
  const std::string mark = (folder / "child").string();
  {
    Standalone cronfleet(folder / "data");
    ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
    ASSERT_EQ(cronfleet.put_job("long", R"("schedule":"0 0 1 1 *","kill_grace":"1s","command":"echo $$ > )" + mark +
                                            R"(; exec sleep 600")"),
              201);
    ASSERT_EQ(cronfleet.ask("POST", "/api/v1/jobs/long:run", "{}").status, 202);
    ASSERT_TRUE(eventually([&] { return !lines_of(mark).empty(); }));
    cronfleet.process().signal(SIGKILL);
    cronfleet.process().wait();
  }
  const pid_t child = std::stoi(lines_of(mark).front());
  EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; })) << "the runner ends what its worker left";
  Standalone again(folder / "data");
  ASSERT_TRUE(again.wait_until_ready()) << again.process().errors();
  ASSERT_TRUE(eventually([&] {
    const auto runs = again.runs("long");
    return runs.size() == 1 && text_of(runs[0], "status") == "killed" && text_of(runs[0], "reason") == "worker_died";
  })) << boost::json::value(again.runs("long").empty() ? boost::json::object() : again.runs("long")[0]);
}

TEST(Standalone, ADisabledJobStartsNothingASecondLater) {
  Folder folder;
  Standalone cronfleet(folder / "data");
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth")), 201);
  ASSERT_TRUE(eventually([&] { return lines_of(folder / "truth").size() >= 2; }));
  ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth") + R"(,"enabled":false)"), 200);
  const auto acknowledged = std::chrono::system_clock::now();
  ASSERT_EQ(cronfleet.put_job("other", truth_job(folder / "other")), 201);
  ASSERT_TRUE(eventually([&] { return lines_of(folder / "other").size() >= 3; }));
  const auto bound =
      from_seconds(std::chrono::duration_cast<seconds>(acknowledged.time_since_epoch()).count()) + seconds(1);
  for (const std::string& line : lines_of(folder / "truth"))
    EXPECT_LE(parse_rfc3339(line.substr(5, 20)).value(), bound) << line;
}

TEST(Standalone, ASecondProcessIsRefusedAndNamesTheHolder) {
  Folder folder;
  Standalone first(folder / "data");
  ASSERT_TRUE(first.wait_until_ready()) << first.process().errors();
  Process same_folder({binary(), "standalone", "--data-dir", (folder / "data").string(), "--port", "0"});
  EXPECT_EQ(same_folder.wait(), 69);
  EXPECT_NE(same_folder.errors().find(std::to_string(first.process().pid())), std::string::npos)
      << same_folder.errors();
  Process same_port(
      {binary(), "standalone", "--data-dir", (folder / "other").string(), "--port", std::to_string(first.port())});
  EXPECT_EQ(same_port.wait(), 69);
  EXPECT_NE(same_port.errors().find("http.port"), std::string::npos) << same_port.errors();
}

TEST(Standalone, BadConfigurationIsToldAllAtOnce) {
  Folder folder;
  std::ofstream(folder / "c.json")
      << R"({"http": {"apiPort": 99999, "adress": "127.0.0.1"}, "worker": {"capacity": "many"}})";
  Process process({binary(), "standalone", "--config", (folder / "c.json").string()});
  EXPECT_EQ(process.wait(), 78);
  for (const char* part : {"http.apiPort", "adress", "address", "worker.capacity"})
    EXPECT_NE(process.errors().find(part), std::string::npos) << part << "\n" << process.errors();
  Process open({binary(), "standalone", "--data-dir", (folder / "d").string(), "--set", "http.address=0.0.0.0"});
  EXPECT_EQ(open.wait(), 78);
  EXPECT_NE(open.errors().find("127.0.0.1"), std::string::npos) << open.errors();
  Process flag({binary(), "standalone", "--no-such-flag"});
  EXPECT_EQ(flag.wait(), 2);
}

TEST(Standalone, AddressesOfTheReferenceNameTheKeyThatMountsThem) {
  Folder folder;
  Standalone cronfleet(folder / "data");
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  for (const auto& [method, path] : {std::pair("GET", "/job/list"), std::pair("POST", "/job/kill")}) {
    const HttpAnswer refused = cronfleet.ask(method, path);
    EXPECT_EQ(refused.status, 404) << path;
    EXPECT_NE(refused.body.find("compat.enabled: true mounts it"), std::string::npos) << refused.body;
  }
}

TEST(Standalone, KeepsItsFilesToItself) {
  Folder folder;
  ::umask(0);
  Standalone cronfleet(folder / "data");
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth")), 201);
  ASSERT_TRUE(eventually([&] { return !lines_of(folder / "truth").empty(); }));
  ::umask(022);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "data")) {
    struct stat about{};
    if (::lstat(entry.path().c_str(), &about) != 0) continue;  // it came and went
    EXPECT_EQ(about.st_mode & 077, 0u) << entry.path();
  }
}

// Store writes answer 507 on a full disk, nothing starts without a durable claim, and it recovers by itself.
TEST(Standalone, AFullDiskRefusesWritesAndRecovers) {
  Folder folder;
  const std::filesystem::path small = folder / "small";
  std::filesystem::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=24m") != 0)
    GTEST_SKIP() << "a small file system is needed: mounting tmpfs takes root";
  struct Unmount {
    std::string path;
    ~Unmount() { ::umount2(path.c_str(), MNT_DETACH); }
  } unmount{small.string()};
  Standalone cronfleet(small / "data");
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth")), 201);
  ASSERT_TRUE(eventually([&] { return lines_of(folder / "truth").size() >= 2; }));
  {
    std::ofstream filler(small / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }
  const std::string big = R"("schedule":"0 0 1 1 *","command":")" + std::string(60'000, 'x') + "\"";
  int status = 0;
  ASSERT_TRUE(eventually([&] {
    status = cronfleet.put_job("big-" + std::to_string(::random()), big);
    return status == 507;
  })) << status;
  EXPECT_TRUE(cronfleet.process().running());
  EXPECT_TRUE(eventually([&] {
    const std::string ready = cronfleet.ask("GET", "/readyz").body;
    return ready.find(R"("status":"degraded")") != std::string::npos &&
           ready.find(R"("coordination":"full")") != std::string::npos;
  })) << cronfleet.ask("GET", "/readyz").body;
  EXPECT_TRUE(eventually([&] {
    return cronfleet.ask("GET", "/api/v1/alarms").body.find(R"("code":"store_space")") != std::string::npos;
  })) << cronfleet.ask("GET", "/api/v1/alarms").body;
  std::filesystem::remove(small / "filler");
  EXPECT_TRUE(eventually([&] {
    return cronfleet.ask("GET", "/readyz").body.find(R"("status":"ready")") != std::string::npos;
  })) << cronfleet.ask("GET", "/readyz").body;
  EXPECT_TRUE(eventually([&] { return cronfleet.put_job("after", big) / 100 == 2; }));
  const std::size_t before = lines_of(folder / "truth").size();
  EXPECT_TRUE(eventually([&] { return lines_of(folder / "truth").size() > before + 1; }))
      << cronfleet.process().errors();
  const auto lines = lines_of(folder / "truth");
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), lines.size()) << "a firing started twice";
}

// The child of `parent` that goes by the runner's name; 0: none.
pid_t runner_of(pid_t parent) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stat = read_file(entry.path() / "stat");
    if (stat.find("(cronfleet-run) ") == std::string::npos) continue;
    std::istringstream rest(stat.substr(stat.rfind(')') + 1));
    std::string state;
    pid_t above = 0;
    if (rest >> state >> above && above == parent) return std::stoi(name);
  }
  return 0;
}

// REL-F25: under a limit of descriptors it claims nothing and says why; no run is lost or doubled; it goes on by
// itself.
TEST(Standalone, WithoutRoomItClaimsNothingAndRecovers) {
  Folder folder;
  Standalone cronfleet(folder / "data");
  ASSERT_TRUE(cronfleet.wait_until_ready()) << cronfleet.process().errors();
  ASSERT_EQ(cronfleet.put_job("tick", truth_job(folder / "truth") + R"(,"misfire":"skip","start_deadline":"1s")"), 201);
  ASSERT_TRUE(eventually([&] { return lines_of(folder / "truth").size() >= 2; }));
  const pid_t runner = runner_of(cronfleet.process().pid());
  ASSERT_GT(runner, 0);
  rlimit was{};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, nullptr, &was), 0);
  const rlimit low{64, was.rlim_max};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &low, nullptr), 0);
  const auto worker = [&] { return cronfleet.ask("GET", "/api/v1/workers").body; };
  const auto says = [&](const std::string& part) { return worker().find(part) != std::string::npos; };
  ASSERT_TRUE(eventually([&] { return says("RLIMIT_NOFILE") && says("\"accepting\":false"); })) << worker();
  EXPECT_NE(cronfleet.process().errors().find("no room for runs"), std::string::npos);
  // What was claimed before that is over soon; nothing starts any more, and what comes due is missed.
  const auto count = [&](const std::string& status) {
    const auto runs = cronfleet.runs("tick");
    return std::count_if(runs.begin(), runs.end(), [&](const auto& run) { return text_of(run, "status") == status; });
  };
  ASSERT_TRUE(eventually([&] { return count("running") == 0; }));
  const std::size_t before = lines_of(folder / "truth").size();
  const auto overdue_at = std::chrono::steady_clock::now() + seconds(4);  // past the deadline of some instants
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() >= overdue_at; }));
  EXPECT_EQ(lines_of(folder / "truth").size(), before) << "it started without room";
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &was, nullptr), 0);
  ASSERT_TRUE(eventually([&] { return lines_of(folder / "truth").size() >= before + 2; }))
      << cronfleet.process().errors();
  ASSERT_TRUE(eventually([&] { return says("\"accepting\":true"); })) << worker();
  ASSERT_TRUE(eventually([&] { return count("missed") >= 1; }));
  for (const auto& run : cronfleet.runs("tick")) EXPECT_NE(text_of(run, "status"), "lost") << text_of(run, "id");
  const auto lines = lines_of(folder / "truth");
  EXPECT_EQ(std::set<std::string>(lines.begin(), lines.end()).size(), lines.size()) << "a firing started twice";
}

TEST(Standalone, TellsTheServiceManager) {
  Folder folder;
  const std::string path = (folder / "notify").string();
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  timeval limit{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::set<std::string> heard;
  const auto hear = [&](const std::string& wanted) {
    char buffer[256];
    while (heard.count(wanted) == 0) {
      const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      heard.insert(std::string(buffer, static_cast<std::size_t>(got)));
    }
    return true;
  };
  Standalone cronfleet(folder / "data", {}, {{"NOTIFY_SOCKET", path}, {"WATCHDOG_USEC", "200000"}});
  EXPECT_TRUE(hear("READY=1"));
  heard.clear();
  EXPECT_TRUE(hear("WATCHDOG=1"));
  cronfleet.process().signal(SIGTERM);
  EXPECT_TRUE(hear("STOPPING=1"));
  EXPECT_EQ(cronfleet.process().wait(), 0);
  ::close(fd);
}

}  // namespace
}  // namespace cronfleet::integration

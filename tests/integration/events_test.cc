// GET /api/v1/events over real sockets: what is told, resuming, and clients that do not keep up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <deque>
#include <set>

#include "api/raw_client.h"
#include "tests/integration/api_server.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using api::RawClient;
using testing::ApiServer;
using ::testing::HasSubstr;
namespace json = boost::json;

constexpr std::string_view kJob = R"({"schedule":"0 2 * * *","command":"true"})";

struct Event {
  std::string type, id;
  json::value data;
};

// One client that reads event by event.
class Listener {
 public:
  explicit Listener(std::uint16_t port, std::string_view query = "", std::string_view more = "") : client_(port) {
    client_.send(fmt::format("GET /api/v1/events{} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", query, more));
    head_ = client_.take_until("\r\n\r\n");
  }
  const std::string& head() const { return head_; }

  // Blocks until one is there; comments are passed over.
  Event next() {
    for (;;) {
      std::string_view text = waiting_;
      const auto end = text.find("\n\n");
      if (end == std::string_view::npos) {
        const std::string chunk = take_chunk();
        if (chunk.empty()) return {.type = "closed", .id = {}, .data = {}};
        waiting_ += chunk;
        continue;
      }
      Event event;
      for (std::string_view rest = text.substr(0, end + 1); !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        if (line.starts_with("event: ")) event.type = line.substr(7);
        if (line.starts_with("id: ")) event.id = line.substr(4);
        if (line.starts_with("data: ")) event.data = json::parse({line.data() + 6, line.size() - 6});
        rest.remove_prefix(line.size() + 1);
      }
      waiting_.erase(0, end + 2);
      if (!event.type.empty()) return event;
    }
  }
  // The next of this type; those before it are dropped.
  Event next(std::string_view type) {
    for (;;) {
      Event event = next();
      if (event.type == type || event.type == "closed") return event;
    }
  }

 private:
  std::string take_chunk() {
    const std::string size = client_.take_until("\r\n");
    std::size_t length = 0;
    std::from_chars(size.data(), size.data() + size.size(), length, 16);
    if (length == 0) return {};
    return client_.take_bytes(length + 2).substr(0, length);
  }

  RawClient client_;
  std::string head_, waiting_;
};

class Events : public ::testing::Test {
 protected:
  RawAnswer call(std::string_view method, std::string_view path, std::string_view body = "",
                 std::string_view more = "") {
    return RawClient(server_.port())
        .ask(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}Content-Length: "
                         "{}\r\n\r\n{}",
                         method, path, more, body.size(), body));
  }
  std::int64_t save(std::string_view name, std::string_view document = kJob) {
    const RawAnswer answer = call("PUT", fmt::format("/api/v1/jobs/{}", name), document, "If-None-Match: *\r\n");
    EXPECT_EQ(answer.status, 201) << answer.body;
    return json::parse(answer.body).at("revision").as_int64();
  }
  core::RunningEntry running(std::string_view job) {
    core::RunningEntry entry;
    const WallTime at = from_ms(to_ms(server_.now()) / 1000 * 1000);
    entry.run = {.firing = {.job = JobName(std::string(job)), .which = at}, .attempt = 1};
    entry.incarnation = Incarnation("00000000000000000000000000000001");
    entry.token = Token("00000000000000000000000000000002");
    entry.job_revision = 7;
    entry.scheduled_at = entry.claimed_at = at;
    return entry;
  }

  ApiServer server_;
};

TEST_F(Events, HelloSaysWhatIsListenedTo) {
  Listener all(server_.port());
  EXPECT_THAT(all.head(), HasSubstr("Content-Type: text/event-stream"));
  const Event hello = all.next();
  EXPECT_EQ(hello.type, "hello");
  EXPECT_EQ(hello.data.at("topics").as_array().size(), 4u);
  EXPECT_EQ(hello.data.at("resumed"), false);
  EXPECT_FALSE(hello.id.empty());
  Listener some(server_.port(), "?topics=runs,jobs");
  EXPECT_EQ(json::serialize(some.next().data.at("topics")), R"(["jobs","runs"])");
}

TEST_F(Events, BadRequestsAreToldSo) {
  const RawAnswer topic = call("GET", "/api/v1/events?topics=runz");
  EXPECT_EQ(topic.status, 400);
  EXPECT_THAT(topic.body, HasSubstr(R"("suggestion":"runs")"));
  EXPECT_EQ(call("GET", "/api/v1/events?topic=runs").status, 400);
  EXPECT_EQ(call("GET", "/api/v1/events", "", "Accept: text/html\r\n").status, 406);
  EXPECT_EQ(call("POST", "/api/v1/events").status, 405);
}

TEST_F(Events, TellsOfJobs) {
  Listener listener(server_.port(), "?topics=jobs");
  listener.next("hello");
  const auto revision = save("nightly");
  const Event saved = listener.next();
  EXPECT_EQ(saved.type, "job");
  EXPECT_EQ(saved.data.at("revision"), revision);
  EXPECT_EQ(saved.data.at("job").at("name"), "nightly");
  EXPECT_EQ(saved.data.at("job").at("next_firings").as_array().size(), 5u);
  EXPECT_FALSE(saved.data.at("job").at("job").as_object().contains("stamp"));
  // One put by hand that nobody can read is told of as well.
  server_.put(server_.keys.job(JobName("by hand")), "{\"command\":");
  const Event invalid = listener.next();
  EXPECT_EQ(invalid.data.at("job").at("valid"), false);
  EXPECT_EQ(call("DELETE", "/api/v1/jobs/nightly", "", "If-Match: *\r\n").status, 200);
  const Event deleted = listener.next();
  EXPECT_EQ(deleted.type, "job_deleted");
  EXPECT_EQ(deleted.data.at("name"), "nightly");
  EXPECT_GT(deleted.data.at("revision").as_int64(), revision);
}

TEST_F(Events, TellsOfTheLifeOfARun) {
  save("nightly");
  Listener listener(server_.port(), "?topics=runs");
  listener.next("hello");
  const RawAnswer asked = call("POST", "/api/v1/jobs/nightly:run", "{}");
  const Event waiting = listener.next();
  EXPECT_EQ(waiting.data.at("run").at("id"), json::parse(asked.body).at("run_id"));
  EXPECT_EQ(waiting.data.at("run").at("status"), "waiting");

  core::RunningEntry entry = running("nightly");
  const std::string key = server_.keys.running(NodeId("node-1"), entry.run);
  server_.put(key, core::encode(entry));
  const Event claimed = listener.next();
  EXPECT_EQ(claimed.type, "run");
  EXPECT_EQ(claimed.data.at("run").at("id"), entry.run.text().c_str());
  EXPECT_EQ(claimed.data.at("run").at("worker"), "node-1");
  entry.phase = core::Phase::Ended;
  entry.end.status = domain::RunStatus::Failed;
  entry.end.exit_code = 3;
  server_.put(key, core::encode(entry));
  const Event ended = listener.next();
  EXPECT_EQ(ended.data.at("run").at("status"), "failed");
  EXPECT_EQ(ended.data.at("run").at("exit_code"), 3);
  EXPECT_GT(ended.data.at("revision").as_int64(), claimed.data.at("revision").as_int64());
  server_.remove(key);
  const Event recorded = listener.next();
  EXPECT_EQ(recorded.type, "run_recorded");
  EXPECT_EQ(recorded.data.at("id"), entry.run.text().c_str());
}

TEST_F(Events, TellsOfWorkersAndOfTheSystem) {
  Listener workers(server_.port(), "?topics=workers"), system(server_.port(), "?topics=system");
  workers.next("hello");
  const Event first = system.next("system");
  EXPECT_EQ(first.data.at("dependencies").at("coordination"), "ok");
  EXPECT_EQ(first.data.at("alarms").at(0).at("code"), "no_workers");

  core::WorkerEntry worker;
  worker.node = NodeId("node-1");
  worker.host = "host";
  worker.incarnation = Incarnation("00000000000000000000000000000001");
  worker.capacity = 8;
  worker.warnings = {"disk 3 MB left"};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  const Event ready = workers.next();
  EXPECT_EQ(ready.type, "worker");
  EXPECT_EQ(ready.data.at("worker").at("node"), "node-1");
  EXPECT_EQ(ready.data.at("worker").at("state"), "ready");
  Event told = system.next("system");
  EXPECT_EQ(told.data.at("alarms").at(0).at("code"), "disk_full");
  EXPECT_EQ(call("POST", "/api/v1/workers/node-1:drain", "{}").status, 200);
  EXPECT_EQ(workers.next().data.at("worker").at("settings").at("drain"), true);
  server_.remove(server_.keys.worker(worker.node));
  Event gone = workers.next();
  while (gone.data.at("worker").at("state") != "gone") gone = workers.next();
}

TEST_F(Events, ResumesWithoutAGap) {
  std::string last;
  {
    Listener listener(server_.port(), "?topics=jobs");
    listener.next("hello");
    save("a");
    last = listener.next("job").id;
  }
  save("b");
  server_.put(server_.keys.job(JobName("c")), kJob.data());
  for (const bool by_header : {true, false}) {
    Listener again(server_.port(), by_header ? "?topics=jobs" : "?topics=jobs&last_event_id=" + last,
                   by_header ? "Last-Event-ID: " + last + "\r\n" : "");
    const Event hello = again.next();
    EXPECT_EQ(hello.data.at("resumed"), true);
    EXPECT_EQ(hello.id, last);
    EXPECT_EQ(again.next().data.at("job").at("name"), "b");
    EXPECT_EQ(again.next().data.at("job").at("name"), "c");
  }
}

TEST_F(Events, OfAnotherServerItSaysResync) {
  for (const char* id : {"00000000.1", "x", "412"}) {
    Listener listener(server_.port(), "", fmt::format("Last-Event-ID: {}\r\n", id));
    EXPECT_EQ(listener.next().data.at("resumed"), false);
    EXPECT_EQ(listener.next().type, "resync") << id;
    save(fmt::format("job-{}", id));
    EXPECT_EQ(listener.next("job").type, "job");
  }
}

TEST_F(Events, WhoDoesNotReadIsToldToLookAnew) {
  Listener slow(server_.port(), "?topics=jobs"), quick(server_.port(), "?topics=jobs");
  quick.next("hello");
  // More than all buffers between the two ends and the log of the server hold together.
  const std::string large = fmt::format(R"({{"command":"{}"}})", std::string(200 << 10, 'x'));
  constexpr int kSaves = 300;
  for (int i = 0; i < kSaves; ++i) {
    server_.put(server_.keys.job(JobName("large")), large + std::string(static_cast<std::size_t>(i), ' '));
    EXPECT_EQ(quick.next().type, "job");
  }
  slow.next("hello");
  int read = 0;
  Event event = slow.next();
  for (; event.type == "job"; event = slow.next()) ++read;
  EXPECT_EQ(event.type, "resync");
  EXPECT_LT(read, kSaves);
  save("after");
  EXPECT_EQ(slow.next().data.at("job").at("name"), "after");
}

// Each sees every save, in one order.
TEST_F(Events, ManyListenersSeeTheSame) {
  std::deque<Listener> listeners;
  for (int i = 0; i < 100; ++i) listeners.emplace_back(server_.port(), "?topics=jobs").next("hello");
  for (int i = 0; i < 20; ++i) save(fmt::format("job-{}", i));
  std::set<std::string> seen;
  for (Listener& listener : listeners) {
    std::string all;
    for (int i = 0; i < 20; ++i) {
      const Event event = listener.next("job");
      all += event.id + json::serialize(event.data);
    }
    seen.insert(all);
  }
  EXPECT_EQ(seen.size(), 1u);
}

}  // namespace
}  // namespace cronfleet

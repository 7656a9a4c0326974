// What the reference answered (tests/data/compat/README.md), asked of the real binary: equal status, media type and
// bytes, but for the differences that tests/data/compat/differences.tsv lists. A listed one that is none fails too.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <functional>
#include <future>
#include <thread>

#include "api/raw_client.h"
#include "async/asio_loop.h"
#include "async/await.h"
#include "base/token.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "core/entries.h"
#include "history/sqlite/sqlite_run_history.h"
#include "tests/integration/process.h"
#include "tests/services/etcd_server.h"

namespace cronfleet::integration {
namespace {

namespace json = boost::json;

constexpr const char* kFolder = "tests/data/compat/";

struct Listed {
  std::string kind;    // difference, or unreplayable: needs what this set-up does not have
  std::string reason;  // one of docs/compatibility.md
};

std::map<std::string, Listed> read_listed() {
  std::map<std::string, Listed> all;
  std::ifstream file(std::string(kFolder) + "differences.tsv");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const auto one = line.find('\t'), two = line.find('\t', one + 1);
    all[line.substr(0, one)] = {line.substr(one + 1, two - one - 1), line.substr(two + 1)};
  }
  return all;
}

std::map<std::string, json::object> read_pairs(std::vector<std::string>& order) {
  std::map<std::string, json::object> all;
  std::ifstream file(std::string(kFolder) + "pairs.jsonl");
  for (std::string line; std::getline(file, line);) {
    json::object pair = json::parse(line).as_object();
    order.emplace_back(pair.at("id").as_string());
    all[order.back()] = std::move(pair);
  }
  return all;
}

std::string text(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}
std::int64_t number(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

std::string body_of(const json::object& request) {
  std::string body = text(request, "body");
  if (const json::value* parts = request.if_contains("body_gen")) {
    for (const json::value& part : parts->as_array())
      for (std::int64_t i = part.at(1).as_int64(); i > 0; --i) body += part.at(0).as_string();
  }
  return body;
}

domain::RunRecord record_of(const json::object& row) {
  domain::RunRecord record;
  record.id.firing = {.job = JobName(text(row, "jobName")), .which = from_ms(number(row, "expectTime"))};
  record.command = text(row, "command");
  record.output = text(row, "output");
  record.scheduled_at = from_ms(number(row, "expectTime"));
  record.claimed_at = from_ms(number(row, "realityTime"));
  record.end.started_at = from_ms(number(row, "startTime"));
  record.end.ended_at = from_ms(number(row, "endTime"));
  const std::string error = text(row, "err");
  record.end.status = error.empty()                 ? domain::RunStatus::Succeeded
                      : error.starts_with("signal") ? domain::RunStatus::Killed
                                                    : domain::RunStatus::Failed;
  if (error.starts_with("signal")) record.end.signal = 9;
  if (error.starts_with("exit status ")) record.end.exit_code = std::stoi(error.substr(12));
  record.worker = NodeId("recorded");
  return record;
}

// Puts what stood in the stores before the process begins.
void prepare(const std::filesystem::path& folder, const json::object& pair) {
  std::filesystem::create_directories(folder);
  async::SystemClock clock;
  async::AsioLoop loop(clock);
  std::thread thread([&] { loop.run(); });
  if (const json::value* keys = pair.if_contains("etcd_before")) {
    auto store = coord::SqliteCoordStore::open({.folder = folder / "coord"}, loop, clock);
    CHECK(store.has_value());
    for (const auto& [key, value] : keys->as_object()) {
      core::Txn txn;
      txn.writes = {{std::string(key), std::string(value.as_string())}};
      const auto put = async::await<std::vector<core::TxnAnswer>>(
          [&](auto done) { (*store)->commit({std::move(txn)}, std::move(done)); });
      CHECK(put.has_value());
    }
  }
  if (const json::value* rows = pair.if_contains("log_rows_before")) {
    auto history = history::SqliteRunHistory::open((folder / "history.db").string(), loop, clock,
                                                   {.retention = {.age = std::chrono::hours(0)}});
    CHECK(history.has_value());
    std::vector<domain::RunRecord> records;
    for (const json::value& row : rows->as_array()) records.push_back(record_of(row.as_object()));
    std::vector<domain::OutputChunk> chunks;
    for (const domain::RunRecord& record : records)
      chunks.push_back({.run = record.id, .written_at = record.end.started_at, .bytes = record.output});
    std::erase_if(chunks, [](const auto& chunk) { return chunk.bytes.empty(); });
    CHECK(
        async::await<std::size_t>([&](auto done) { (*history)->append_output(chunks, std::move(done)); }).has_value());
    CHECK(async::await<std::vector<history::Inserted>>([&](auto done) {
            (*history)->insert(std::move(records), std::move(done));
          }).has_value());
  }
  loop.stop();
  thread.join();
}

const std::map<std::string, std::string> kShanghai{{"TZ", "Asia/Shanghai"}};

class Server {
 public:
  // `standalone`, with what stood in the stores at first.
  explicit Server(const json::object& pair) : data_(folder_ / "data") {
    prepare(data_, pair);
    standalone_.emplace(
        data_, std::vector<std::string>{"--set", "compat.enabled=true", "--set", "history.retention_age=87600h"},
        kShanghai);
    process_ = &*standalone_;
    CHECK(process_->wait_until_ready());
  }
  // A master over an etcd of its own, with a worker where that takes nothing from what stood in it.
  struct Fleet {};
  Server(Fleet, const json::object& pair)
      : etcd_(std::make_unique<testing::EtcdServer>(
            testing::EtcdServerOptions{.place = testing::TemporaryFolder::Place::Memory})) {
    CHECK(etcd_->wait_until_healthy());
    if (const json::value* keys = pair.if_contains("etcd_before")) {
      for (const auto& [key, value] : keys->as_object())
        etcd_->etcdctl({"put", "--", std::string(key), std::string(value.as_string())});
    }
    const std::string endpoints = "etcd.endpoints=" + etcd_->endpoint(0);
    master_.emplace(std::vector<std::string>{binary(), "master", "--port", "0", "--set", endpoints, "--set",
                                             "compat.enabled=true", "--set", "history.backend=local"},
                    kShanghai);
    process_ = &*master_;
    CHECK(process_->wait_until_ready());
    if (pair.contains("etcd_before")) return;
    worker_.emplace(std::vector<std::string>{binary(), "worker", "--data-dir", (folder_ / "w1").string(), "--set",
                                             "node_id=w1", "--set", "worker.shutdown_grace=0s", "--set",
                                             "history.backend=local", "--set", endpoints},
                    kShanghai);
    CHECK(eventually([&] { return !workers().empty(); }));
  }

  api::RawAnswer ask(const json::object& request) const {
    const std::string method = text(request, "method"), body = body_of(request);
    std::string head = method + " " + text(request, "path") + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
    for (const auto& [name, value] : request.at("headers").as_object())
      head += std::string(name) + ": " + std::string(value.as_string()) + "\r\n";
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
      head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    api::RawClient client(process_->port());
    client.send(head + "\r\n" + body);
    return client.receive(method != "HEAD");
  }

  // The list of workers without the one that lives in this process.
  std::string without_own_worker(const std::string& body) {
    const std::string node =
        standalone_ ? std::string(process_->ask("GET", "/api/v1/system").json().at("node").as_string()) : "w1";
    std::string own = "\"" + node + "\"";
    for (const json::value& worker : workers()) {
      const std::string address = text(worker.as_object(), "address");
      if (text(worker.as_object(), "node") == node && !address.empty()) own = "\"" + address + "\"";
    }
    std::string out = body;
    for (const std::string& part : {"," + own, own + ",", own}) {
      if (const auto at = out.find(part); at != std::string::npos) return out.erase(at, part.size());
    }
    return out;
  }

  void remove_jobs() {
    const json::value jobs = process_->ask("GET", "/api/v1/jobs?limit=500").json();
    for (const json::value& item : jobs.at("items").as_array()) {
      const std::string name(item.at("name").as_string());
      const auto gone = process_->ask("DELETE", "/api/v1/jobs/" + percent_encoded(name), "", {{"If-Match", "*"}});
      CHECK(gone.status == 200);
    }
  }

  integration::Server& process() { return *process_; }

  bool wait_for_a_run() {
    return eventually([&] {
      const auto runs = process_->ask("GET", "/api/v1/runs?status=running");
      return runs.status == 200 && !runs.json().at("items").as_array().empty();
    });
  }

 private:
  json::array workers() {
    const HttpAnswer answer = process_->ask("GET", "/api/v1/workers");
    return answer.status == 200 ? answer.json().at("items").as_array() : json::array();
  }

  Folder folder_;
  std::filesystem::path data_;
  std::optional<Standalone> standalone_;
  std::unique_ptr<testing::EtcdServer> etcd_;
  std::optional<integration::Server> master_;
  std::optional<Process> worker_;
  integration::Server* process_ = nullptr;
};

// Empty where the answers are equal.
std::string difference(const json::object& pair, const api::RawAnswer& got, const std::string& body) {
  const json::object& want = pair.at("response").as_object();
  const auto status = want.at("status").is_null() ? 0 : want.at("status").as_int64();
  if (status != got.status) return fmt::format("status {} instead of {}: {}", got.status, status, body);
  if (body != text(want, "body")) return fmt::format("{}\n  instead of {}", body, text(want, "body"));
  const json::value* type = want.at("headers").as_object().if_contains("Content-Type");
  const std::string wanted = type != nullptr ? std::string(type->as_string()) : "";
  if (status == 200 && got.header("content-type") != wanted)
    return fmt::format("Content-Type {} instead of {}", got.header("content-type"), wanted);
  return {};
}

// Replays all pairs that `can_be` replayed, each with a server that `make` makes.
void replay(const std::function<std::unique_ptr<Server>(const json::object& pair)>& make,
            const std::function<bool(const json::object& pair)>& can_be) {
  std::vector<std::string> order;
  const auto pairs = read_pairs(order);
  const auto listed = read_listed();
  ASSERT_GT(pairs.size(), 100u);
  for (const auto& [id, entry] : listed) EXPECT_EQ(pairs.count(id), 1u) << id << " is listed and no pair";
  const std::string documented = read_file("docs/compatibility.md");

  std::map<std::string, std::unique_ptr<Server>> servers;  // by what stands in their stores at first
  std::size_t equal = 0, different = 0, unreplayed = 0;
  for (const std::string& id : order) {
    const json::object& pair = pairs.at(id);
    const auto entry = listed.find(id);
    if (entry != listed.end()) {
      EXPECT_NE(documented.find("**" + entry->second.reason + ".**"), std::string::npos)
          << id << ": docs/compatibility.md does not explain '" << entry->second.reason << "'";
    }
    if ((entry != listed.end() && entry->second.kind == "unreplayable") || !can_be(pair)) {
      ++unreplayed;
      continue;
    }
    const bool own_stores = pair.contains("etcd_before");
    const json::value* rows = pair.if_contains("log_rows_before");
    auto& server = servers[rows != nullptr ? json::serialize(*rows) : own_stores ? id : ""];
    if (!server) server = make(pair);
    for (const json::value& step : pair.at("setup").as_array())
      server->ask(pairs.at(std::string(step.as_string())).at("request").as_object());
    if (text(pair, "note").find("once the lock key exists") != std::string::npos) {
      EXPECT_TRUE(server->wait_for_a_run()) << id;
    }
    const api::RawAnswer got = server->ask(pair.at("request").as_object());
    const bool workers = text(pair.at("request").as_object(), "path").starts_with("/worker/list");
    const std::string found = difference(pair, got, workers ? server->without_own_worker(got.body) : got.body);
    if (entry == listed.end()) {
      EXPECT_EQ(found, "") << id << ": " << text(pair, "title");
      equal += found.empty() ? 1 : 0;
    } else {
      EXPECT_NE(found, "") << id << " is listed as a difference and is none";
      different += found.empty() ? 0 : 1;
    }
    if (own_stores) {
      servers.erase(id);
    } else if (rows == nullptr) {
      server->remove_jobs();
    }
  }
  std::printf("%zu pairs: %zu equal, %zu listed differences, %zu not replayed\n", order.size(), equal, different,
              unreplayed);
}

TEST(CompatReplay, EqualBytesButForTheListedDifferences) {
  replay([](const json::object& pair) { return std::make_unique<Server>(pair); },
         [](const json::object&) { return true; });
}

// The same from a master over a real etcd, but for the pairs that list what stood in the reference's MongoDB, and those
// with keys of somebody else under our prefix, which a master refuses to share.
TEST(CompatReplay, AMasterAnswersAsStandaloneDoes) {
  if (const std::string missing = testing::EtcdProgram::debian().missing; !missing.empty()) GTEST_SKIP() << missing;
  const auto can_be = [](const json::object& pair) {
    if (pair.contains("log_rows_before")) return false;
    const json::value* before = pair.if_contains("etcd_before");
    return before == nullptr ||
           std::all_of(before->as_object().begin(), before->as_object().end(),
                       [](const auto& entry) { return core::Keys().has(std::string(entry.key())); });
  };
  replay([](const json::object& pair) { return std::make_unique<Server>(Server::Fleet{}, pair); }, can_be);
}

json::object form(const std::string& path, const std::string& body, json::object headers = {}) {
  headers["Content-Type"] = "application/x-www-form-urlencoded";
  return {{"method", "POST"}, {"path", path}, {"headers", headers}, {"body", body}};
}
json::object get(const std::string& path) {
  return {{"method", "GET"}, {"path", path}, {"headers", json::object()}, {"body", nullptr}};
}

TEST(Compat, WhatASaveMakesOfTheDocument) {
  Server server({});
  const auto save = [&](const std::string& name, const std::string& expression) {
    const json::object job = {{"name", name}, {"command", "true"}, {"cronExpr", expression}};
    return server.ask(form("/job/save", "job=" + percent_encoded(json::serialize(job)))).body;
  };
  const std::string success = R"({"errno":1,"msg":"success","data":null})";
  EXPECT_EQ(save("noon", "0 12 * * * *"), success);
  EXPECT_EQ(save("year", "0 12 * * * 2099"), success);
  EXPECT_EQ(save("seven", "0 0 12 * * * *"), success);
  EXPECT_EQ(save("macro", "@daily"), success);
  EXPECT_NE(save("eight", "0 0 12 * * * * x").find(R"("errno":-1)"), std::string::npos);
  EXPECT_NE(save("past", "0 0 0 1 1 * 2001").find(R"("errno":-1)"), std::string::npos) << "it would never fire";
  const json::value noon = server.process().ask("GET", "/api/v1/jobs/noon").json();
  EXPECT_EQ(noon.at("job").at("schedule"), "0 0 12 * * * *") << "minute first, as the reference reads six words";
  EXPECT_EQ(noon.at("job").at("time_zone"), "Asia/Shanghai") << "of TZ, written down";
  EXPECT_FALSE(noon.at("job").as_object().contains("overlap")) << "forbid is the default";
  EXPECT_EQ(server.process().ask("GET", "/api/v1/jobs/year").json().at("job").at("schedule"), "0 12 * * * 2099");
  EXPECT_EQ(server.ask(get("/job/list")).body,
            R"({"errno":1,"msg":"success","data":[{"name":"macro","command":"true","cronExpr":"@daily"},)"
            R"({"name":"noon","command":"true","cronExpr":"0 0 12 * * * *"},)"
            R"({"name":"seven","command":"true","cronExpr":"0 0 12 * * * *"},)"
            R"({"name":"year","command":"true","cronExpr":"0 12 * * * 2099"}]})");
  EXPECT_EQ(server.ask(get("/job%2Flist")).body, server.ask(get("/job/list")).body);
}

TEST(Compat, TransportRefusalsKeepTheirStatusAndHaveTheForm) {
  Server server({});
  struct Case {
    const char* why;
    json::object request;
    int status;
  };
  const Case kCases[] = {
      {"no browser", form("/job/kill", "name=x"), 200},
      {"own page", form("/job/kill", "name=x", {{"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://127.0.0.1"}}),
       200},
      {"foreign page", form("/job/kill", "name=x", {{"Origin", "http://evil.example"}}), 403},
      {"opaque origin", form("/job/delete", "name=x", {{"Origin", "null"}}), 403},
      {"other site", form("/job/save", "job={}", {{"Sec-Fetch-Site", "cross-site"}}), 403},
      {"same site, other port", form("/job/save", "job={}", {{"Sec-Fetch-Site", "same-site"}}), 403},
      {"a link", get("/job/kill"), 405},
      {"at the limit", form("/job/kill", "name=" + std::string((1 << 20) - 5, 'x')), 200},
      {"one past it", form("/job/kill", "name=" + std::string((1 << 20) - 4, 'x')), 413},
  };
  for (const Case& c : kCases) {
    const api::RawAnswer answer = server.ask(c.request);
    EXPECT_EQ(answer.status, c.status) << c.why << answer.body;
    EXPECT_EQ(answer.header("content-type"), "text/plain; charset=utf-8") << c.why;
    EXPECT_TRUE(answer.body.starts_with(c.status == 200 ? R"({"errno":1,)" : R"({"errno":-1,"msg":")")) << answer.body;
    EXPECT_TRUE(answer.body.ends_with(R"("data":null})")) << answer.body;
  }
}

// As the reference's server does it: its clients know no other form. What stands under /api/ is ours.
TEST(Compat, AddressesThatNobodyHas) {
  Server server({});
  for (const char* path : {"/metrics", "/api", "/API/v1/jobs", "/job/list/"}) {
    const api::RawAnswer answer = server.ask(get(path));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.header("content-type"), "text/plain; charset=utf-8") << path;
    EXPECT_EQ(answer.body, "404 page not found\n") << path;
  }
  EXPECT_EQ(server.ask(get("/job/./list")).status, 301);
  for (const char* path : {"/api/", "/api/v1/nothing", "/api/v1/jobs/", "/api%2Fv1"}) {
    const api::RawAnswer answer = server.ask(get(path));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.header("content-type"), "application/problem+json") << path;
  }
}

}  // namespace
}  // namespace cronfleet::integration

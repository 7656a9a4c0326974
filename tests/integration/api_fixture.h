// tests/integration/api_fixture.h: a server of API v1, how to call it, and what a worker would have written.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/raw_client.h"
#include "tests/integration/api_server.h"

namespace cronfleet {

class Api : public ::testing::Test {
 protected:
  // `more`: header lines, each with its line end.
  api::RawAnswer call(std::string_view method, std::string_view path, std::string_view body = "",
                      std::string_view more = "") {
    const std::string type = method == "GET" ? "" : "Content-Type: application/json\r\n";
    return api::RawClient(server_.port())
        .ask(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}{}Content-Length: {}\r\n\r\n{}", method, path, type,
                         more, body.size(), body));
  }
  api::RawAnswer get(std::string_view path, std::string_view more = "") { return call("GET", path, "", more); }
  api::RawAnswer create(std::string_view name, std::string_view document) {
    return call("PUT", fmt::format("/api/v1/jobs/{}", name), document, "If-None-Match: *\r\n");
  }
  std::vector<std::string> names(const api::RawAnswer& answer, std::string_view member) {
    std::vector<std::string> out;
    const auto parsed = boost::json::parse(answer.body);
    for (const auto& item : parsed.at("items").as_array())
      out.emplace_back(item.at({member.data(), member.size()}).as_string().c_str());
    return out;
  }
  static std::string code(const api::RawAnswer& answer) {
    EXPECT_EQ(answer.header("content-type"), "application/problem+json") << answer.body;
    return boost::json::parse(answer.body).at("code").as_string().c_str();
  }

  testing::ApiServer server_;
};

inline constexpr std::string_view kJob = R"({"schedule":"0 2 * * *","command":"true"})";

inline domain::RunRecord record_of(const std::string& job, WallTime at, domain::RunStatus status) {
  domain::RunRecord record;
  record.id = {.firing = {.job = JobName(job), .which = at}, .attempt = 1};
  record.command = "true";
  record.end.status = status;
  record.end.exit_code = status == domain::RunStatus::Failed ? 3 : 0;
  record.end.started_at = at;
  record.end.ended_at = at + std::chrono::seconds(1);
  record.worker = NodeId("node-1");
  record.scheduled_at = at;
  record.claimed_at = at;
  return record;
}

inline core::RunningEntry running_of(const std::string& job, WallTime at) {
  core::RunningEntry entry;
  entry.run = {.firing = {.job = JobName(job), .which = at}, .attempt = 1};
  entry.incarnation = Incarnation(std::string(32, '0'));
  entry.token = Token(std::string(32, '1'));
  entry.scheduled_at = at;
  entry.claimed_at = at;
  return entry;
}

inline WallTime minutes_ago(const testing::ApiServer& server, int minutes) {
  const auto now = std::chrono::floor<std::chrono::minutes>(server.now().time_since_epoch());
  return WallTime(now) - std::chrono::minutes(minutes);
}

inline core::WorkerEntry worker_of(const std::string& node) {
  core::WorkerEntry worker;
  worker.node = NodeId(node);
  worker.host = "h";
  worker.capacity = 4;
  worker.labels = {{"zone", "eu"}};
  return worker;
}

}  // namespace cronfleet

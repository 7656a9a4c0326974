#include "coord/etcd/endpoints.h"

#include <gtest/gtest.h>

#include "coord/etcd/credentials.h"

namespace cronfleet::coord {
namespace {

TEST(Endpoints, FormsThatAreTaken) {
  struct Case {
    const char *text, *target;
    bool tls;
  };
  for (const Case& c :
       {Case{"10.0.0.1:2379", "ipv4:10.0.0.1:2379", false}, Case{"http://10.0.0.1:2379", "ipv4:10.0.0.1:2379", false},
        Case{"http://10.0.0.1:2379/", "ipv4:10.0.0.1:2379", false},
        Case{"https://etcd-1.example:2379", "dns:///etcd-1.example:2379", true},
        Case{"localhost:1", "dns:///localhost:1", false}, Case{"[::1]:2379", "dns:///[::1]:2379", false}}) {
    const auto parsed = parse_endpoints({.endpoints = {c.text}});
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(parsed->at(0).target, c.target);
    EXPECT_EQ(parsed->at(0).tls, c.tls) << c.text;
  }
  const auto with_files = parse_endpoints({.endpoints = {"a:1", "b:1"}, .ca_file = "ca.pem"});
  ASSERT_TRUE(with_files);
  EXPECT_TRUE(with_files->at(1).tls);
}

TEST(Endpoints, RefusalsNameKeyAndValue) {
  struct Case {
    EtcdOptions options;
    const char *key, *value;
  };
  const Case cases[] = {
      {{.endpoints = {}}, "etcd.endpoints", "empty"},
      {{.endpoints = {"a:1", "nonsense"}}, "etcd.endpoints[1]", "'nonsense'"},
      {{.endpoints = {"10.0.0.1:0"}}, "etcd.endpoints[0]", "'10.0.0.1:0'"},
      {{.endpoints = {"10.0.0.1:70000"}}, "etcd.endpoints[0]", "70000"},
      {{.endpoints = {"ftp://a:1"}}, "etcd.endpoints[0]", "'ftp://a:1'"},
      {{.endpoints = {"a b:1"}}, "etcd.endpoints[0]", "'a b:1'"},
      {{.endpoints = {"[::x]:1"}}, "etcd.endpoints[0]", "'[::x]:1'"},
      {{.endpoints = {"a:1", "https://b:1"}}, "etcd.endpoints[1]", "mix"},
      {{.endpoints = {"a:1", "a:1"}}, "etcd.endpoints[1]", "twice"},
      {{.endpoints = {"http://a:1"}, .ca_file = "ca.pem"}, "etcd.endpoints[0]", "https://"},
      {{.endpoints = {"a:1"}, .server_name = "x"}, "etcd.server_name", "'x'"},
      {{.endpoints = {"a:1"}, .password = "secret"}, "etcd.user", "empty"},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_endpoints(c.options);
    ASSERT_FALSE(parsed) << c.value;
    EXPECT_EQ(parsed.error().code(), Code::InvalidArgument);
    EXPECT_NE(parsed.error().message().find(c.key), std::string::npos) << parsed.error().text();
    EXPECT_NE(parsed.error().message().find(c.value), std::string::npos) << parsed.error().text();
    EXPECT_EQ(parsed.error().message().find("secret"), std::string::npos);
  }
}

TEST(Endpoints, FilesThatCannotServeAreNamed) {
  const auto missing = Credentials::load({.ca_file = "/nowhere/ca.pem"}, true);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("etcd.ca_file: cannot read '/nowhere/ca.pem'"), std::string::npos)
      << missing.error().text();
  const auto no_pem = Credentials::load({.ca_file = "/etc/passwd"}, true);
  ASSERT_FALSE(no_pem);
  EXPECT_NE(no_pem.error().message().find("not a PEM file"), std::string::npos) << no_pem.error().text();
}

}  // namespace
}  // namespace cronfleet::coord

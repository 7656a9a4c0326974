// main() of test programs that need a MongoDB server: on a machine that can have none, one skipped test says why.
#include <gtest/gtest.h>

#include "tests/services/mongo_server.h"

namespace {

class NeedsMongo : public ::testing::Test {
 public:
  void TestBody() override { GTEST_SKIP() << cronfleet::testing::MongoProgram::find().missing; }
};

}  // namespace

int main(int count, char** arguments) {
  ::testing::InitGoogleTest(&count, arguments);
  if (!GTEST_FLAG_GET(list_tests) && cronfleet::testing::MongoProgram::find().path.empty()) {
    ::testing::RegisterTest("NeedsMongo", "IsNotHere", nullptr, nullptr, __FILE__, __LINE__,
                            [] { return static_cast<::testing::Test*>(new NeedsMongo); });
    GTEST_FLAG_SET(filter, "NeedsMongo.*");
  }
  return RUN_ALL_TESTS();
}

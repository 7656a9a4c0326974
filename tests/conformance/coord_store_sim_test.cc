// The simulated store under the contract of every coordination store.
#include "sim/sim_store.h"
#include "sim/virtual_time.h"
#include "tests/conformance/coord_store_suite.h"

namespace cronfleet::testing {
namespace {

class SimBackend final : public CoordBackend {
 public:
  explicit SimBackend(std::uint64_t seed)
      : store_(cluster_, cluster_, Rng(seed)), node_(time_, std::chrono::hours(5)), client_(store_.client(node_)) {}

  coord::CoordStore& store() override { return *client_; }
  bool run_until(const std::function<bool()>& done) override {
    const MonoTime until = time_.now() + std::chrono::seconds(10);
    while (!done()) {
      if (time_.now() > until || !time_.run_one()) return false;
    }
    return true;
  }
  MonoTime now() override { return time_.now(); }

 private:
  sim::VirtualTime time_{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster_{time_};
  sim::SimStore store_;
  sim::VirtualNode node_;
  std::unique_ptr<sim::SimClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Sim, CoordStoreSuite,
                         ::testing::Values(CoordBackendParam{"seed1", [] { return std::make_unique<SimBackend>(1); }},
                                           CoordBackendParam{"seed2", [] { return std::make_unique<SimBackend>(2); }},
                                           CoordBackendParam{"seed3", [] { return std::make_unique<SimBackend>(3); }}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace cronfleet::testing

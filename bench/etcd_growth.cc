// etcd_growth: does etcd's file stay small while jobs fire and one of the workers compacts (protocol.md rule 29)?
//
//   etcd_growth                                          an hour at 100 firings a second, compaction as in the product
//   etcd_growth --seconds 30 --rate 200 --compact-after 5 --look-every 1 --most-mib 24
//   etcd_growth --seconds 300 --look-every 0             how it grows when nobody compacts
//
// Three whole workers over a real etcd; their commands do nothing. Prints the size of the file, what of it is in use
// and the firings so far; ends with 1 when the file has become larger than --most-mib.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "bench/etcd_nodes.h"
#include "tz/zone_database.h"

namespace cronfleet::bench {
namespace {

using std::chrono::seconds;

struct Settings {
  seconds length{3'600};
  int rate = 100, most_mib = 0;
  runtime::HousekeepingOptions housekeeping;
  std::size_t members = 1;
  bool current = false;
};

struct Size {
  double file = 0, in_use = 0;  // MiB, of the largest member
};

Size size_of(testing::EtcdServer& etcd) {
  Size size;
  const boost::json::value members = boost::json::parse(etcd.etcdctl({"endpoint", "status", "-w", "json"}));
  for (const boost::json::value& member : members.as_array()) {
    const auto mib = [&](const char* name) { return member.at("Status").at(name).to_number<double>() / (1 << 20); };
    size.file = std::max(size.file, mib("dbSize"));
    size.in_use = std::max(size.in_use, mib("dbSizeInUse"));
  }
  return size;
}

std::uint64_t firings(const Nodes& nodes) {
  std::uint64_t sum = 0;
  for (const auto& node : nodes) sum += node->store->counts().removals.done;
  return sum;
}

int run(const Settings& settings) {
  const testing::EtcdProgram program =
      settings.current ? testing::EtcdProgram::current() : testing::EtcdProgram::debian();
  if (program.path.empty()) {
    std::fprintf(stderr, "etcd_growth: %s\n", program.missing.c_str());
    return 2;
  }
  testing::EtcdServer etcd({.program = program.path, .members = settings.members});
  CHECK(etcd.wait_until_healthy());
  auto zones = tz::ZoneDatabase::open();
  CHECK(zones.has_value());
  Nodes nodes;
  for (std::size_t i = 0; i < 3; ++i) {
    nodes.push_back(std::make_unique<Node>(etcd, i + 1));
    nodes.back()->make_worker(i, milliseconds(200), 4, **zones, settings.housekeeping);
  }
  std::vector<domain::Job> jobs;
  for (int i = 0; i < settings.rate; ++i) jobs.push_back(job_named(fmt::format("nightly-report-{}", i), "* * * * * *"));
  save_jobs(*nodes[0], jobs);
  std::printf("%zu member(s), 3 workers, %d firings/s, %lld s, compacting what is older than %lld s%s\n",
              settings.members, settings.rate, static_cast<long long>(settings.length.count()),
              static_cast<long long>(settings.housekeeping.compact_after.count() / 1000),
              settings.housekeeping.look_every.count() == 0 ? ": off" : "");
  const auto began = std::chrono::steady_clock::now();
  Size largest;
  for (int step = 1; step <= 20; ++step) {
    std::this_thread::sleep_until(began + settings.length * step / 20);
    const Size size = size_of(etcd);
    largest.file = std::max(largest.file, size.file);
    largest.in_use = std::max(largest.in_use, size.in_use);
    std::printf("%6lld s  file %7.1f MiB  in use %7.1f MiB  %9llu firings\n",
                static_cast<long long>((settings.length * step / 20).count()), size.file, size.in_use,
                static_cast<unsigned long long>(firings(nodes)));
  }
  const std::uint64_t fired = firings(nodes);
  const auto expected = static_cast<std::uint64_t>(settings.length.count()) * static_cast<std::uint64_t>(settings.rate);
  std::printf("largest: %.1f MiB, in use %.1f MiB; %llu of about %llu firings were over\n", largest.file,
              largest.in_use, static_cast<unsigned long long>(fired), static_cast<unsigned long long>(expected));
  if (fired < expected / 2) {
    std::fprintf(stderr, "etcd_growth: the fleet did not keep up: these sizes say nothing\n");
    return 1;
  }
  if (settings.most_mib == 0 || largest.file <= settings.most_mib) return 0;
  std::fprintf(stderr, "etcd_growth: the file became larger than %d MiB\n", settings.most_mib);
  return 1;
}

}  // namespace
}  // namespace cronfleet::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  cronfleet::bench::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--current") {
      settings.current = true;
      continue;
    }
    char* end = nullptr;
    const long value = i + 1 < argc ? std::strtol(argv[++i], &end, 10) : -1;
    const bool number = value >= 0 && end != nullptr && *end == '\0';
    using std::chrono::seconds;
    if (name == "--seconds" && number && value > 0) {
      settings.length = seconds(value);
    } else if (name == "--rate" && number && value > 0) {
      settings.rate = static_cast<int>(value);
    } else if (name == "--compact-after" && number) {
      settings.housekeeping.compact_after = seconds(value);
    } else if (name == "--look-every" && number) {
      settings.housekeeping.look_every = seconds(value);
    } else if (name == "--members" && (value == 1 || value == 3)) {
      settings.members = static_cast<std::size_t>(value);
    } else if (name == "--most-mib" && number) {
      settings.most_mib = static_cast<int>(value);
    } else {
      std::fprintf(stderr,
                   "usage: etcd_growth [--seconds N] [--rate FIRINGS] [--compact-after SECONDS] [--look-every SECONDS] "
                   "[--members 1|3] [--most-mib N] [--current]\n");
      return 2;
    }
  }
  return cronfleet::bench::run(settings);
}

// sim/checkers.h: judges the evidence of a simulation by the invariants of reliability.md §6.
//
// Each checker stands alone and names its invariant; check() runs them all. A clean history passes them all and each
// planted violation is caught by its checker (checkers_test.cc). Checks of what must come to pass (I3's "exactly one",
// I9, I12) need evidence that is `settled`.
#pragma once

#include <string>
#include <vector>

#include "sim/evidence.h"
#include "sim/oracle.h"

namespace cronfleet::sim {

struct Violation {
  std::string invariant;  // "I2"
  std::string what;       // one sentence
  JobName job;            // whose; may be empty
  WallTime at{};
};
using Violations = std::vector<Violation>;

// Lateness allowed while nothing is wrong and long after (G10 B0), and with a first choice gone or full (B1).
inline constexpr std::chrono::milliseconds kLatenessMax{750};
// After the last fault everything is as it should be again (I14).
inline constexpr std::chrono::seconds kRecovered{30};
// From the moment a worker stops to the end of its registration (B5: S + 2 s).
inline constexpr std::chrono::seconds kOfflineMax{12};

void check_no_early_start(const Evidence&, const Expected&, Violations&);  // I1
void check_wrong_clock(const Evidence&, const Expected&, Violations&);     // I1, protocol.md rule 16
void check_suspect_clock(const Evidence&, const Expected&, Violations&);   // I15
void check_skips(const Evidence&, const Expected&, Violations&);           // I1
void check_start_deadline(const Evidence&, const Expected&, Violations&);  // I5
void check_starts_once(const Evidence&, const Expected&, Violations&);     // I2
void check_one_verdict(const Evidence&, const Expected&, Violations&);     // I3
void check_live_version(const Evidence&, const Expected&, Violations&);    // I4, I10
void check_lateness(const Evidence&, const Expected&, Violations&);        // I5
void check_takeover(const Evidence&, const Expected&, Violations&);        // B1
void check_followed(const Evidence&, const Expected&, Violations&);        // B3
void check_recovered(const Evidence&, const Expected&, Violations&);       // I14
void check_store_back(const Evidence&, const Expected&, Violations&);      // B2, B4
void check_offline(const Evidence&, const Expected&, Violations&);         // B5
void check_output(const Evidence&, const Expected&, Violations&);          // I11
void check_no_overlap(const Evidence&, const Expected&, Violations&);      // I6
void check_where(const Evidence&, const Expected&, Violations&);           // I16
void check_drained(const Evidence&, const Expected&, Violations&);         // I17
void check_record_is_true(const Evidence&, const Expected&, Violations&);  // I7
void check_kills(const Evidence&, const Expected&, Violations&);           // I9
void check_nothing_left(const Evidence&, const Expected&, Violations&);    // I8, I12
void check_records_stand(const Evidence&, const Expected&, Violations&);   // I13

Violations check(const Evidence& evidence, const Expected& expected);

}  // namespace cronfleet::sim

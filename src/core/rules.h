// core/rules.h: rules of the protocol that can be switched off, in the simulator only, to see it fail without them.
//
// sim/rules_test.cc does that for each of them. What a rule says stands in specs/protocol.md under its number; where
// its code lies outside the core, the simulated part heeds the switch.
#pragma once

namespace cronfleet::core {

struct Rules {
  bool raise_marker = true;             // 1   a save that sets `since` raises the marker to it
  bool keep_marker = true;              // 2   a delete keeps the marker
  bool conditional_on_marker = true;    // 3   edits are conditional on the marker as read
  bool account_holds_range = true;      // 4   accounts/ says from where to where
  bool require_stamp = true;            // 5   nobody claims a document without a valid stamp
  bool relist_running = true;           // 6   own running/ keys are listed again and again
  bool respect_hold = true;             // 7   no key is touched whose hold stands
  bool drop_on_new_incarnation = true;  // 8   living runs move to the new incarnation, the rest is dropped
  bool sweep_before_claims = true;      // 9   what earlier lives left is ended and settled first
  bool first_record_stands = true;      // 10  the history keeps the first record of a run (simulated history)
  bool consume_attempt = true;          // 11  a takeover consumes the dead worker's key
  bool ask_history = true;              // 12  at-least-once: what stands in the history decides on the next attempt
  bool keep_verdict = true;             // 13  a reconciler writes the verdict that a key holds
  bool confirm_revision = true;         // 14  the document was confirmed at most 1 s before exec
  bool check_deadline = true;           // 15  deadline, session and run lease are checked at the start
  bool compare_clocks = true;           // 16  a worker whose clock is off by the others' claims nothing
  bool remove_own_lock_only = true;     // 17  only the owner removes its lock, by value
  bool fence_runs = true;               // 18  a run that others may follow is ended before they can
  bool wait_safe_after = true;          // 18  a dead worker's lock stands until safe_after
  bool retry_at_instant = true;         // 19  a lock refusal during the lead is not a skip
  bool read_back_unknown = true;        // 28  unknown results are read back
  bool keep_spooled = true;             // 29  what was spooled outlives its worker's process (simulated spool)
  bool stop_when_set_back = true;       // 30  nothing is claimed of a store that was set back, until it is confirmed
  bool record_before_removal = true;    // REL-10  a key goes once the history has its record
  bool report_deletions = true;         // REL-12  a list after compaction tells what is gone (simulated client)
  bool kill_descendants = true;         // REL-9  a kill ends all processes of a run (simulated machine)
};

}  // namespace cronfleet::core

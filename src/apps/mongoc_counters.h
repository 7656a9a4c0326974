// apps/mongoc_counters.h: libmongoc keeps counters for tools of its own in /dev/shm/mongoc-<pid>, made before main()
// and left behind by whatever ends a process in a hurry. Where a former process of our number left its file, libmongoc
// warns on standard error: in front of what a client command has to say. Nobody reads these counters here, so the name
// is taken away before libmongoc looks for it, and again once it has been made.
#pragma once

namespace cronfleet::apps {

void take_mongoc_counters_away();

}  // namespace cronfleet::apps

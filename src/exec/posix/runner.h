// exec/posix/runner.h: the small process that runs everything (`cronfleet runner`). The worker starts it (see
// posix_executor.h) with one end of a socket pair as descriptor 3 and tells it the rest by messages.
//
// It has no network and no credentials, adopts what its runs leave behind, and outlives its worker just long enough to
// end what is left and to write that down. SIGTERM and SIGINT do not concern it: its end is the end of its socket.
#pragma once

namespace cronfleet::exec::posix {

inline constexpr int kRunnerSocket = 3;

// Returns the exit code: 0 after a stop or the end of the worker, 1 when it could not begin.
int runner_main(int socket_fd = kRunnerSocket);

}  // namespace cronfleet::exec::posix

// history/nameless_file.h: a file that goes with the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace cronfleet::history {

// For reading and writing, in `folder`, 0600; its descriptor, or -1 with errno.
int nameless_file(const std::string& folder);
// False with errno where the file ends before.
bool read_whole(int fd, char* to, std::size_t size, std::uint64_t at);

}  // namespace cronfleet::history

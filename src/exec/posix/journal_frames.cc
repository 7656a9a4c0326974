#include "exec/posix/journal_frames.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/randombytes.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "exec/posix/bytes.h"
#include "exec/posix/crc32c.h"
#include "exec/posix/file.h"
#include "exec/posix/messages.h"

namespace cronfleet::exec::posix {

std::string boot_id() {
  const Fd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[64];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text) : 0;
  std::string id(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::string header_payload() {
  constexpr std::string_view kMagic = "cronfleet journal 1";
  std::string payload;
  ByteWriter out(payload);
  out.text(kMagic);
  out.text(boot_id());
  return payload;
}

std::string frame_head(std::uint8_t type, std::string_view a, std::string_view b) {
  const char type_byte = static_cast<char>(type);
  std::string head;
  ByteWriter out(head);
  out.u32(static_cast<std::uint32_t>(1 + a.size() + b.size()));
  out.u32(crc32c(b, crc32c(a, crc32c({&type_byte, 1}))));
  out.u8(type);
  return head;
}

std::string_view run_of(std::string_view payload) { return ByteReader(payload).text(); }

std::string segment_name(std::uint64_t number) { return fmt::format("{:016x}.journal", number); }

Result<std::vector<std::uint64_t>> segment_numbers(const std::string& folder) {
  std::vector<std::uint64_t> numbers;
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) {
    if (errno == ENOENT) return numbers;
    return fail(Code::Unavailable, "opening journal folder '{}': {}", folder, std::strerror(errno));
  }
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number, 16);
    if (error == std::errc() && name == segment_name(number)) numbers.push_back(number);
  }
  ::closedir(dir);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::string> read_segment(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts{};
  if (!fd || ::fstat(fd.get(), &facts) != 0)
    return fail(Code::Unavailable, "opening '{}': {}", path, std::strerror(errno));
  std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t size = ::pread(fd.get(), bytes.data() + used, bytes.size() - used, static_cast<off_t>(used));
    if (size < 0) return fail(Code::Unavailable, "reading '{}': {}", path, std::strerror(errno));
    if (size == 0) break;
    used += static_cast<std::size_t>(size);
  }
  bytes.resize(used);
  return bytes;
}

std::size_t for_each_frame(std::string_view bytes, const TakeFrame& take, std::string& damage) {
  std::size_t at = 0;
  while (bytes.size() - at >= kFrameHead) {
    ByteReader in(bytes.substr(at));
    const std::uint32_t length = in.u32(), checksum = in.u32();
    if (length == 0) return at;  // the unused part of a reserve
    if (length > kFrameBytesMax || length > bytes.size() - at - 8) break;
    const std::string_view inside = bytes.substr(at + 8, length);
    if (crc32c(inside) != checksum) break;
    take(static_cast<std::uint8_t>(inside[0]), inside.substr(1), bytes.substr(at, 8 + length));
    at += 8 + length;
  }
  if (at < bytes.size() && bytes.find_first_not_of('\0', at) != std::string_view::npos)
    damage = fmt::format("frame at byte {} of {} is torn; {} bytes set aside", at, bytes.size(), bytes.size() - at);
  return at;
}

RunHasher::RunHasher() { randombytes_buf(key_.data(), key_.size()); }

RunDigest RunHasher::of(std::string_view run) const {
  static_assert(sizeof(RunDigest) == crypto_shorthash_siphashx24_BYTES);
  static_assert(sizeof key_ == crypto_shorthash_siphashx24_KEYBYTES);
  RunDigest digest;
  crypto_shorthash_siphashx24(reinterpret_cast<unsigned char*>(&digest),
                              reinterpret_cast<const unsigned char*>(run.data()), run.size(), key_.data());
  return digest;
}

}  // namespace cronfleet::exec::posix

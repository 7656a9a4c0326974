// exec/posix/bytes.h: little-endian numbers and length-prefixed texts, as the runner's messages and journal hold them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace cronfleet::exec::posix {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& to) : to_(to) {}

  void u8(std::uint8_t value) { to_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value), 8); }
  void text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    to_.append(value);
  }

 private:
  void number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) to_.push_back(static_cast<char>(value >> (8 * i)));
  }
  std::string& to_;
};

// Reads what ByteWriter wrote. After the first byte that does not fit, ok() is false and every read gives zero or
// nothing, so a decoder checks once, at its end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
  std::string_view text() {
    const std::uint32_t size = u32();
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  // How many things of at least `bytes_each` may follow: a count beyond what is left is refused before memory is taken.
  std::uint32_t count(std::size_t bytes_each) {
    const std::uint32_t value = u32();
    if (value > rest_.size() / bytes_each) ok_ = false;
    return ok_ ? value : 0;
  }
  // A value of an enum whose last one is `last`.
  template <typename Enum>
  Enum choice(Enum last) {
    const std::uint8_t value = u8();
    if (value > static_cast<std::uint8_t>(last)) ok_ = false;
    return ok_ ? static_cast<Enum>(value) : Enum{};
  }
  void refuse() { ok_ = false; }

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::uint64_t number(std::size_t bytes) {
    if (bytes > rest_.size()) ok_ = false;
    if (!ok_) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
    rest_.remove_prefix(bytes);
    return value;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace cronfleet::exec::posix

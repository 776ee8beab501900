// Listpacks: numbers of the format, and Listpack, which makes one. See node.h for a drawing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::rdb {

inline constexpr size_t kListpackHeadBytes = 6;
inline constexpr size_t kListpackEndBytes = 1;
inline constexpr uint32_t kListpackCountMax = 65534;  // more are not counted in the head
// Redis takes none that are larger.
inline constexpr uint64_t kListpackBytesMax = uint64_t{1} << 30;

// The way back over an item of so many bytes, and what it is at the place `index` of it.
size_t BackLengthBytes(uint64_t bytes);
uint8_t BackLengthByte(uint64_t bytes, size_t size, size_t index);

class Listpack {
 public:
  Listpack() { Clear(); }

  void Clear();
  // Whoever appends has asked Fits. Texts of integers become integers.
  void Append(std::string_view text);
  void AppendInteger(int64_t integer);
  // All items of another one.
  void AppendAll(const Listpack& other);

  uint64_t items() const { return items_; }
  // With head and end.
  size_t bytes() const { return bytes_.size() + kListpackEndBytes; }
  bool Fits(uint64_t more_bytes) const { return bytes() + more_bytes <= kListpackBytesMax; }
  // The whole of it, until it is changed.
  std::string_view Finish();

  // No item of a text takes more.
  static constexpr uint64_t ItemBytesMax(uint64_t text_bytes) { return text_bytes + 5 + 5; }

 private:
  void OpenUp();
  void EndItem(size_t begin);

  std::string bytes_;
  uint64_t items_ = 0;
  bool ended_ = false;
};

}  // namespace cairn::rdb

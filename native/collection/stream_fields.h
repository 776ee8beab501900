// Fields of a stream's entry, as they lie in its payload.
//
//   fields << 1 + alike, varint | for each field: [bytes of the name, varint | name] | bytes of the
//   value, varint | value
//
// `alike`: the names are those that the stream keeps (StreamHead::names) and are left out here.
//   names: for each: bytes, varint | name
//
// Whatever bytes come, nothing reads beyond them. One pass, one thread; views of what was given.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/coding.h"

namespace cairn {

class StreamFields {
 public:
  // False: they make no sense.
  [[nodiscard]] bool Open(std::string_view payload, std::string_view names) {
    uint64_t head;
    rest_ = payload;
    if (!TakeVarint(&rest_, &head)) return false;
    alike_ = (head & 1) != 0;
    count_ = head >> 1;
    names_ = names;
    return count_ <= rest_.size();
  }
  uint64_t count() const { return count_; }
  // So often.
  [[nodiscard]] bool Next(std::string_view* name, std::string_view* value) {
    return Take(alike_ ? &names_ : &rest_, name) && Take(&rest_, value);
  }

 private:
  static bool Take(std::string_view* from, std::string_view* item) {
    uint64_t bytes;
    if (!TakeVarint(from, &bytes) || bytes > from->size()) return false;
    *item = from->substr(0, bytes);
    from->remove_prefix(bytes);
    return true;
  }

  std::string_view rest_;
  std::string_view names_;
  uint64_t count_ = 0;
  bool alike_ = false;
};

// Names and values alternate.
inline std::string StreamNames(std::span<const std::string_view> fields) {
  std::string names;
  for (size_t i = 0; i < fields.size(); i += 2) {
    AppendVarint(&names, fields[i].size());
    names.append(fields[i]);
  }
  return names;
}
inline void AppendStreamFields(std::span<const std::string_view> fields, bool alike,
                               std::string* to) {
  AppendVarint(to, fields.size() | (alike ? 1 : 0));  // their number is even
  for (size_t i = alike ? 1 : 0; i < fields.size(); i += alike ? 2 : 1) {
    AppendVarint(to, fields[i].size());
    to->append(fields[i]);
  }
}

}  // namespace cairn

// Input: the bytes of a serialised value, how much may be done in one step, and what is wrong. What
// decodes a kind of value takes everything from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/lzf.h"
#include "base/number.h"
#include "rdb/coding.h"
#include "rdb/node.h"
#include "rdb/types.h"

namespace cairn::rdb {

struct DecodeLimits {
  uint64_t string_bytes_max = 512ull << 20;  // items, members, fields, values, names
  uint64_t node_bytes_max = 1ull << 30;      // a packed node; coded ones are decoded in memory
};

// A step ends after so many elements, or once so many bytes were checked, decoded or told. It goes
// over it by one element at most.
struct StepBudget {
  uint64_t elements = 1024;
  uint64_t bytes = 256u << 10;
};

enum class Took : uint8_t {
  kTaken,
  kLater,    // the budget is used up in the middle of something: the same call again
  kEnd,      // there was nothing any more
  kStopped,  // by the visitor
  kFailed,   // see fault()
};

inline Took TookIf(bool goes_on) { return goes_on ? Took::kTaken : Took::kStopped; }

class Input {
 public:
  Input(std::string_view bytes, const DecodeLimits& limits) : limits_(limits), reader_(bytes) {}

  const DecodeLimits& limits() const { return limits_; }
  size_t position() const { return reader_.position(); }
  // What was not taken yet.
  std::string_view rest() const { return reader_.rest(); }

  void Refill(const StepBudget& budget) { budget_ = budget; }
  const StepBudget& budget() const { return budget_; }
  bool spent() const { return budget_.elements == 0 || budget_.bytes == 0; }
  void SpendBytes(uint64_t bytes) {
    budget_.bytes -= bytes < budget_.bytes ? bytes : budget_.bytes;
  }
  void SpendElement(uint64_t bytes) {
    if (budget_.elements != 0) --budget_.elements;
    SpendBytes(bytes);
  }

  // `what` is wrong there.
  Took Fail(DumpResult kind, const char* what, size_t at);
  Took Fail(const char* what, size_t at) { return Fail(DumpResult::kBadFormat, what, at); }
  // In a node that came as the last string of slot 0, at so many bytes in it once decoded.
  Took FailInNode(DumpResult kind, const char* what, size_t at);
  Took FailInNode(const char* what, size_t at) {
    return FailInNode(DumpResult::kBadFormat, what, at);
  }
  DumpResult fault() const { return fault_; }
  const std::string& message() const { return message_; }

  // `what` it is, for the message.
  Took Length(const char* what, uint64_t* out);
  // A count of things that take at least so many bytes each: more than fit fail.
  Took Count(const char* what, uint64_t bytes_each_min, uint64_t* out);
  template <typename T>
  Took Little(const char* what, T* out) {
    const size_t at = position();
    return reader_.TakeLittle(out) ? Took::kTaken : Fail(what, at);
  }
  Took Bytes(const char* what, uint64_t bytes, std::string_view* out);

  // A string in whatever form. The view is good until the next one of the same slot.
  static constexpr size_t kSlots = 2;
  Took String(size_t slot, uint64_t bytes_max, std::string_view* out);
  // Where the last one of the slot began.
  size_t string_at(size_t slot) const { return slots_[slot].at; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  struct Slot {
    size_t at = 0;
    char digits[kInt64TextBytes];
    bool decoding = false;
    LzfDecoder decoder;
    std::string_view decoded;  // what it will have been
    std::unique_ptr<char, Free> memory;
    size_t memory_bytes = 0;
  };

  static void Reserve(Slot* slot, size_t bytes);

  const DecodeLimits limits_;
  Reader reader_;
  StepBudget budget_;
  Slot slots_[kSlots];
  DumpResult fault_ = DumpResult::kOk;
  std::string message_;
};

// What decodes one kind of value.
class Body {
 public:
  virtual ~Body() = default;
  // One element, or one of the parts between them.
  virtual Took Next() = 0;
};

class Visitor;
// Each null if the type is not of theirs.
std::unique_ptr<Body> NewTableBody(Type type, Input* input, Visitor* visitor);
std::unique_ptr<Body> NewNodesBody(Type type, Input* input, Visitor* visitor);
std::unique_ptr<Body> NewStreamBody(Type type, Input* input, Visitor* visitor);

// The text of an item; an integer's is written to `digits`, which has room for kInt64TextBytes.
inline std::string_view TextOf(const Node::Item& item, char* digits) {
  return item.is_integer ? std::string_view(digits, FormatInt64(item.integer, digits)) : item.text;
}

}  // namespace cairn::rdb

// A collection as a payload of DUMP, and back. For native/command only.
//
// DUMP goes in slices and shows one moment all the same: if somebody changes the key meanwhile, it
// begins again, and after some tries it takes what is left in one go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "command/command.h"
#include "rdb/coding.h"
#include "rdb/payload_writer.h"

namespace cairn {

// The bytes of a payload as they come, in pieces that never move.
class PayloadPieces final : public rdb::Sink {
 public:
  static constexpr size_t kPieceBytes = 256u << 10;

  void Append(std::string_view bytes) override;
  void Patch(uint64_t at, std::string_view bytes) override;
  // As a bulk; the pieces are lent to the reply if there are many.
  void Reply(ReplyWriter* reply) const;

 private:
  std::vector<std::shared_ptr<std::string>> pieces_;
  uint64_t bytes_ = 0;
};

// Answers DUMP of a key that holds a collection of this type.
void DumpCollection(Call& call, std::string_view key, ValueType type);

// What a client is told of a payload that is none.
std::string_view RestoreError(rdb::DumpResult fault);

// The key becomes what the payload says, in place of what it was: in slices, and all at once at
// their end. `check`: it is only looked at. False: pending, or answered.
bool RestoreCollection(Call& call, std::string_view key, std::string_view payload,
                       uint64_t expire_at_ms, bool check);

}  // namespace cairn

#include "command/collection_args.h"

#include <string>

namespace cairn {

bool RefuseFailed(Call& call, const Status& status) {
  if (status.code() != Code::kCorruption) {
    const bool ours = status.code() == Code::kTooLarge || status.code() == Code::kInvalid;
    return Refuse(call, ours ? std::string_view(errors::Error(status.message()))
                             : std::string_view(errors::DiskRefusedWrite(status.message())));
  }
  if (call.server.warn != nullptr) {
    call.server.warn("a collection is damaged, and was not served to " + std::string(call.argv[0]) +
                     ": " + status.message());
  }
  return Refuse(call, errors::kValueCorrupt);
}

}  // namespace cairn

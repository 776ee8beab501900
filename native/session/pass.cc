#include "session/pass.h"

#include <memory>
#include <vector>

#include "resp/errors.h"

namespace cairn {

bool Pass::PrepareAhead(std::span<const LargeArguments> sources, PreparedWrites* prepared) {
  std::vector<LargeArguments> all(sources.begin(), sources.end());
  std::vector<std::string_view> read;  // as RENAME and COPY write it again
  std::vector<Owner> memory;
  control_.ForEachKept([&](std::string_view value, const Owner& owner) {
    read.push_back(value);
    memory.push_back(owner);
  });
  all.push_back({read, nullptr});
  MarkSteady(control_.writes(), all);
  std::unique_ptr<PreparedUnit> unit = engine_->Prepare(reactor_, control_.writes());
  if (unit == nullptr) return false;
  control_.Unlatch();
  for (const LargeArguments& source : sources) {
    if (source.memory != nullptr) memory.push_back(source.memory);
  }
  *prepared = {std::move(unit), std::move(memory)};
  return true;
}

void Pass::RefuseWrites(const Status& status, OutBuffer* out) {
  ReplyWriter(out, 2).Error(status.code() == Code::kTooLarge
                                ? errors::Error(status.message())
                                : errors::DiskRefusedWrite(status.message()));
}

}  // namespace cairn

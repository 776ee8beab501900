#include "session/parked_pass.h"

#include "session/parked_passes.h"
#include "session/serving.h"

namespace cairn {

void ParkedFetch::Done(Status status) { passes->FetchDone(this, status); }
void ParkedRange::Done(Status status) { passes->RangeDone(this, status); }

void ParkedPass::SetCommand(Connection* conn, const Command& its,
                            std::span<const std::string_view> words) {
  command = &its;
  input = conn->PinArguments(words);
  if (input != nullptr) {
    argv.assign(words.begin(), words.end());
    return;
  }
  arguments.resize(words.size());
  for (size_t i = 0; i < words.size(); ++i) arguments[i].assign(words[i]);
  argv.assign(arguments.begin(), arguments.end());
}

bool ParkedPass::Small() const {
  constexpr size_t kArgumentsMax = 8;
  constexpr size_t kArgumentBytesMax = 1024;
  constexpr size_t kReadsMax = 8;
  bool small = arguments.size() <= kArgumentsMax && saved.missing.capacity() <= kReadsMax &&
               saved.fetched.capacity() <= kReadsMax && saved.frozen.capacity() <= kReadsMax &&
               fetches.capacity() <= kReadsMax && ranges.empty();
  for (const std::string& argument : arguments)
    small = small && argument.capacity() <= kArgumentBytesMax;
  return small;
}

void ParkedPass::Clear() {
  slot = nullptr;
  command = nullptr;
  exec.reset();
  runs = outstanding = 0;
  bytes = 0;
  error = {};
  saved.Clear();
  fetches.clear();
  input.reset();
  waited.reset();
  prepared.Clear();
}

}  // namespace cairn

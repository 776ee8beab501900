// Replies of stream commands: ids, entries, and what a handler does with an outcome.
#pragma once

#include <cstdint>

#include "base/number.h"
#include "collection/stream.h"
#include "command/collection_args.h"

namespace cairn {

// Runs the rest of a handler on an open stream. It writes one reply and ends in kDone, or ends in
// kWait or kFailed, and what it wrote does not count.
template <typename Body>
void RunOnStream(Call& call, const StreamValue& stream, Body body) {
  const size_t mark = call.reply.out().size();
  const tree::Outcome outcome = body();
  if (CAIRN_UNLIKELY(outcome != tree::Outcome::kDone)) call.reply.out().Truncate(mark);
  (void)Done(call, outcome, stream.status());
}

class StreamIdText {
 public:
  std::string_view Of(StreamId id);

 private:
  char text_[2 * kInt64TextBytes + 1];
};
void WriteStreamId(StreamId id, ReplyWriter* to);
// The id, and fields with values.
tree::Outcome WriteEntry(StreamValue* stream, const StreamValue::Cursor& at, ReplyWriter* to);
// The same, of an entry that may be there or not.
tree::Outcome WriteEntry(StreamValue* stream, StreamId id, bool* found, ReplyWriter* to);

// What is still to be written of a range of entries, both ends included.
struct EntryRange {
  StreamId first;
  StreamId last;
  bool down = false;  // the last one first
  uint64_t most = UINT64_MAX;
  bool done = false;
};
// Entries without a frame, as many as fit into this slice (null: all); *written counts them. Goes
// on where the range says.
tree::Outcome WriteEntries(Txn* txn, StreamValue* stream, EntryRange* range, ReplyWriter* to,
                           uint64_t* written);

}  // namespace cairn

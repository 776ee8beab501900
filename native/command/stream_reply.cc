#include "command/stream_reply.h"

#include <algorithm>

#include "base/number.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

// Entries are read ahead by so many.
constexpr uint64_t kWanted = 1024;
// What writing an entry is, in what a slice counts: it costs as much as looking at a few keys.
constexpr uint32_t kEntryCost = 2;
constexpr uint64_t kCostBytes = 256;

}  // namespace

std::string_view StreamIdText::Of(StreamId id) {
  size_t bytes = FormatUint64(id.ms, text_);
  text_[bytes++] = '-';
  bytes += FormatUint64(id.seq, text_ + bytes);
  return {text_, bytes};
}

void WriteStreamId(StreamId id, ReplyWriter* to) {
  StreamIdText text;
  to->Bulk(text.Of(id));
}

Outcome WriteEntry(StreamValue* stream, const StreamValue::Cursor& at, ReplyWriter* to) {
  StreamFields fields;
  TREE_TRY(stream->Fields(at, &fields));
  to->ArrayHeader(2);
  WriteStreamId(at.id, to);
  to->ArrayHeader(fields.count() * 2);
  for (uint64_t i = 0; i < fields.count(); ++i) {
    std::string_view name, value;
    if (!fields.Next(&name, &value))
      return stream->collection().pager()->Fail(0, "has an entry whose fields make no sense");
    to->Bulk(name);
    to->Bulk(value);
  }
  return Outcome::kDone;
}

Outcome WriteEntry(StreamValue* stream, StreamId id, bool* found, ReplyWriter* to) {
  StreamValue::Cursor at;
  *found = false;
  TREE_TRY(stream->SeekUp(id, &at));
  if (!at.found || at.id != id) return Outcome::kDone;
  *found = true;
  return WriteEntry(stream, at, to);
}

Outcome WriteEntries(Txn* txn, StreamValue* stream, EntryRange* range, ReplyWriter* to,
                     uint64_t* written) {
  StreamValue::Cursor at;
  if (range->most == 0 || range->first > range->last) range->done = true;
  if (range->done) return Outcome::kDone;
  const StreamId from = range->down ? range->last : range->first;
  TREE_TRY(stream->Want(from, range->down, std::min(range->most, kWanted)));
  TREE_TRY(range->down ? stream->SeekDown(from, &at) : stream->SeekUp(from, &at));
  for (bool any = false;; any = true) {  // each slice comes on, if only by one
    range->done |= !at.found || at.id < range->first || at.id > range->last;
    if (range->done || (any && txn != nullptr && (txn->SliceOver() || txn->ServedEnough())))
      return Outcome::kDone;
    TREE_TRY(WriteEntry(stream, at, to));
    if (txn != nullptr)
      txn->Charge(kEntryCost + static_cast<uint32_t>(at.at.entry.payload_bytes() / kCostBytes));
    ++*written;
    // Where it goes on.
    StreamId* const end = range->down ? &range->last : &range->first;
    *end = at.id;
    range->done = --range->most == 0 || !(range->down ? StepDown(end) : StepUp(end));
    if (range->done) return Outcome::kDone;
    TREE_TRY(range->down ? stream->StepDown(&at) : stream->StepUp(&at));
  }
}

}  // namespace cairn

// XADD, XDEL, XTRIM, XSETID and XLEN.
#include <algorithm>

#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;

namespace {

constexpr uint64_t kEntryBytesMax = 1u << 30;  // as in Redis

// The id of the entry to add. False: there is none, answered.
bool IdToAdd(Call& call, const AddOrTrim& args, StreamId last, StreamId* id) {
  if (last == kStreamIdMax) return Refuse(call, errors::kXaddExhausted);
  *id = args.id_given ? args.id : NextStreamId(last, call.txn.now_ms());
  if (!args.seq_given && last.ms == args.id.ms) {
    if (last.seq == UINT64_MAX) return Refuse(call, errors::kXaddNotGreater);
    id->seq = last.seq + 1;
  }
  return *id > last || Refuse(call, errors::kXaddNotGreater);
}

bool CheckEntryBytes(Call& call, std::span<const std::string_view> fields) {
  uint64_t bytes = 0;
  for (const std::string_view item : fields) bytes += item.size();
  return bytes <= kEntryBytesMax || Refuse(call, errors::kXaddTooLarge);
}

Outcome Add(Call& call, const AddOrTrim& args, StreamValue* stream) {
  const auto fields = call.argv.subspan(args.id_at + 1);
  StreamId id;
  uint64_t trimmed = 0;
  if (!IdToAdd(call, args, stream->last_id(), &id) || !CheckEntryBytes(call, fields))
    return Outcome::kDone;
  TREE_TRY(stream->Append(id, fields));
  TREE_TRY(stream->TrimBy(args.trim, &trimmed));
  TREE_TRY(stream->Save());
  call.txn.Notify(kNotifyStream, "xadd", call.argv[1]);
  if (trimmed > 0) call.txn.Notify(kNotifyStream, "xtrim", call.argv[1]);
  WriteStreamId(id, &call.reply);
  return Outcome::kDone;
}

Outcome Remove(Call& call, StreamValue* stream) {
  std::vector<StreamId> ids(call.argv.size() - 2);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!StreamIdArg(call, call.argv[i + 2], &ids[i])) return Outcome::kDone;
  }
  int64_t removed = 0;
  for (const StreamId id : ids) {
    bool existed;
    TREE_TRY(stream->Remove(id, &existed));
    removed += existed;
  }
  if (removed > 0) {
    TREE_TRY(stream->Save());
    call.txn.Notify(kNotifyStream, "xdel", call.argv[1]);
    call.txn.extra_changes += removed - 1;
  }
  call.reply.Integer(removed);
  return Outcome::kDone;
}

Outcome Trim(Call& call, const AddOrTrim& args, StreamValue* stream) {
  uint64_t trimmed = 0;
  TREE_TRY(stream->TrimBy(args.trim, &trimmed));
  if (trimmed > 0) {
    TREE_TRY(stream->Save());
    call.txn.Notify(kNotifyStream, "xtrim", call.argv[1]);
    call.txn.extra_changes += static_cast<int64_t>(trimmed) - 1;
  }
  call.reply.Integer(static_cast<int64_t>(trimmed));
  return Outcome::kDone;
}

struct SetIdArgs {
  StreamId id;
  int64_t added = -1;  // -1: not given
  StreamId max_deleted;
};

bool ParseSetId(Call& call, SetIdArgs* args) {
  if (!StreamIdArg(call, call.argv[2], &args->id)) return false;
  for (size_t i = 3; i < call.argv.size(); i += 2) {
    const bool more = i + 1 < call.argv.size();
    if (Is(call.argv[i], "entriesadded") && more) {
      const IntegerRule rule{0, INT64_MAX, errors::kNotInteger, errors::kXsetidAdded};
      if (!IntegerArg(call, call.argv[i + 1], rule, &args->added)) return false;
    } else if (Is(call.argv[i], "maxdeletedid") && more) {
      if (!StreamIdArg(call, call.argv[i + 1], &args->max_deleted)) return false;
      if (args->id < args->max_deleted) return Refuse(call, errors::kXsetidBelowDeleted);
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

Outcome SetId(Call& call, const SetIdArgs& args, StreamValue* stream) {
  const auto refuse = [&call](std::string_view error) {
    call.reply.Error(error);
    return Outcome::kDone;
  };
  if (args.id < stream->state().max_deleted_id) return refuse(errors::kXsetidBelowCurrent);
  if (stream->length() > 0) {
    StreamValue::Cursor top;
    TREE_TRY(stream->Last(&top));
    if (args.id < top.id) return refuse(errors::kXsetidBelowTop);
    if (args.added != -1 && stream->length() > static_cast<uint64_t>(args.added))
      return refuse(errors::kXsetidBelowLength);
  }
  TREE_TRY(stream->SetLastId(args.id));
  if (args.added != -1) stream->set_entries_added(static_cast<uint64_t>(args.added));
  if (!args.max_deleted.zero()) stream->set_max_deleted_id(args.max_deleted);
  TREE_TRY(stream->Save());
  call.txn.Notify(kNotifyStream, "xsetid", call.argv[1]);
  call.reply.Ok();
  return Outcome::kDone;
}

}  // namespace

void HandleXAdd(Call& call) {
  AddOrTrim args;
  if (!ParseAddOrTrim(call, true, &args)) return;
  const size_t items = call.argv.size() - std::min(call.argv.size(), args.id_at + 1);
  if (items < 2 || items % 2 != 0) return call.reply.Error(errors::WrongArity("xadd"));
  if (args.id_given && args.seq_given && args.id.zero()) return call.reply.Error(errors::kXaddZero);
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = args.make ? stream.OpenOrMake() : stream.Open();
  if (!Ready(call, opened, stream.status())) return;
  if (opened == Opened::kMissing) return call.reply.Null();
  RunOnStream(call, stream, [&] { return Add(call, args, &stream); });
}

void HandleXDel(Call& call) {
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = stream.Open();
  if (!Ready(call, opened, stream.status())) return;
  if (opened == Opened::kMissing) return call.reply.Integer(0);
  RunOnStream(call, stream, [&] { return Remove(call, &stream); });
}

void HandleXTrim(Call& call) {
  AddOrTrim args;
  if (!ParseAddOrTrim(call, false, &args)) return;
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = stream.Open();
  if (!Ready(call, opened, stream.status())) return;
  if (opened == Opened::kMissing) return call.reply.Integer(0);
  RunOnStream(call, stream, [&] { return Trim(call, args, &stream); });
}

void HandleXSetId(Call& call) {
  SetIdArgs args;
  if (!ParseSetId(call, &args)) return;
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = stream.Open();
  if (!Ready(call, opened, stream.status())) return;
  if (opened == Opened::kMissing) return call.reply.Error(errors::kNoSuchKey);
  RunOnStream(call, stream, [&] { return SetId(call, args, &stream); });
}

void HandleXLen(Call& call) {
  StreamValue stream(&call.txn, call.argv[1], &call.server.thresholds);
  const Opened opened = stream.Open();
  if (!Ready(call, opened, stream.status())) return;
  call.reply.Integer(opened == Opened::kMissing ? 0 : static_cast<int64_t>(stream.length()));
}

}  // namespace cairn

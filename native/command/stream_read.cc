// XREAD. Its slices go from stream to stream; what they have seen of each is of one moment. Who
// waits has seen nothing in any of them in one pass.
#include "command/stream_read.h"

#include <vector>

#include "command/handlers.h"
#include "command/stream_args.h"
#include "command/stream_reply.h"
#include "resp/stream_errors.h"

namespace cairn {

using tree::Outcome;

namespace {

struct ReadProgress {
  // Ids behind which entries are asked for; "$" is what it was at first.
  std::vector<StreamId> after;
  size_t at = 0;  // the stream that is being read
  bool begun = false;
  EntryRange range;
  uint64_t written = 0;
  OutBuffer entries;
  // Streams that had something.
  uint64_t served = 0;
  OutBuffer done;
};

bool IdOf(Call& call, std::string_view text, const StreamValue* stream, StreamId* id) {
  if (text == ">") return Refuse(call, errors::kXreadNewId);
  if (text != "$") return StreamIdArg(call, text, id);
  *id = stream != nullptr ? stream->last_id() : StreamId();
  return true;
}

// Looks at all streams, and at the ids the first time. False: one is not known yet, or answered.
// *there: streams that are; *missing: keys of those that are not.
bool Resolve(Call& call, const StreamReadArgs& args, ReadProgress* progress, uint32_t* there,
             std::vector<std::string_view>* missing) {
  std::vector<StreamId> after(args.keys.size());
  bool ready = true;
  for (size_t i = 0; i < args.keys.size(); ++i) {
    if (!call.txn.Awake(args.keys[i])) {
      after[i] = kStreamIdMax;
      continue;
    }
    StreamValue stream(&call.txn, args.keys[i], &call.server.thresholds);
    const Opened opened = stream.Open();
    if (opened == Opened::kPending) {
      ready = false;  // all of them are read in one wave
      continue;
    }
    if (!ready) continue;
    *there += opened == Opened::kFound;
    if (opened == Opened::kMissing) missing->push_back(args.keys[i]);
    if (!progress->after.empty() && opened == Opened::kWrongType) continue;  // only now
    if (!Ready(call, opened, stream.status())) return false;
    if (!IdOf(call, args.ids[i], opened == Opened::kFound ? &stream : nullptr, &after[i]))
      return false;
  }
  if (ready && progress->after.empty()) progress->after = std::move(after);
  return ready;
}

// Of the stream at hand. False: the slice is over, it is not known yet, or answered.
bool ReadOne(Call& call, const StreamReadArgs& args, ReadProgress* progress) {
  const std::string_view key = args.keys[progress->at];
  if (!progress->begun) {
    progress->range = EntryRange{progress->after[progress->at], kStreamIdMax, false, args.count};
    progress->range.done = !StepUp(&progress->range.first);
    progress->begun = true;
    progress->written = 0;
  }
  if (progress->range.done && progress->written == 0) {
    progress->begun = false;
    ++progress->at;
    return true;
  }
  StreamValue stream(&call.txn, key, &call.server.thresholds);
  const Opened opened = stream.Open();
  if (opened == Opened::kFound) {
    ReplyWriter entries(&progress->entries, call.reply.version());
    if (!Done(call,
              WriteEntries(&call.txn, &stream, &progress->range, &entries, &progress->written),
              stream.status())) {
      return false;
    }
    if (!progress->range.done) {
      call.txn.serving() ? call.txn.RunApart() : call.txn.Again();
      return false;
    }
  } else if (opened != Opened::kWrongType && !Ready(call, opened, stream.status())) {
    return false;
  }
  progress->begun = false;
  ++progress->at;
  if (progress->written == 0) return true;
  ReplyWriter done(&progress->done, call.reply.version());
  ++progress->served;
  if (call.reply.version() < 3) done.ArrayHeader(2);
  done.Bulk(key);
  done.ArrayHeader(progress->written);
  progress->done.Append(&progress->entries);
  return true;
}

}  // namespace

bool ParseStreamRead(Call& call, bool by_group, StreamReadArgs* args) {
  size_t streams_at = 0;
  for (size_t i = 1; i < call.argv.size() && streams_at == 0; ++i) {
    const std::string_view arg = call.argv[i];
    const size_t more = call.argv.size() - i - 1;
    if (Is(arg, "block") && more >= 1) {
      const std::string_view error =
          ReadTimeout(call.argv[++i], call.txn.now_ms(), &args->block_ms);
      if (!error.empty()) return Refuse(call, error);
    } else if (Is(arg, "count") && more >= 1) {
      int64_t count;
      if (!IntegerArg(call, call.argv[++i], &count)) return false;
      args->count = count > 0 ? static_cast<uint64_t>(count) : UINT64_MAX;
    } else if (Is(arg, "streams") && more >= 1) {
      streams_at = i + 1;
    } else if (Is(arg, "group") && more >= 2) {
      if (!by_group) return Refuse(call, errors::kXreadGroup);
      args->has_group = true;
      args->group = call.argv[i + 1];
      args->consumer = call.argv[i + 2];
      i += 2;
    } else if (Is(arg, "noack")) {
      if (!by_group) return Refuse(call, errors::kXreadNoack);
      args->noack = true;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  if (streams_at == 0) return Refuse(call, errors::kSyntax);
  const auto rest = call.argv.subspan(streams_at);
  if (rest.size() % 2 != 0) {
    return Refuse(call, by_group ? errors::UnbalancedStreams("xreadgroup", ">")
                                 : errors::UnbalancedStreams("xread", "$"));
  }
  if (by_group && !args->has_group) return Refuse(call, errors::kXreadgroupNoGroup);
  args->keys = rest.first(rest.size() / 2);
  args->ids = rest.last(rest.size() / 2);
  return true;
}

void WaitForStreams(Call& call, const StreamReadArgs& args, bool when_gone) {
  if (args.block_ms < 0 || !call.txn.MayWait()) return call.reply.NullArray();
  WaitTerms terms;
  terms.type = ValueType::kStream;
  terms.when_gone = when_gone;
  if (args.block_ms > 0)
    terms.deadline_ms = call.txn.now_ms() + static_cast<uint64_t>(args.block_ms);
  call.txn.WaitFor(args.keys, terms);
}

namespace {

// "$" is the last id of now, also when the command runs again.
void Wait(Call& call, const StreamReadArgs& args, const ReadProgress& progress) {
  WaitForStreams(call, args, false);
  if (!call.txn.waits()) return;
  const auto first = static_cast<size_t>(args.ids.data() - call.argv.data());
  for (size_t i = 0; i < args.ids.size(); ++i) {
    if (args.ids[i] != "$") continue;
    StreamIdText text;
    call.txn.WaitSaying(first + i, text.Of(progress.after[i]));
  }
}

}  // namespace

void HandleXRead(Call& call) {
  StreamReadArgs args;
  if (!ParseStreamRead(call, false, &args)) return;
  ReadProgress local;
  ReadProgress* progress = call.txn.Progress<ReadProgress>();
  if (progress == nullptr) progress = &local;
  uint32_t there = 0;
  std::vector<std::string_view> missing;
  if (call.txn.ServedEnough()) return call.txn.RunApart();
  if (!Resolve(call, args, progress, &there, &missing)) return;
  const bool whole = progress->at == 0 && !progress->begun;
  // Redis looks each of them up twice, here it varies.
  call.txn.set_count_hits(false);
  while (progress->at < args.keys.size()) {
    if (!ReadOne(call, args, progress)) return;
  }
  call.txn.hits += there;
  for (const std::string_view key : missing) call.txn.CountRead(false, key);
  if (progress->served == 0) {
    if (whole || args.block_ms < 0) return Wait(call, args, *progress);
    // Those that were looked at in earlier passes may have got something.
    progress->at = 0;
    return call.txn.Again();
  }
  if (call.reply.version() < 3) {
    call.reply.ArrayHeader(progress->served);
  } else {
    call.reply.MapHeader(progress->served);
  }
  call.reply.out().Append(&progress->done);
}

}  // namespace cairn

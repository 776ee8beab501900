// Cut: the state of all namespaces between two units, held for as long as the object lives, while
// everything goes on; and ReadLog: the units behind it, one after the other. For backups, replicas
// and long reads. Specified, and provided for on disk (docs/format.md, "Units"); built with
// backups and replication: until then Engine::cuts is null.
//
// What an engine does for it:
//   vlog   A cut is, per lane, a position at which no transaction is open, with the number of its
//          next unit; a checkpoint of the index that is newer than none of them; and the segments
//          that both need, which garbage collection may not remove meanwhile. LinkTo links those,
//          cuts the active ones by a manifest with clean ends, and writes that manifest. ReadLog
//          reads segments of the log from the positions on, and parts of a unit together.
//   lsm    A cut is a snapshot, which fixes a sequence number between two write batches. LinkTo is
//          RocksDB's Checkpoint, made under the same sequence number. ReadLog is GetUpdatesSince:
//          a batch is a unit, its sequence number the unit's; log files stay as long as the cut.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/read.h"
#include "engine/write.h"

namespace cairn {

// Where somebody is in the log of an engine: plain numbers, to be kept and sent. Says nothing to
// another directory than the one it comes from, or its copies.
struct LogPlace {
  uint32_t epoch = 0;               // streams are others in each
  std::vector<uint64_t> next_unit;  // by stream: number of the first unit that is not seen yet
  bool operator==(const LogPlace&) const = default;
};

// A unit as the log has it. Valid during the call.
struct LogUnit {
  // Its number in each stream that it has a part in, those ascending. One unit, however many parts:
  // they are handed over together, when all are durable.
  struct Part {
    uint32_t stream = 0;
    uint64_t number = 0;
  };
  std::span<const Part> parts;
  uint16_t origin = 0;     // which server wrote it first; 0: this one
  uint32_t workspace = 0;  // the tenant that its namespaces belong to
  // In order. Namespaces are those of the time of the unit: a swap is a unit like any other.
  std::span<const WriteOp> ops;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  // False: no more for now. The unit counts as seen.
  virtual bool OnUnit(const LogUnit& unit) = 0;
};

// From any thread but reactors; one thread at a time per object.
class Cut {
 public:
  // Lets go of all that it held. Not after the engine was closed.
  virtual ~Cut() = default;

  // All units before it are in the cut, all others are not.
  virtual const LogPlace& place() const = 0;
  // Keys of a namespace from query.from on, with values, as they were. Blocks; takes nothing out of
  // the cache and puts nothing in.
  virtual Status Read(const RangeQuery& query, std::vector<std::string>* values,
                      RangeRequest* rows) = 0;
  // Makes `dir`, which must not exist and lie in the same file system, a directory that opens as
  // any other and holds the cut, nothing else. By hard links: it takes no room, and what the engine
  // writes later does not show in it. On error nothing is left of it. Whole and durable when it
  // returns.
  virtual Status LinkTo(const std::string& dir) = 0;
};

class CutSource {
 public:
  virtual ~CutSource() = default;

  // Holds the state of some moment during the call, everything in it durable. Blocks until that is
  // so, never a writer. kBusy: too many are held; kNoSpace: holding one more would fill the disk.
  // An engine may let go of a cut that keeps it from making room: its calls then fail with
  // kNoSpace.
  virtual Result<std::unique_ptr<Cut>> TakeCut() = 0;

  // Hands over units from *place on, as far as they are durable, and moves *place behind each.
  // Streams in any order, but: each stream in its own order, each unit once, and a unit after all
  // that it saw of its keys. At the end, when there is nothing yet, it returns; WaitLog waits for
  // more. kInvalid: the log does not reach back so far, or was not numbered then; take a cut.
  // kCorruption: file and offset. Nothing is skipped.
  virtual Status ReadLog(LogPlace* place, LogSink* sink) = 0;
  // True: there is more behind `place`. False: not within `millis`.
  virtual bool WaitLog(const LogPlace& place, uint32_t millis) = 0;
  // Keeps what ReadLog needs from `place` on until it is called again with a later one; an empty
  // place lets go. One for each name, 16 at most; not beyond `bytes_max` of log, which is kept on
  // disk beside the data. Holds over restarts.
  virtual Status KeepLog(std::string_view name, const LogPlace& place, uint64_t bytes_max) = 0;
};

}  // namespace cairn

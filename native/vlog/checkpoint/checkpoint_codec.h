// The bytes of a checkpoint file (docs/format.md, "Checkpoint"): blocks of entries, and the tail
// that describes them. Works on memory only; checkpoint_file.h reads and writes files of it. Not
// thread-safe, but for the free functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "vlog/index/pointer.h"
#include "vlog/log/manifest.h"

namespace cairn::vlog {

inline constexpr uint64_t kCheckpointMagic = 0x504b434e52494143;  // "CAIRNCKP"
inline constexpr uint32_t kCheckpointVersion = 2;
inline constexpr uint32_t kCheckpointVersionMin = 1;  // still read: it has no units
// Blocks begin and end at multiples of the unit: this, or the device's alignment if that is larger.
inline constexpr uint32_t kCheckpointUnitBytes = 4096;
// Of a block, unless one key alone needs more.
inline constexpr uint32_t kCheckpointBlockBytes = 64u << 10;
// Zeros that follow the entries at the least, so that a decoder may load whole words.
inline constexpr uint32_t kCheckpointSlackBytes = 16;

struct CheckpointInfo {
  uint32_t id = 0;
  uint32_t epoch = 0, lanes = 0, incarnation = 0;
  uint32_t next_segment_id = 0;  // segments of survivors with this id or a higher one are newer
  uint64_t swap_sequence = 0;
  std::vector<TreeEntry> trees;
  std::vector<uint64_t> log_from;  // per lane: position from which the log must be replayed
  std::vector<uint64_t> units;     // per lane: number of the unit there; empty: not known
  uint64_t created_ms = 0;         // wall clock
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of the file
};

struct CheckpointBlockHeader {
  uint32_t crc;  // of everything after it, to the end of the block
  uint32_t checkpoint_id;
  uint64_t offset;  // of the block in the file
  uint32_t bytes;   // of the block
  uint32_t used;    // of header and entries; zeros follow
  uint32_t entries;
  uint16_t first_shard;
  uint16_t last_shard;
};
static_assert(sizeof(CheckpointBlockHeader) == 32 && offsetof(CheckpointBlockHeader, offset) == 8 &&
              offsetof(CheckpointBlockHeader, used) == 20 &&
              offsetof(CheckpointBlockHeader, last_shard) == 30);

// What the tail says of a block. Blocks follow each other without a gap.
struct CheckpointBlockEntry {
  uint32_t bytes;
  uint32_t crc;
  uint32_t entries;
  uint16_t first_shard;
  uint16_t last_shard;
};
static_assert(sizeof(CheckpointBlockEntry) == 16);

struct CheckpointTailHeader {
  uint32_t epoch;
  uint32_t lanes;
  uint32_t incarnation;
  uint32_t next_segment_id;
  uint64_t swap_sequence;
  uint64_t created_ms;
  uint64_t entries;
  uint32_t tree_count;
  uint32_t log_count;
  uint32_t block_count;
  uint32_t unit_count;  // 0 before version 2
};
static_assert(sizeof(CheckpointTailHeader) == 56 &&
              offsetof(CheckpointTailHeader, swap_sequence) == 16 &&
              offsetof(CheckpointTailHeader, tree_count) == 40);

// The last bytes of the file.
struct CheckpointTrailer {
  uint64_t tail_bytes;  // the trailer included
  uint64_t file_bytes;
  uint32_t checkpoint_id;
  uint32_t unit_bytes;
  uint32_t tail_crc;  // of the tail without the trailer
  uint32_t version;
  uint32_t byte_order;
  uint32_t crc;  // of the fields before
  uint64_t magic;
};
static_assert(sizeof(CheckpointTrailer) == 48 && offsetof(CheckpointTrailer, tail_crc) == 24 &&
              offsetof(CheckpointTrailer, crc) == 36 && offsetof(CheckpointTrailer, magic) == 40);

// Of an entry: a run header (5); tag; two lengths (5 each), position (8), body (5), flags (5),
// expiry (10), checksum (4). The rest of the key comes on top.
inline constexpr size_t kCheckpointEntryBytesMax = 5 + 1 + 5 + 5 + 8 + 5 + 5 + 10 + 4;

// Fills one block after the other, in memory of the caller's.
class CheckpointBlockEncoder {
 public:
  // Bytes that a block needs to hold one entry with such a key.
  static size_t BytesFor(size_t key_bytes) {
    return sizeof(CheckpointBlockHeader) + kCheckpointEntryBytesMax + key_bytes +
           kCheckpointSlackBytes;
  }

  void Begin(char* block, size_t capacity);
  bool open() const { return block_ != nullptr; }
  size_t used() const { return open() ? static_cast<size_t>(at_ - block_) : 0; }
  // False: no room, nothing changed. Entries must ascend, over all blocks.
  bool Add(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
           uint64_t expire_at_ms);
  // Ends the block: zeros up to a whole unit, and the header.
  CheckpointBlockEntry Finish(uint32_t checkpoint_id, uint64_t offset, uint32_t unit_bytes);

 private:
  void Remember(std::string_view key, size_t shared);

  char* block_ = nullptr;
  char* at_ = nullptr;
  char* limit_ = nullptr;  // entries end here at the latest
  uint32_t entries_ = 0;
  uint16_t first_shard_ = 0;
  bool any_ = false;  // an entry was added ever
  uint32_t run_ = 0;  // shard << 16 | tree of the entry before
  std::vector<char> key_;
  size_t key_bytes_ = 0;
  // What the next entry is told apart from; fresh in each block.
  uint64_t position_ = 0;
  uint64_t expire_ = 0;
  uint32_t body_ = 0;
  uint32_t flags_ = 0;
  uint32_t length_ = 0;  // of the key
};

// Receives what is loaded. Calls for one shard come from one thread and in order; several shards
// may be loaded at once.
class CheckpointSink {
 public:
  virtual ~CheckpointSink() = default;
  // The key is valid during the call only. The pointer is as given to CheckpointWriter::Add, with
  // kHasExpiry as expire_at_ms says.
  virtual void OnEntry(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
                       uint64_t expire_at_ms) = 0;
  // The last entry of this tree was seen; comes from the thread that had its entries, before the
  // next tree's entries.
  virtual void OnTreeEnd(uint16_t /*shard*/, uint16_t /*tree*/) {}
  // So much was read from the file; its entries come next. May take its time. An error ends the
  // loading.
  virtual Status OnRead(uint64_t /*bytes*/) { return Status(); }
};

// Hands on the entries of neighbouring blocks, whatever their bytes are: it reads nothing but the
// block.
class CheckpointBlockDecoder {
 public:
  // Only entries of shards [shard_from, shard_to) go to the sink.
  CheckpointBlockDecoder(CheckpointSink* sink, uint32_t shard_from, uint32_t shard_to)
      : sink_(sink), shard_from_(shard_from), shard_to_(shard_to) {}

  // `block` has entry.bytes bytes. Null: fine. Else what is wrong; *where is the offset in the
  // block.
  const char* Decode(const char* block, uint32_t checkpoint_id, uint64_t offset,
                     const CheckpointBlockEntry& entry, size_t* where);
  // Behind the last block.
  void Finish();
  uint64_t delivered() const { return delivered_; }

 private:
  struct Entries;

  const char* DecodeEntries(const char* block, const CheckpointBlockHeader& header, size_t* where);
  void EndTree();
  bool InRange() const { return any_ && run_ >> 16 >= shard_from_ && run_ >> 16 < shard_to_; }

  CheckpointSink* sink_;
  uint32_t shard_from_;
  uint32_t shard_to_;
  uint64_t delivered_ = 0;
  bool any_ = false;
  uint32_t run_ = 0;
  std::vector<char> key_;  // the key before, with room for what the block may make of it
  size_t key_bytes_ = 0;
};

struct CheckpointTail {
  CheckpointInfo info;
  uint32_t unit_bytes = 0;
  uint64_t offset = 0;  // where the tail begins: the blocks end here
  std::vector<CheckpointBlockEntry> blocks;
};

// The whole tail, padded to units; sets info.entries and info.bytes.
std::string EncodeCheckpointTail(CheckpointTail* tail);
// Takes the trailer from the last bytes of a file. Errors name `path` and the offset.
Result<CheckpointTrailer> DecodeCheckpointTrailer(std::string_view end, uint64_t file_bytes,
                                                  const std::string& path);
// `bytes`: trailer.tail_bytes bytes from the end of the file.
Result<CheckpointTail> DecodeCheckpointTail(std::string_view bytes,
                                            const CheckpointTrailer& trailer,
                                            const std::string& path);

}  // namespace cairn::vlog

#include "vlog/checkpoint/checkpoint_codec.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/slot.h"
#include "vlog/log/format.h"

namespace cairn::vlog {
namespace {

// The tag of an entry. The lowest bits are the bytes of the position's difference, less one.
constexpr uint8_t kPositionMask = 0x07;
constexpr uint8_t kSameKeyBytes = 0x08;  // as the key before: no length
constexpr uint8_t kSameBody = 0x10;      // as the record before: no body
constexpr uint8_t kNewFlags = 0x20;      // else the flags are those of the entry before
constexpr uint8_t kExpires = 0x40;
constexpr uint8_t kRun = 0x80;  // no entry: shard and tree of the entries that follow

constexpr size_t kRunBytes = 5;
// Never in the flags on disk: they follow from the rest of the entry, or have no meaning there.
constexpr uint32_t kImpliedFlags = Pointer::kHasExpiry | Pointer::kResident | kPadMask << kPadShift;
constexpr size_t kKeyBytesKept = 64u << 10;  // a buffer for keys larger than this is given back

uint64_t ZigZag(uint64_t difference) { return (difference << 1) ^ (0 - (difference >> 63)); }
uint64_t UnZigZag(uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

uint64_t Load64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return value;
}
template <typename T>
char* Store(char* to, T value) {
  std::memcpy(to, &value, sizeof(value));
  return to + sizeof(value);
}
template <typename T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

char* StoreVarint(char* to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  return to;
}

// Reads at most `bytes_max` bytes; null: longer, or not the shortest form.
inline const char* LoadVarint(const char* from, int bytes_max, uint64_t* value) {
  uint8_t byte = static_cast<uint8_t>(*from++);
  *value = byte & 0x7f;
  for (int i = 1; byte >= 0x80; ++i) {
    if (i == bytes_max) return nullptr;
    byte = static_cast<uint8_t>(*from++);
    if (byte == 0) return nullptr;
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
  }
  return from;
}

inline size_t CommonBytes(const char* a, const char* b, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint64_t different = Load64(a + i) ^ Load64(b + i);
    if (different != 0) return i + static_cast<size_t>(__builtin_ctzll(different)) / 8;
  }
  while (i < n && a[i] == b[i]) ++i;
  return i;
}

// What the record has besides header and key: the value, and an expiry field.
uint32_t BodyOf(const Pointer& pointer, size_t key_bytes) {
  return pointer.length - ((pointer.flags >> kPadShift) & kPadMask) -
         static_cast<uint32_t>(key_bytes) - static_cast<uint32_t>(sizeof(RecordHeader));
}

Status Corrupt(const std::string& path, uint64_t offset, const std::string& what) {
  return Status(Code::kCorruption, path + " at offset " + std::to_string(offset) + ": " + what);
}

template <typename T>
void Put(std::string* out, const T& value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
bool Take(std::string_view* in, uint32_t count, std::vector<T>* values) {
  if (in->size() / sizeof(T) < count) return false;
  values->resize(count);
  if (count != 0) std::memcpy(values->data(), in->data(), sizeof(T) * count);
  in->remove_prefix(sizeof(T) * count);
  return true;
}

}  // namespace

void CheckpointBlockEncoder::Begin(char* block, size_t capacity) {
  CAIRN_CHECK(capacity >= BytesFor(0));
  block_ = block;
  at_ = block + sizeof(CheckpointBlockHeader);
  limit_ = block + capacity - kCheckpointSlackBytes;
  entries_ = 0;
  position_ = expire_ = 0;
  body_ = flags_ = length_ = 0;
}

void CheckpointBlockEncoder::Remember(std::string_view key, size_t shared) {
  if (key.size() > key_.size()) {
    key_.resize(std::max<size_t>(2 * key.size(), 256));
  } else if (key_.size() > kKeyBytesKept && key.size() <= kKeyBytesKept / 2) {
    key_.resize(kKeyBytesKept);
    key_.shrink_to_fit();
  }
  if (key.size() != shared)
    std::memcpy(key_.data() + shared, key.data() + shared, key.size() - shared);
  key_bytes_ = key.size();
}

bool CheckpointBlockEncoder::Add(uint16_t shard, uint16_t tree, std::string_view key,
                                 const Pointer& pointer, uint64_t expire_at_ms) {
  const uint32_t run = uint32_t{shard} << 16 | tree;
  const bool same_run = any_ && run == run_;
  size_t common = 0;  // with the key before
  if (same_run) {
    common = CommonBytes(key_.data(), key.data(), std::min(key_bytes_, key.size()));
    CAIRN_CHECK(common < key.size() &&
                (common == key_bytes_ ||
                 static_cast<uint8_t>(key_[common]) < static_cast<uint8_t>(key[common])));
  }
  const bool new_run = !same_run || entries_ == 0;
  const size_t shared = new_run ? 0 : common;
  const size_t rest = key.size() - shared;
  if (static_cast<size_t>(limit_ - at_) < kCheckpointEntryBytesMax + rest) return false;
  CAIRN_CHECK(shard < kShardCount && (same_run || !any_ || run > run_));
  CAIRN_CHECK(!pointer.resident() && pointer.offset % 8 == 0 && pointer.length % 8 == 0 &&
              pointer.offset < kSegmentBytesMax);
  if (entries_++ == 0) first_shard_ = shard;
  any_ = true;
  run_ = run;
  char* p = at_;
  if (new_run) {
    *p = static_cast<char>(kRun);
    Store(Store(p + 1, shard), tree);
    p += kRunBytes;
  }

  const uint64_t position = LogPosition(pointer.segment_id, pointer.offset);
  const uint64_t difference = ZigZag(position - position_);
  const uint32_t position_bytes =
      (71u - static_cast<uint32_t>(__builtin_clzll(difference | 1))) / 8;
  const uint32_t body = BodyOf(pointer, key.size());
  const uint32_t flags = pointer.flags & ~kImpliedFlags;
  const uint32_t length = static_cast<uint32_t>(key.size());
  uint8_t tag = static_cast<uint8_t>(position_bytes - 1);
  if (length == length_) tag |= kSameKeyBytes;
  if (body == body_) tag |= kSameBody;
  if (flags != flags_) tag |= kNewFlags;
  if (expire_at_ms != 0) tag |= kExpires;
  *p++ = static_cast<char>(tag);
  p = StoreVarint(p, shared);
  if ((tag & kSameKeyBytes) == 0) p = StoreVarint(p, rest);
  if (rest != 0) std::memcpy(p, key.data() + shared, rest);
  p = Store(p + rest, difference) - 8 + position_bytes;
  if ((tag & kSameBody) == 0) p = StoreVarint(p, body);
  if ((tag & kNewFlags) != 0) p = StoreVarint(p, flags);
  if (expire_at_ms != 0) {
    p = StoreVarint(p, ZigZag(expire_at_ms - expire_));
    expire_ = expire_at_ms;
  }
  at_ = Store(p, pointer.checksum);
  position_ = position;
  body_ = body;
  flags_ = flags;
  length_ = length;
  Remember(key, common);
  return true;
}

CheckpointBlockEntry CheckpointBlockEncoder::Finish(uint32_t checkpoint_id, uint64_t offset,
                                                    uint32_t unit_bytes) {
  const size_t used = static_cast<size_t>(at_ - block_);
  const size_t bytes = AlignUp(used + kCheckpointSlackBytes, unit_bytes);
  CheckpointBlockHeader header;
  header.crc = 0;
  header.checkpoint_id = checkpoint_id;
  header.offset = offset;
  header.bytes = static_cast<uint32_t>(bytes);
  header.used = static_cast<uint32_t>(used);
  header.entries = entries_;
  header.first_shard = first_shard_;
  header.last_shard = static_cast<uint16_t>(run_ >> 16);
  std::memset(at_, 0, bytes - used);
  std::memcpy(block_, &header, sizeof(header));
  header.crc = Crc32c(block_ + 4, bytes - 4);
  std::memcpy(block_, &header.crc, 4);
  block_ = nullptr;
  return {header.bytes, header.crc, header.entries, header.first_shard, header.last_shard};
}

const char* CheckpointBlockDecoder::Decode(const char* block, uint32_t checkpoint_id,
                                           uint64_t offset, const CheckpointBlockEntry& entry,
                                           size_t* where) {
  *where = 0;
  const CheckpointBlockHeader header = Load<CheckpointBlockHeader>(block);
  if (header.crc != entry.crc || Crc32c(block + 4, entry.bytes - 4) != entry.crc)
    return "block checksum does not match";
  if (header.checkpoint_id != checkpoint_id) return "block of another checkpoint";
  if (header.offset != offset) return "block of another place";
  if (header.bytes != entry.bytes || header.entries != entry.entries || header.entries == 0 ||
      header.first_shard != entry.first_shard || header.last_shard != entry.last_shard ||
      header.used < sizeof(header) || header.used > header.bytes - kCheckpointSlackBytes) {
    return "block contradicts the tail";
  }
  return DecodeEntries(block, header, where);
}

// Reads entries one by one; the fields hold what the next one is told apart from. May read up to
// kCheckpointSlackBytes behind the end, so bounds need not be checked for each field. The methods
// return null, or what is wrong.
struct CheckpointBlockDecoder::Entries {
  const char* p;
  const char* end;
  char* key;          // room for all bytes of the block and the slack
  size_t before;      // bytes of the key there
  size_t length = 0;  // the same, 0 at the start of a block
  uint64_t position = 0;
  uint64_t expire = 0;
  uint32_t body = 0;
  uint32_t flags = 0;

  enum class Order : uint8_t { kNone, kContinues, kRestarts };

  // kContinues: the key may share bytes with the one before; kRestarts: it is behind that one, but
  // written in full; kNone: neither.
  const char* ReadKey(uint8_t tag, Order order) {
    uint64_t shared, rest;
    p = LoadVarint(p, 5, &shared);
    if (p == nullptr || shared > (order == Order::kContinues ? before : 0))
      return "shared bytes of a key";
    if ((tag & kSameKeyBytes) == 0) {
      p = LoadVarint(p, 5, &rest);
      if (p == nullptr) return "length of a key";
    } else {
      if (shared > length) return "length of a key";
      rest = length - shared;
    }
    if (p > end || rest > static_cast<size_t>(end - p)) return "key exceeds the block";
    bool ascends = true;
    if (order == Order::kContinues) {
      ascends = rest != 0 &&
                (shared == before || static_cast<uint8_t>(*p) > static_cast<uint8_t>(key[shared]));
    } else if (order == Order::kRestarts) {
      ascends = std::string_view(key, before) < std::string_view(p, rest);
    }
    if (!ascends) return "keys do not ascend";
    std::memcpy(key + shared, p, kCheckpointSlackBytes);
    if (rest > kCheckpointSlackBytes) std::memcpy(key + shared, p, rest);
    p += rest;
    before = length = shared + rest;
    return nullptr;
  }

  const char* ReadPointer(uint8_t tag, Pointer* pointer, uint64_t* expire_at_ms) {
    const uint32_t position_bytes = (tag & kPositionMask) + 1u;
    position += UnZigZag(Load64(p) & (~uint64_t{0} >> (64 - 8 * position_bytes)));
    p += position_bytes;
    uint64_t value;
    if ((tag & kSameBody) == 0) {
      p = LoadVarint(p, 5, &value);
      if (p == nullptr || value > UINT32_MAX) return "length of a record";
      body = static_cast<uint32_t>(value);
    }
    if (p > end) return "entry exceeds the block";
    if ((tag & kNewFlags) != 0) {
      p = LoadVarint(p, 5, &value);
      if (p == nullptr || value > UINT32_MAX || (value & kImpliedFlags) != 0) return "flags";
      flags = static_cast<uint32_t>(value);
    }
    *expire_at_ms = 0;
    if ((tag & kExpires) != 0) {
      p = LoadVarint(p, 10, &value);
      if (p == nullptr) return "expiry";
      *expire_at_ms = expire += UnZigZag(value);
      if (expire == 0) return "expiry";
    }
    if (p > end || end - p < 4) return "entry exceeds the block";
    const uint32_t exact =
        body + static_cast<uint32_t>(length) + static_cast<uint32_t>(sizeof(RecordHeader));
    pointer->segment_id = SegmentOf(position);
    pointer->offset = OffsetOf(position);
    pointer->length = (exact + 7) & ~7u;
    pointer->flags = flags | (pointer->length - exact) << kPadShift |
                     ((tag & kExpires) != 0 ? Pointer::kHasExpiry : 0);
    pointer->checksum = Load<uint32_t>(p);
    p += 4;
    return nullptr;
  }
};

void CheckpointBlockDecoder::EndTree() {
  if (InRange()) sink_->OnTreeEnd(static_cast<uint16_t>(run_ >> 16), static_cast<uint16_t>(run_));
}

const char* CheckpointBlockDecoder::DecodeEntries(const char* block,
                                                  const CheckpointBlockHeader& header,
                                                  size_t* where) {
  // The key before is needed to see that keys ascend over the border of blocks, too.
  const size_t room = std::max<size_t>(header.used, key_bytes_) + kCheckpointSlackBytes;
  if (key_.size() < room) key_.resize(room);
  Entries in{block + sizeof(header), block + header.used, key_.data(), key_bytes_};
  uint32_t entries = 0;
  bool deliver = false;
  for (; in.p < in.end; ++entries) {
    *where = static_cast<size_t>(in.p - block);
    using Order = Entries::Order;
    Order order = Order::kContinues;
    uint8_t tag = static_cast<uint8_t>(*in.p);
    if (tag == kRun) {
      if (in.end - in.p <= static_cast<ptrdiff_t>(kRunBytes)) return "no entry";
      const uint16_t shard = Load<uint16_t>(in.p + 1), tree = Load<uint16_t>(in.p + 3);
      const uint32_t run = uint32_t{shard} << 16 | tree;
      order = any_ && run == run_ ? Order::kRestarts : Order::kNone;
      if (shard >= kShardCount || (any_ && run < run_) ||
          (order == Order::kRestarts && entries != 0)) {
        return "shards or trees do not ascend";
      }
      if (entries == 0 && shard != header.first_shard) return "block begins with another shard";
      if (order == Order::kNone) EndTree();
      any_ = true;
      run_ = run;
      deliver = InRange();
      in.p += kRunBytes;
      tag = static_cast<uint8_t>(*in.p);
    } else if (entries == 0) {
      return "block begins without a shard";
    }
    if ((tag & kRun) != 0) return "no entry";
    ++in.p;
    const char* why = in.ReadKey(tag, order);
    if (why != nullptr) return why;
    Pointer pointer;
    uint64_t expire_at_ms;
    why = in.ReadPointer(tag, &pointer, &expire_at_ms);
    if (why != nullptr) return why;
    if (!deliver) continue;
    sink_->OnEntry(static_cast<uint16_t>(run_ >> 16), static_cast<uint16_t>(run_),
                   std::string_view(in.key, in.length), pointer, expire_at_ms);
    ++delivered_;
  }
  *where = header.used;
  if (entries != header.entries) return "number of entries";
  if (run_ >> 16 != header.last_shard) return "block ends with another shard";
  key_bytes_ = in.before;
  return nullptr;
}

void CheckpointBlockDecoder::Finish() {
  EndTree();
  any_ = false;
}

std::string EncodeCheckpointTail(CheckpointTail* tail) {
  CheckpointInfo& info = tail->info;
  info.entries = 0;
  for (const CheckpointBlockEntry& block : tail->blocks) info.entries += block.entries;
  CheckpointTailHeader header = {};
  header.epoch = info.epoch;
  header.lanes = info.lanes;
  header.incarnation = info.incarnation;
  header.next_segment_id = info.next_segment_id;
  header.swap_sequence = info.swap_sequence;
  header.created_ms = info.created_ms;
  header.entries = info.entries;
  header.tree_count = static_cast<uint32_t>(info.trees.size());
  header.log_count = static_cast<uint32_t>(info.log_from.size());
  header.block_count = static_cast<uint32_t>(tail->blocks.size());
  header.unit_count = static_cast<uint32_t>(info.units.size());
  std::string out;
  Put(&out, header);
  for (uint64_t position : info.log_from) Put(&out, position);
  for (const CheckpointBlockEntry& block : tail->blocks) Put(&out, block);
  for (uint64_t unit : info.units) Put(&out, unit);
  for (const TreeEntry& tree : info.trees) Put(&out, tree);
  out.resize(AlignUp(out.size() + sizeof(CheckpointTrailer), tail->unit_bytes) -
             sizeof(CheckpointTrailer));
  CheckpointTrailer trailer = {};
  trailer.tail_bytes = out.size() + sizeof(trailer);
  trailer.file_bytes = info.bytes = tail->offset + trailer.tail_bytes;
  trailer.checkpoint_id = info.id;
  trailer.unit_bytes = tail->unit_bytes;
  trailer.tail_crc = Crc32c(out.data(), out.size());
  trailer.version = kCheckpointVersion;
  trailer.byte_order = kByteOrderMark;
  trailer.crc = Crc32c(&trailer, offsetof(CheckpointTrailer, crc));
  trailer.magic = kCheckpointMagic;
  Put(&out, trailer);
  return out;
}

Result<CheckpointTrailer> DecodeCheckpointTrailer(std::string_view end, uint64_t file_bytes,
                                                  const std::string& path) {
  if (end.size() < sizeof(CheckpointTrailer))
    return Corrupt(path, file_bytes, "checkpoint is cut short");
  const uint64_t at = file_bytes - sizeof(CheckpointTrailer);
  const auto trailer = Load<CheckpointTrailer>(end.data() + end.size() - sizeof(CheckpointTrailer));
  if (trailer.magic != kCheckpointMagic) return Corrupt(path, at, "no end of a checkpoint (magic)");
  if (trailer.byte_order != kByteOrderMark)
    return Corrupt(path, at, "checkpoint of another byte order");
  if (trailer.crc != Crc32c(&trailer, offsetof(CheckpointTrailer, crc)))
    return Corrupt(path, at, "trailer checksum does not match");
  if (trailer.version < kCheckpointVersionMin || trailer.version > kCheckpointVersion) {
    return Status(Code::kInvalid, path + ": checkpoint version " + std::to_string(trailer.version) +
                                      "; this server reads versions " +
                                      std::to_string(kCheckpointVersionMin) + " to " +
                                      std::to_string(kCheckpointVersion));
  }
  const uint32_t unit = trailer.unit_bytes;
  if (trailer.file_bytes != file_bytes || trailer.tail_bytes > file_bytes || unit < 512 ||
      (unit & (unit - 1)) != 0 || file_bytes % unit != 0 || trailer.tail_bytes % unit != 0 ||
      trailer.tail_bytes < sizeof(CheckpointTailHeader) + sizeof(CheckpointTrailer)) {
    return Corrupt(path, at, "trailer contradicts the file");
  }
  return trailer;
}

Result<CheckpointTail> DecodeCheckpointTail(std::string_view bytes,
                                            const CheckpointTrailer& trailer,
                                            const std::string& path) {
  CheckpointTail tail;
  tail.unit_bytes = trailer.unit_bytes;
  tail.offset = trailer.file_bytes - trailer.tail_bytes;
  if (bytes.size() != trailer.tail_bytes)
    return Corrupt(path, tail.offset, "checkpoint is cut short");
  std::string_view in = bytes.substr(0, bytes.size() - sizeof(trailer));
  if (Crc32c(in.data(), in.size()) != trailer.tail_crc)
    return Corrupt(path, tail.offset, "tail checksum does not match");
  const auto header = Load<CheckpointTailHeader>(in.data());
  in.remove_prefix(sizeof(header));
  CheckpointInfo& info = tail.info;
  info.id = trailer.checkpoint_id;
  info.epoch = header.epoch;
  info.lanes = header.lanes;
  info.incarnation = header.incarnation;
  info.next_segment_id = header.next_segment_id;
  info.swap_sequence = header.swap_sequence;
  info.created_ms = header.created_ms;
  info.entries = header.entries;
  info.bytes = trailer.file_bytes;
  bool whole =
      Take(&in, header.log_count, &info.log_from) && Take(&in, header.block_count, &tail.blocks) &&
      Take(&in, header.unit_count, &info.units) && Take(&in, header.tree_count, &info.trees);
  const bool numbered = trailer.version >= 2 && header.unit_count == header.log_count;
  whole = whole && (numbered || header.unit_count == 0);
  uint64_t offset = 0, entries = 0;
  uint32_t shard = 0;
  for (const CheckpointBlockEntry& block : tail.blocks) {
    whole = whole && block.bytes != 0 && block.bytes % tail.unit_bytes == 0 && block.entries != 0 &&
            block.first_shard >= shard && block.last_shard >= block.first_shard &&
            block.last_shard < kShardCount;
    shard = block.last_shard;
    offset += block.bytes;
    entries += block.entries;
  }
  if (!whole || offset != tail.offset || entries != info.entries)
    return Corrupt(path, tail.offset, "tail contradicts itself");
  return tail;
}

}  // namespace cairn::vlog

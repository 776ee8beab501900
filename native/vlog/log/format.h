// Every byte the vlog engine puts on disk; docs/format.md draws the same and explains the rules.
// Pure data and pure functions, usable from any thread. All integers are little-endian, as on every
// machine this builds for.
//
//   segment file: [header block][commit][commit]...[trailer block]
//   commit:       [commit record][record or group]...[zeros up to a whole block]
//   record:       [RecordHeader 24][expiry 8][key][value][RecordExtension 8][zeros]
//   group:        [group record][records with kGroupMember]
//
// Blocks have header.block_bytes bytes, records are multiples of 8. Expiry and extension are there
// if the record's type says so. A group is applied all or nothing.
//
// A record's checksum starts from its offset and from a number that only the segment's header
// tells, and its own header names segment and incarnation. So bytes that lie where they were not
// written, that a previous life of the server or of the file left behind, or that a client made up
// to look like records, are never taken for one.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/crc32c.h"
#include "vlog/index/pointer.h"
#include "vlog/index/tree_number.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

namespace cairn::vlog {

inline constexpr uint64_t kSegmentMagic = 0x4745534e52494143;   // "CAIRNSEG"
inline constexpr uint64_t kManifestMagic = 0x4e414d4e52494143;  // "CAIRNMAN"
inline constexpr uint32_t kFormatVersion = 3;
// Still read. Version 1 has no survivors and no checkpoints, 1 and 2 do not number their units.
inline constexpr uint32_t kFormatVersionMin = 1;
inline constexpr uint32_t kByteOrderMark = 0x01020304;
inline constexpr uint32_t kBlockBytesMin = 512;
inline constexpr uint32_t kBlockBytesMax = 64u << 10;
inline constexpr uint64_t kSegmentBytesMax = 32ull << 30;  // what LogPosition can tell

// Frozen: these values are on disk.
enum class RecordType : uint8_t {
  kPut = 1,        // key, value; removes any expiry
  kPutExpire = 2,  // expiry, key, value
  kDelete = 3,     // key
  kSetExpire = 4,  // expiry (0: none), key
  kFlush = 5,      // ns, or kAllTrees
  kSwap = 6,       // value: SwapPayload
  kGroup = 7,      // value: GroupPayload, then `parts` positions
  kCommit = 8,     // value: CommitPayload
  kTrailer = 9,    // value: TrailerPayload
  // Reserved. A server that does not know a type refuses the log that has it; so does this one.
  kPage = 10,       // space, page; value: an image
  kPageDelta = 11,  // space; value: what changes in some of its pages
  kSpaceDrop = 12,  // space
};
inline constexpr uint8_t kGroupMember = 0x80;  // in `type`: belongs to the group record before it
inline constexpr uint8_t kExtended = 0x40;     // in `type`: a RecordExtension follows the value
inline constexpr uint8_t kRecordTypeMask = 0x3f;
inline constexpr RecordType kLastKnownType = RecordType::kTrailer;

struct RecordHeader {
  uint32_t crc;  // CRC-32C of everything after it, padding included, started from CrcSeed
  uint8_t type;
  uint8_t value_type;
  uint16_t ns;  // tree (tree_number.h): a number that SWAPDB does not change
  uint32_t key_bytes;
  uint32_t value_bytes;
  uint32_t incarnation;  // of the server's start that wrote it
  uint32_t segment_id;
};
static_assert(sizeof(RecordHeader) == 24 && std::is_trivially_copyable_v<RecordHeader>);
static_assert(offsetof(RecordHeader, crc) == 0 && offsetof(RecordHeader, type) == 4 &&
              offsetof(RecordHeader, value_type) == 5 && offsetof(RecordHeader, ns) == 6 &&
              offsetof(RecordHeader, key_bytes) == 8 && offsetof(RecordHeader, value_bytes) == 12 &&
              offsetof(RecordHeader, incarnation) == 16 &&
              offsetof(RecordHeader, segment_id) == 20);

// Of records that need it.
struct RecordExtension {
  uint16_t origin;  // of a record that is a unit, or opens one: the server that wrote it first,
                    // 0: this one
  uint16_t zero;
  uint32_t workspace;  // the tenant whose database `ns` is; 0 for now
};
static_assert(sizeof(RecordExtension) == 8 && offsetof(RecordExtension, workspace) == 4);

struct CommitPayload {
  uint64_t bytes;     // of the commit, from this record's first byte to the last record's last;
                      // padding not counted
  uint64_t prev_end;  // position of the end of the record before, in this lane: the chain that
                      // replay follows
  uint64_t
      synced;  // position up to which the lane was durable when this commit was sent to the disk
  uint64_t first_unit;  // number of the first unit in it, or of the next one if it has none; 0: its
                        // units have no numbers (survivors). Not there before version 3
};
inline constexpr uint32_t kCommitPayload2Bytes = 24;  // of versions 1 and 2
struct TrailerPayload {
  uint64_t data_end;  // offset of the end of the last record
  uint64_t
      records;  // in this segment: records of live commits, commit records included, this one not
  uint32_t chain;      // CRC-32C over the crc fields of those, in order
  uint32_t unchained;  // 1: both are 0, not known, since a start did not read all of the segment
};
struct GroupPayload {
  uint64_t txn_id;  // unique within the incarnation; 0 if the group has no other parts
  uint64_t bytes;   // of the members
  uint32_t records;
  uint32_t parts;  // positions that follow, one per lane, this one's among them; 0: this lane only
};
struct SwapPayload {
  uint16_t a;  // namespaces (not trees) that change places
  uint16_t b;
  uint32_t zero;
  uint64_t sequence;  // 1 for the first swap of the directory's life; replay skips those the
                      // manifest contains
};
static_assert(sizeof(CommitPayload) == 32 && sizeof(TrailerPayload) == 24);
static_assert(sizeof(GroupPayload) == 24 && sizeof(SwapPayload) == 16);
static_assert(offsetof(CommitPayload, prev_end) == 8 && offsetof(CommitPayload, synced) == 16 &&
              offsetof(CommitPayload, first_unit) == kCommitPayload2Bytes);
static_assert(offsetof(TrailerPayload, records) == 8 && offsetof(TrailerPayload, chain) == 16);
static_assert(offsetof(GroupPayload, bytes) == 8 && offsetof(GroupPayload, records) == 16 &&
              offsetof(GroupPayload, parts) == 20);
static_assert(offsetof(SwapPayload, sequence) == 8);

inline constexpr uint64_t kCommitRecordBytes = sizeof(RecordHeader) + sizeof(CommitPayload);
inline constexpr uint64_t kTrailerRecordBytes = sizeof(RecordHeader) + sizeof(TrailerPayload);

struct SegmentHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t byte_order;
  uint32_t segment_id;  // rises over the whole directory; in a lane the order of ids is the order
                        // of the log
  uint32_t lane;
  uint32_t lanes;  // in this epoch
  uint32_t epoch;  // rises whenever the number of lanes changes
  uint32_t incarnation;
  uint32_t block_bytes;
  uint32_t recycled;  // 1: behind the log lies what an older segment left in the file, else 0
  uint32_t salt;      // random; see CrcSeed. Never shown to clients
  uint32_t before;    // 0: a piece of the lane's log. Else: survivors, see Rank
  uint32_t crc;       // of the fields before
};
static_assert(sizeof(SegmentHeader) == 56 && offsetof(SegmentHeader, segment_id) == 16 &&
              offsetof(SegmentHeader, epoch) == 28 && offsetof(SegmentHeader, block_bytes) == 36 &&
              offsetof(SegmentHeader, recycled) == 40 && offsetof(SegmentHeader, salt) == 44 &&
              offsetof(SegmentHeader, before) == 48 && offsetof(SegmentHeader, crc) == 52);

// Garbage collection copies what is still needed out of old segments into segments of survivors. In
// the order in which a lane is read, those stand directly before the segment of the log that was
// the oldest unsealed one when they were created: whatever they hold was copied from segments
// before it, and whatever came to replace it since lies in it or behind it.
struct Rank {
  uint32_t at;      // id of a segment of the log, or `before` of survivors
  uint32_t is_log;  // survivors first
  uint32_t id;
  auto operator<=>(const Rank&) const = default;
};
inline constexpr Rank RankOf(uint32_t id, uint32_t before) {
  return before == 0 ? Rank{id, 1, id} : Rank{before, 0, id};
}

// ---- pure helpers ----

inline constexpr uint64_t Align8(uint64_t n) { return (n + 7) & ~uint64_t{7}; }
inline constexpr uint64_t AlignDown(uint64_t n, uint64_t block) { return n - n % block; }
inline constexpr uint64_t AlignUp(uint64_t n, uint64_t block) {
  return AlignDown(n + block - 1, block);
}
inline constexpr uint32_t SegmentOf(uint64_t position) {
  return static_cast<uint32_t>(position >> 32);
}
inline constexpr uint64_t OffsetOf(uint64_t position) { return (position & 0xffffffffu) << 3; }

inline constexpr bool HasExpiry(RecordType type) {
  return type == RecordType::kPutExpire || type == RecordType::kSetExpire;
}
inline constexpr bool IsPut(RecordType type) {
  return type == RecordType::kPut || type == RecordType::kPutExpire;
}
inline RecordType TypeOf(const RecordHeader& header) {
  return static_cast<RecordType>(header.type & kRecordTypeMask);
}
inline constexpr uint64_t RecordBytes(RecordType type, uint64_t key_bytes, uint64_t value_bytes) {
  return Align8(sizeof(RecordHeader) + (HasExpiry(type) ? 8 : 0) + key_bytes + value_bytes);
}

inline RecordHeader LoadHeader(const char* record) {
  RecordHeader header;
  std::memcpy(&header, record, sizeof(header));
  return header;
}
// Of a record without an extension, such as this server writes.
inline uint64_t PlainBytesOf(const RecordHeader& header) {
  return RecordBytes(TypeOf(header), header.key_bytes, header.value_bytes);
}
inline uint64_t BytesOf(const RecordHeader& header) {
  return PlainBytesOf(header) + ((header.type & kExtended) != 0 ? sizeof(RecordExtension) : 0);
}
// What the checksum of a record at `offset` of its segment starts from.
inline constexpr uint32_t CrcSeed(uint64_t offset, uint32_t salt) {
  return static_cast<uint32_t>(offset >> 3) ^ salt;
}
inline uint32_t RecordCrc(const char* record, uint64_t bytes, uint32_t seed) {
  return Crc32cExtend(seed, record + 4, bytes - 4);
}
inline std::string_view KeyOf(const RecordHeader& header, const char* record) {
  return {record + sizeof(header) + (HasExpiry(TypeOf(header)) ? 8 : 0), header.key_bytes};
}
inline std::string_view ValueOf(const RecordHeader& header, const char* record) {
  return {record + sizeof(header) + (HasExpiry(TypeOf(header)) ? 8 : 0) + header.key_bytes,
          header.value_bytes};
}
inline uint64_t ExpiryOf(const RecordHeader& header, const char* record) {
  uint64_t expiry = 0;
  if (HasExpiry(TypeOf(header))) std::memcpy(&expiry, record + sizeof(header), 8);
  return expiry;
}

inline RecordExtension ExtensionOf(const RecordHeader& header, const char* record) {
  RecordExtension extension = {};
  if ((header.type & kExtended) != 0)
    std::memcpy(&extension, ValueOf(header, record).end(), sizeof(extension));
  return extension;
}
// Whether a unit begins with it, if it is neither a commit nor a trailer.
inline bool OpensUnit(const RecordHeader& header) { return (header.type & kGroupMember) == 0; }

// Writes one record without an extension to `out`, exactly PlainBytesOf(header) bytes, all of the
// header as given. Key and value may be empty.
inline void FillRecord(char* out, const RecordHeader& header, uint64_t expire_at_ms,
                       std::string_view key, std::string_view value) {
  std::memset(out + PlainBytesOf(header) - 8, 0,
              8);  // the padding; what is not padding is written over
  std::memcpy(out, &header, sizeof(header));
  char* at = out + sizeof(header);
  if (HasExpiry(TypeOf(header))) {
    std::memcpy(at, &expire_at_ms, 8);
    at += 8;
  }
  if (!key.empty()) std::memcpy(at, key.data(), key.size());
  at += key.size();
  if (!value.empty()) std::memcpy(at, value.data(), value.size());
}

// The same with the crc that follows from the seed (CrcSeed). Returns the crc.
inline uint32_t EncodeRecord(char* out, uint32_t seed, RecordHeader header, uint64_t expire_at_ms,
                             std::string_view key, std::string_view value) {
  FillRecord(out, header, expire_at_ms, key, value);
  header.crc = RecordCrc(out, PlainBytesOf(header), seed);
  std::memcpy(out, &header.crc, sizeof(header.crc));
  return header.crc;
}

template <typename Payload>
Payload LoadPayload(const RecordHeader& header, const char* record) {
  Payload payload;
  std::memcpy(&payload, ValueOf(header, record).data(), sizeof(payload));
  return payload;
}
// Of any version.
inline CommitPayload LoadCommit(const RecordHeader& header, const char* record) {
  CommitPayload payload = {};
  std::memcpy(&payload, ValueOf(header, record).data(), header.value_bytes);
  return payload;
}

// What the engine keeps in Pointer::flags above the index's own bits: how many bytes of padding end
// the record, and whether it has an expiry field, so that the size of the value follows from the
// pointer and the key.
inline constexpr uint32_t kPadShift = 8;
inline constexpr uint32_t kPadMask = 7;
inline constexpr uint32_t kRecordHasExpiry = 1u << 11;
// The record lies in a segment of survivors: it is durable, and its position says nothing.
inline constexpr uint32_t kSurvivor = 1u << 12;
inline constexpr uint32_t kRecordExtended = 1u << 13;
// What the flags say of the record itself, wherever the index points to it from.
inline constexpr uint32_t kRecordFlags =
    Pointer::kTypeMask | kPadMask << kPadShift | kRecordHasExpiry | kRecordExtended;

// Of a record without an extension.
inline Pointer PlainPointer(const RecordHeader& header, uint64_t offset) {
  const bool expiry = HasExpiry(TypeOf(header));
  const uint64_t exact =
      sizeof(header) + (expiry ? 8 : 0) + uint64_t{header.key_bytes} + header.value_bytes;
  const uint64_t bytes = Align8(exact);
  Pointer pointer;
  pointer.segment_id = header.segment_id;
  pointer.length = static_cast<uint32_t>(bytes);
  pointer.offset = offset;
  pointer.flags = (header.value_type & Pointer::kTypeMask) |
                  static_cast<uint32_t>(bytes - exact) << kPadShift |
                  (expiry ? kRecordHasExpiry : 0);
  pointer.checksum = header.crc;
  return pointer;
}
inline Pointer MakePointer(const RecordHeader& header, uint64_t offset) {
  Pointer pointer = PlainPointer(header, offset);
  if ((header.type & kExtended) != 0) {
    pointer.length += sizeof(RecordExtension);
    pointer.flags |= kRecordExtended;
  }
  return pointer;
}
inline uint64_t ValueOffset(const Pointer& pointer, uint64_t key_bytes) {
  return sizeof(RecordHeader) + ((pointer.flags & kRecordHasExpiry) != 0 ? 8 : 0) + key_bytes;
}
inline uint64_t ValueBytes(const Pointer& pointer, uint64_t key_bytes) {
  static_assert(kRecordExtended >> 10 == sizeof(RecordExtension));
  return pointer.length - ValueOffset(pointer, key_bytes) -
         ((pointer.flags >> kPadShift) & kPadMask) - ((pointer.flags & kRecordExtended) >> 10);
}

// Whether a header could be one at all, before `bytes` of it are read and its checksum is believed.
// Types that nobody knows yet have a key and a value.
inline bool Plausible(const RecordHeader& header) {
  const RecordType type = TypeOf(header);
  const bool member = (header.type & kGroupMember) != 0;
  const bool alone = (header.type & (kGroupMember | kExtended)) == 0;
  switch (type) {
    case RecordType::kDelete:
    case RecordType::kSetExpire:
      return header.value_bytes == 0;
    case RecordType::kFlush:
      return header.key_bytes == 0 && header.value_bytes == 0;
    case RecordType::kSwap:
      return header.key_bytes == 0 && header.value_bytes == sizeof(SwapPayload);
    case RecordType::kGroup:
      return !member && header.key_bytes == 0 && header.value_bytes >= sizeof(GroupPayload) &&
             header.value_bytes % 8 == 0;
    case RecordType::kCommit:
      return alone && header.key_bytes == 0 &&
             (header.value_bytes == sizeof(CommitPayload) ||
              header.value_bytes == kCommitPayload2Bytes);
    case RecordType::kTrailer:
      return alone && header.key_bytes == 0 && header.value_bytes == sizeof(TrailerPayload);
    default:
      return type != RecordType{0};
  }
}

}  // namespace cairn::vlog

// The manifest: the small file that says which segments make up the data directory. Replaced
// atomically, so a crash leaves the old or the new one. Layout: ManifestHeader, then tree entries,
// clean ends, segment entries and checkpoint entries, then sections, then a CRC-32C of all. Not
// thread-safe; the engine guards its copy with a mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/disk.h"
#include "vlog/log/format.h"
#include "vlog/log/segment.h"

namespace cairn::vlog {

inline constexpr uint32_t kManifestSegmentsMax =
    38u << 10;  // keeps the file below the 1 MiB of a small file

struct ManifestHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t byte_order;
  uint32_t lanes;
  uint32_t epoch;
  uint32_t incarnation;
  uint32_t databases;
  uint32_t next_segment_id;
  uint32_t flags;  // kManifest...
  uint64_t swap_sequence;
  uint32_t tree_count;
  uint32_t clean_end_count;
  uint32_t segment_count;
  uint32_t checkpoint_count;
  uint32_t section_count;  // from here on not before version 3
  uint32_t zero;
};
inline constexpr uint32_t kManifestHeader2Bytes = 64;  // of versions 1 and 2
// Closed in order; clean_ends says where each lane of this epoch ends.
inline constexpr uint32_t kManifestClean = 1;
// Removals that only checkpoints make superfluous are gone: the log alone would bring deleted keys
// back.
inline constexpr uint32_t kManifestNeedsCheckpoint = 2;

inline constexpr uint32_t kManifestFlags = kManifestClean | kManifestNeedsCheckpoint;

static_assert(sizeof(ManifestHeader) == 72 && offsetof(ManifestHeader, swap_sequence) == 40 &&
              offsetof(ManifestHeader, segment_count) == 56 &&
              offsetof(ManifestHeader, section_count) == kManifestHeader2Bytes);

// What came later: a kind, a length, and what the kind says. A server that does not know a kind
// refuses the directory.
struct ManifestSection {
  uint32_t kind;
  uint32_t bytes;  // that follow; a multiple of 8
};
static_assert(sizeof(ManifestSection) == 8);
// u64 per lane: number of its next unit, at least; see CommitPayload::first_unit.
inline constexpr uint32_t kManifestUnits = 1;
// u64: the first number of a space (engine/spaces.h) that no start has set aside. A directory
// without it never had pages.
inline constexpr uint32_t kManifestSpaces = 2;

struct TreeEntry {  // namespace `ns` stands for tree `tree`; namespaces that are not listed stand
                    // for the tree of their number
  uint16_t ns;
  uint16_t tree;
};
struct SegmentEntry {
  uint32_t id;
  uint32_t lane;
  uint32_t epoch;
  uint32_t salt;    // as in the segment's header, in case that is damaged,
  uint32_t before;  // and this as well
  uint32_t proven;  // of survivors: offset / 8 up to which they were durable; 0: nothing is known
};
struct CheckpointEntry {  // the newest one last
  uint32_t id;
  uint32_t zero;
};
static_assert(sizeof(TreeEntry) == 4 && sizeof(SegmentEntry) == 24 && sizeof(CheckpointEntry) == 8);
inline constexpr uint32_t kCheckpointsKept = 2;

// Whether the segment is the one that the manifest means.
inline bool Matches(const SegmentHeader& header, const SegmentEntry& entry) {
  return header.segment_id == entry.id && header.lane == entry.lane &&
         header.epoch == entry.epoch && header.salt == entry.salt && header.before == entry.before;
}

struct Manifest {
  uint32_t lanes = 0;
  uint32_t epoch = 0;
  uint32_t incarnation = 0;
  uint32_t databases = 0;
  uint32_t next_segment_id = 1;
  bool clean = false;
  bool needs_checkpoint = false;
  uint64_t swap_sequence = 0;
  std::vector<TreeEntry> trees;
  std::vector<uint64_t> clean_ends;
  std::vector<SegmentEntry> segments;  // ids ascending
  std::vector<CheckpointEntry> checkpoints;
  std::vector<uint64_t> units;  // per lane; empty: not known
  uint64_t space_numbers = 0;   // kManifestSpaces; 0: there never was a space
};

// The segment that an entry names, without its file; and the entry of a segment.
std::unique_ptr<Segment> NewSegment(const SegmentEntry& entry);
SegmentEntry EntryOf(const Segment& segment);
// In the order in which a start reads them: by epoch, then by rank.
std::vector<SegmentEntry> InReadingOrder(const Manifest& manifest);
// All epochs in their order, the current one included.
std::vector<uint32_t> EpochsOf(const Manifest& manifest);

std::string EncodeManifest(const Manifest& manifest);
Result<Manifest> DecodeManifest(std::string_view bytes, const std::string& path);

std::string ManifestPath(const std::string& dir);
std::string LockPath(const std::string& dir);
std::string SegmentPath(const std::string& dir, uint32_t id);
// Whether a file name is one of SegmentPath's; then *id.
bool ParseSegmentName(std::string_view name, uint32_t* id);
std::string CheckpointPath(const std::string& dir, uint32_t id);
// Whether a file name is one of CheckpointPath's; then *id.
bool ParseCheckpointName(std::string_view name, uint32_t* id);

// Reads the manifest. *found false: there is none, and no segment either (a fresh directory).
// Segments without a manifest, or with a damaged one, are kCorruption.
Result<Manifest> LoadManifest(const std::string& dir, Disk* disk, bool* found);
// For salvage: a manifest made from the headers of the segment files.
Result<Manifest> RebuildManifest(const std::string& dir, Disk* disk,
                                 std::vector<std::string>* damage);
Status SaveManifest(const std::string& dir, Disk* disk, const Manifest& manifest);

// Reads and checks the header of an open segment file.
Result<SegmentHeader> ReadSegmentHeader(File* file);

}  // namespace cairn::vlog

#include "vlog/log/manifest.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "vlog/log/segment.h"

namespace cairn::vlog {
namespace {

template <typename T>
void Put(std::string* out, const T& value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
bool Take(std::string_view* in, T* value) {
  if (in->size() < sizeof(T)) return false;
  std::memcpy(value, in->data(), sizeof(T));
  in->remove_prefix(sizeof(T));
  return true;
}

template <typename T>
bool TakeMany(std::string_view* in, uint32_t count, std::vector<T>* values) {
  if (in->size() / sizeof(T) < count) return false;
  values->resize(count);
  for (T& value : *values) Take(in, &value);
  return true;
}

Status Corrupt(const std::string& path, uint64_t offset, const std::string& what) {
  return Status(Code::kCorruption, path + " at offset " + std::to_string(offset) + ": " + what);
}

Status CheckVersion(const std::string& path, uint32_t version) {
  if (version >= kFormatVersionMin && version <= kFormatVersion) return Status();
  return Status(Code::kInvalid, path + ": format version " + std::to_string(version) +
                                    "; this server reads versions " +
                                    std::to_string(kFormatVersionMin) + " to " +
                                    std::to_string(kFormatVersion));
}

struct SegmentEntry1 {  // of version 1
  uint32_t id, lane, epoch, salt;
};

bool TakeSegments(std::string_view* in, const ManifestHeader& header,
                  std::vector<SegmentEntry>* segments) {
  if (header.version != 1) return TakeMany(in, header.segment_count, segments);
  std::vector<SegmentEntry1> entries;
  if (!TakeMany(in, header.segment_count, &entries)) return false;
  for (const SegmentEntry1& entry : entries)
    segments->push_back({entry.id, entry.lane, entry.epoch, entry.salt, 0, 0});
  return true;
}

// What has been added since version 2.
Status TakeSections(std::string_view* in, const ManifestHeader& header, const std::string& path,
                    Manifest* manifest) {
  for (uint32_t i = 0; i < header.section_count; ++i) {
    ManifestSection section;
    if (!Take(in, &section) || section.bytes > in->size() || section.bytes % 8 != 0)
      return Corrupt(path, sizeof(header), "manifest contradicts itself");
    if (section.kind != kManifestUnits && section.kind != kManifestSpaces) {
      return Status(Code::kInvalid, path + ": a section of kind " + std::to_string(section.kind) +
                                        ", which this server does not know: written by a newer "
                                        "server");
    }
    std::string_view data = in->substr(0, section.bytes);
    in->remove_prefix(section.bytes);
    if (section.kind == kManifestSpaces) {
      if (manifest->space_numbers != 0 || section.bytes != 8 ||
          !Take(&data, &manifest->space_numbers) || manifest->space_numbers == 0)
        return Corrupt(path, sizeof(header), "manifest contradicts itself");
      continue;
    }
    if (!manifest->units.empty() || section.bytes != uint64_t{8} * header.lanes ||
        !TakeMany(&data, header.lanes, &manifest->units))
      return Corrupt(path, sizeof(header), "manifest contradicts itself");
  }
  return Status();
}

// Numbers that segments can have, none twice.
bool Sound(const std::vector<SegmentEntry>& segments) {
  std::vector<uint32_t> ids;
  for (const SegmentEntry& entry : segments) ids.push_back(entry.id);
  std::sort(ids.begin(), ids.end());
  return ids.empty() || (ids.front() != 0 && ids.back() < SegmentTable::kIdsMax &&
                         std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

constexpr char kSegmentEnding[] = ".vlog";
constexpr char kCheckpointEnding[] = ".ckpt";
constexpr size_t kNumberDigits = 10;

std::string NumberedPath(const std::string& dir, uint32_t id, const char* ending) {
  char name[32];
  std::snprintf(name, sizeof(name), "/%010u%s", id, ending);
  return dir + name;
}

bool ParseNumberedName(std::string_view name, std::string_view ending, uint64_t id_max,
                       uint32_t* id) {
  if (name.size() != kNumberDigits + ending.size() || name.substr(kNumberDigits) != ending)
    return false;
  uint64_t value = 0;
  for (char c : name.substr(0, kNumberDigits)) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  *id = static_cast<uint32_t>(value);
  return value != 0 && value <= id_max;
}

}  // namespace

std::unique_ptr<Segment> NewSegment(const SegmentEntry& entry) {
  auto segment = std::make_unique<Segment>();
  segment->id = entry.id;
  segment->lane = entry.lane;
  segment->epoch = entry.epoch;
  segment->salt = entry.salt;
  segment->before = entry.before;
  segment->proven.store(uint64_t{entry.proven} * 8);
  return segment;
}

SegmentEntry EntryOf(const Segment& segment) {
  const uint64_t proven =
      segment.survivors() ? segment.proven.load(std::memory_order_acquire) / 8 : 0;
  return {segment.id,   segment.lane,   segment.epoch,
          segment.salt, segment.before, static_cast<uint32_t>(proven)};
}

std::vector<SegmentEntry> InReadingOrder(const Manifest& manifest) {
  std::vector<SegmentEntry> entries = manifest.segments;
  std::sort(entries.begin(), entries.end(), [](const SegmentEntry& a, const SegmentEntry& b) {
    if (a.epoch != b.epoch) return a.epoch < b.epoch;
    return RankOf(a.id, a.before) < RankOf(b.id, b.before);
  });
  return entries;
}

std::vector<uint32_t> EpochsOf(const Manifest& manifest) {
  std::vector<uint32_t> epochs = {manifest.epoch};
  for (const SegmentEntry& entry : manifest.segments) epochs.push_back(entry.epoch);
  std::sort(epochs.begin(), epochs.end());
  epochs.erase(std::unique(epochs.begin(), epochs.end()), epochs.end());
  return epochs;
}

std::string EncodeManifest(const Manifest& manifest) {
  ManifestHeader header = {};
  header.magic = kManifestMagic;
  header.version = kFormatVersion;
  header.byte_order = kByteOrderMark;
  header.lanes = manifest.lanes;
  header.epoch = manifest.epoch;
  header.incarnation = manifest.incarnation;
  header.databases = manifest.databases;
  header.next_segment_id = manifest.next_segment_id;
  header.flags = (manifest.clean ? kManifestClean : 0) |
                 (manifest.needs_checkpoint ? kManifestNeedsCheckpoint : 0);
  header.swap_sequence = manifest.swap_sequence;
  header.tree_count = static_cast<uint32_t>(manifest.trees.size());
  header.clean_end_count = static_cast<uint32_t>(manifest.clean_ends.size());
  header.segment_count = static_cast<uint32_t>(manifest.segments.size());
  header.checkpoint_count = static_cast<uint32_t>(manifest.checkpoints.size());
  header.section_count = (manifest.units.empty() ? 0 : 1) + (manifest.space_numbers == 0 ? 0 : 1);
  std::string out;
  Put(&out, header);
  for (const TreeEntry& entry : manifest.trees) Put(&out, entry);
  for (uint64_t end : manifest.clean_ends) Put(&out, end);
  for (const SegmentEntry& entry : manifest.segments) Put(&out, entry);
  for (const CheckpointEntry& entry : manifest.checkpoints) Put(&out, entry);
  if (!manifest.units.empty()) {
    Put(&out, ManifestSection{kManifestUnits, static_cast<uint32_t>(8 * manifest.units.size())});
    for (uint64_t unit : manifest.units) Put(&out, unit);
  }
  if (manifest.space_numbers != 0) {
    Put(&out, ManifestSection{kManifestSpaces, sizeof(manifest.space_numbers)});
    Put(&out, manifest.space_numbers);
  }
  Put(&out, Crc32c(out.data(), out.size()));
  return out;
}

Result<Manifest> DecodeManifest(std::string_view bytes, const std::string& path) {
  if (bytes.size() < kManifestHeader2Bytes + 4)
    return Corrupt(path, bytes.size(), "manifest is cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  uint32_t crc = 0;
  std::memcpy(&crc, body.data() + body.size(), 4);
  ManifestHeader header = {};
  std::memcpy(&header, body.data(), kManifestHeader2Bytes);
  if (header.magic != kManifestMagic) return Corrupt(path, 0, "not a manifest (magic)");
  if (header.byte_order != kByteOrderMark)
    return Corrupt(path, 12, "manifest of another byte order");
  if (crc != Crc32c(body.data(), body.size()))
    return Corrupt(path, body.size(), "manifest checksum does not match");
  Status status = CheckVersion(path, header.version);
  if (!status.ok()) return status;
  std::string_view in = body.substr(kManifestHeader2Bytes);
  if (header.version >= 3) {
    if (!Take(&in, &header.section_count) || !Take(&in, &header.zero))
      return Corrupt(path, bytes.size(), "manifest is cut short");
    if ((header.flags & ~kManifestFlags) != 0 || header.zero != 0)
      return Status(Code::kInvalid, path + ": flags that this server does not know: written by a " +
                                        "newer server");
  }
  Manifest manifest;
  manifest.lanes = header.lanes;
  manifest.epoch = header.epoch;
  manifest.incarnation = header.incarnation;
  manifest.databases = header.databases;
  manifest.next_segment_id = header.next_segment_id;
  manifest.clean = (header.flags & kManifestClean) != 0;
  manifest.needs_checkpoint = (header.flags & kManifestNeedsCheckpoint) != 0;
  manifest.swap_sequence = header.swap_sequence;
  const bool whole = TakeMany(&in, header.tree_count, &manifest.trees) &&
                     TakeMany(&in, header.clean_end_count, &manifest.clean_ends) &&
                     TakeSegments(&in, header, &manifest.segments) &&
                     TakeMany(&in, header.checkpoint_count, &manifest.checkpoints);
  if (whole) status = TakeSections(&in, header, path, &manifest);
  if (!status.ok()) return status;
  if (!whole || !in.empty() || header.lanes == 0 || !Sound(manifest.segments))
    return Corrupt(path, sizeof(header), "manifest contradicts itself");
  return manifest;
}

std::string ManifestPath(const std::string& dir) { return dir + "/MANIFEST"; }
std::string LockPath(const std::string& dir) { return dir + "/LOCK"; }

std::string SegmentPath(const std::string& dir, uint32_t id) {
  return NumberedPath(dir, id, kSegmentEnding);
}
bool ParseSegmentName(std::string_view name, uint32_t* id) {
  return ParseNumberedName(name, kSegmentEnding, SegmentTable::kIdsMax - 1, id);
}

std::string CheckpointPath(const std::string& dir, uint32_t id) {
  return NumberedPath(dir, id, kCheckpointEnding);
}
bool ParseCheckpointName(std::string_view name, uint32_t* id) {
  return ParseNumberedName(name, kCheckpointEnding, UINT32_MAX, id);
}

Result<Manifest> LoadManifest(const std::string& dir, Disk* disk, bool* found) {
  *found = false;
  const std::string path = ManifestPath(dir);
  Result<bool> exists = disk->Exists(path);
  if (!exists.ok()) return exists.status();
  if (exists.value()) {
    Result<std::string> bytes = disk->ReadSmall(path);
    if (!bytes.ok()) return bytes.status();
    *found = true;
    return DecodeManifest(bytes.value(), path);
  }
  Result<std::vector<std::string>> names = disk->List(dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (ParseSegmentName(name, &id)) {  // a first start writes its manifest before any segment
      return Corrupt(path, 0, "the manifest is missing, but there are segments (" + name + ")");
    }
  }
  return Manifest();
}

Result<Manifest> RebuildManifest(const std::string& dir, Disk* disk,
                                 std::vector<std::string>* damage) {
  Result<std::vector<std::string>> names = disk->List(dir);
  if (!names.ok()) return names.status();
  Manifest manifest;
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (ParseCheckpointName(name, &id)) {
      manifest.next_segment_id = std::max(manifest.next_segment_id, id + 1);
      manifest.checkpoints.push_back({id, 0});
      continue;
    }
    if (!ParseSegmentName(name, &id)) continue;
    manifest.next_segment_id = std::max(manifest.next_segment_id, id + 1);
    Result<std::unique_ptr<File>> file = disk->OpenDirect(SegmentPath(dir, id), Disk::Mode::kRead);
    if (!file.ok()) return file.status();
    Result<SegmentHeader> read = ReadSegmentHeader(file.value().get());
    if (!read.ok() || read.value().segment_id != id) {
      damage->push_back(SegmentPath(dir, id) +
                        " at offset 0: segment left out, its header cannot be read");
      continue;
    }
    const SegmentHeader& header = read.value();
    if (header.epoch >= manifest.epoch) manifest.lanes = header.lanes;
    manifest.epoch = std::max(manifest.epoch, header.epoch);
    manifest.incarnation = std::max(manifest.incarnation, header.incarnation);
    manifest.segments.push_back({id, header.lane, header.epoch, header.salt, header.before, 0});
  }
  std::sort(manifest.checkpoints.begin(), manifest.checkpoints.end(),
            [](const CheckpointEntry& a, const CheckpointEntry& b) { return a.id < b.id; });
  while (manifest.checkpoints.size() > kCheckpointsKept)
    manifest.checkpoints.erase(manifest.checkpoints.begin());
  // Nothing else tells whether the log alone would do.
  manifest.needs_checkpoint = !manifest.checkpoints.empty();
  // Starts since the last new segment are not counted in any header: leave room for them.
  manifest.incarnation += 1u << 20;
  return manifest;
}

Status SaveManifest(const std::string& dir, Disk* disk, const Manifest& manifest) {
  return disk->WriteSmallAtomic(ManifestPath(dir), EncodeManifest(manifest));
}

Result<SegmentHeader> ReadSegmentHeader(File* file) {
  const IoAlignment alignment = file->alignment();
  const size_t bytes = AlignUp(kBlockBytesMin, alignment.offset);
  const size_t memory = std::max<size_t>(alignment.memory, 512);
  std::unique_ptr<char, decltype(&std::free)> block(
      Allocated(static_cast<char*>(std::aligned_alloc(memory, AlignUp(bytes, memory))), bytes),
      &std::free);
  Result<size_t> got = file->ReadAt(0, block.get(), bytes);
  if (!got.ok()) return got.status();
  if (got.value() < sizeof(SegmentHeader))
    return Corrupt(file->path(), got.value(), "segment header is cut short");
  SegmentHeader header;
  std::memcpy(&header, block.get(), sizeof(header));
  if (header.magic != kSegmentMagic) return Corrupt(file->path(), 0, "not a segment (magic)");
  if (header.byte_order != kByteOrderMark)
    return Corrupt(file->path(), 12, "segment of another byte order");
  if (header.crc != Crc32c(&header, offsetof(SegmentHeader, crc))) {
    return Corrupt(file->path(), 0, "segment header checksum does not match");
  }
  Status status = CheckVersion(file->path(), header.version);
  if (!status.ok()) return status;
  if (header.block_bytes < kBlockBytesMin || header.block_bytes > kBlockBytesMax ||
      (header.block_bytes & (header.block_bytes - 1)) != 0 || header.lane >= header.lanes ||
      header.recycled > 1 || header.before > header.segment_id) {
    return Corrupt(file->path(), 0, "segment header contradicts itself");
  }
  for (uint64_t i = sizeof(header); i < std::min<uint64_t>(got.value(), kBlockBytesMin); ++i) {
    if (block.get()[i] != 0)
      return Corrupt(file->path(), i, "padding of the segment header is not zero");
  }
  return header;
}

}  // namespace cairn::vlog

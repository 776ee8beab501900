// Recovery before the log is read: which files of the directory belong to it, and opening those.
#include <algorithm>
#include <utility>

#include "vlog/log/log_reader.h"
#include "vlog/recovery/recovery.h"

namespace cairn::vlog {

// Files that no manifest names: segments whose creation or removal was cut off. One that holds
// commits is no such thing.
Status Recovery::RemoveLeftovers(std::vector<std::string>* damage) {
  Result<std::vector<std::string>> names = to_.disk->List(to_.options->dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (!ParseSegmentName(name, &id)) continue;
    const bool listed = std::any_of(to_.manifest->segments.begin(), to_.manifest->segments.end(),
                                    [id](const SegmentEntry& entry) { return entry.id == id; });
    if (listed) continue;
    const std::string path = SegmentPath(to_.options->dir, id);
    if (id >= to_.manifest->next_segment_id) {
      Segment probe;
      probe.id = id;
      Result<std::unique_ptr<File>> file = to_.disk->OpenDirect(path, Disk::Mode::kRead);
      if (!file.ok()) return file.status();
      probe.file = std::move(file.value());
      Result<SegmentHeader> header = ReadSegmentHeader(probe.file.get());
      Result<uint64_t> size = probe.file->Size();
      if (header.ok() && size.ok()) {
        probe.salt = header.value().salt;
        SegmentReader reader(&probe, size.value(), kBlockBytesMax);
        RecordHeader record;
        const char* data = nullptr;
        const char* why = nullptr;
        const uint64_t block = header.value().block_bytes;
        Status status = reader.Record(block, block + kCommitRecordBytes, &record, &data, &why);
        if (!status.ok()) return status;
        if (data != nullptr) {
          const std::string what =
              path + " at offset " + std::to_string(block) +
              ": the manifest does not know this segment, but it holds records";
          if (!to_.options->salvage) return Status(Code::kCorruption, what);
          damage->push_back(what);
          continue;
        }
      }
    }
    Status status = to_.disk->Remove(path);
    if (!status.ok()) return status;
  }
  return Status();
}

// Checkpoints that no manifest names: left over from a crash.
Status Recovery::RemoveOldCheckpoints() {
  Result<std::vector<std::string>> names = to_.disk->List(to_.options->dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (!ParseCheckpointName(name, &id)) continue;
    const bool listed =
        std::any_of(to_.manifest->checkpoints.begin(), to_.manifest->checkpoints.end(),
                    [id](const CheckpointEntry& entry) { return entry.id == id; });
    if (listed) continue;
    Status status = to_.disk->Remove(CheckpointPath(to_.options->dir, id));
    if (!status.ok()) return status;
  }
  return Status();
}

Status Recovery::OpenSegments(std::vector<std::string>* damage) {
  std::vector<SegmentEntry> kept;
  for (const SegmentEntry& entry : to_.manifest->segments) {
    const std::string path = SegmentPath(to_.options->dir, entry.id);
    std::unique_ptr<Segment> segment = NewSegment(entry);
    Status status;
    Result<bool> exists = to_.disk->Exists(path);
    if (!exists.ok()) return exists.status();
    if (!exists.value()) {
      status = Status(Code::kCorruption, path + " at offset 0: the segment is missing");
    } else {
      Result<std::unique_ptr<File>> file = to_.disk->OpenDirect(path, Disk::Mode::kReadWrite);
      if (!file.ok()) return file.status();
      segment->file = std::move(file.value());
      Result<SegmentHeader> header = ReadSegmentHeader(segment->file.get());
      if (!header.ok()) {
        status = header.status();
        if (status.code() != Code::kCorruption) return status;
        segment->block_bytes = std::max(segment->file->alignment().offset, kBlockBytesMin);
      } else if (!Matches(header.value(), entry)) {
        status = Status(Code::kCorruption, path + " at offset 0: header of another segment");
        segment->block_bytes = header.value().block_bytes;
      } else {
        segment->version = header.value().version;
        segment->block_bytes = header.value().block_bytes;
        segment->recycled = header.value().recycled != 0;
      }
    }
    if (!status.ok()) {
      if (!to_.options->salvage) return status;
      damage->push_back(status.message());
      if (segment->file == nullptr) continue;
    }
    kept.push_back(entry);
    to_.segments->Add(std::move(segment));
  }
  to_.manifest->segments = std::move(kept);
  return Status();
}

}  // namespace cairn::vlog

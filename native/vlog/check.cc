// `cairn check`: verifies a data directory that no server has open. Reads every byte that replay
// would read, changes nothing.
#include <algorithm>
#include <memory>

#include "engine/engine.h"
#include "vlog/manifest.h"
#include "vlog/replay.h"
#include "vlog/segment.h"

namespace cairn {

namespace {

using vlog::Manifest;
using vlog::Segment;
using vlog::SegmentEntry;

constexpr uint64_t kCheckWindowBytes = 1u << 20;

class CountingSink final : public vlog::ReplaySink {
 public:
  void OnRecord(const vlog::RecordHeader&, const char*, const Pointer&) override {}
  void OnFlush(uint32_t, uint32_t, uint16_t) override {}
  void OnSwap(const vlog::SwapPayload&) override {}
};

class Checker {
 public:
  Checker(const std::string& dir, Disk* disk, std::vector<std::string>* lines)
      : dir_(dir), disk_(disk), lines_(lines) {}

  Status Run() {
    Result<std::unique_ptr<FileLock>> lock = disk_->LockFile(vlog::LockPath(dir_));
    if (!lock.ok()) return lock.status();
    bool found = false;
    Result<Manifest> manifest = vlog::LoadManifest(dir_, disk_, &found);
    if (!manifest.ok() && manifest.status().code() == Code::kCorruption) {
      std::vector<std::string> more;
      Damaged(manifest.status().message());
      manifest = vlog::RebuildManifest(dir_, disk_, &more);
      for (const std::string& line : more) Damaged(line);
      found = manifest.ok();
    }
    if (!manifest.ok()) return manifest.status();
    if (!found) {
      lines_->push_back(dir_ + ": no data");
      return Status();
    }
    manifest_ = std::move(manifest.value());
    Status status = OpenSegments();
    if (!status.ok()) return status;
    uint32_t last = manifest_.epoch;
    for (const SegmentEntry& entry : manifest_.segments) last = std::min(last, entry.epoch);
    for (uint32_t epoch = last; epoch <= manifest_.epoch; ++epoch) {
      status = CheckEpoch(epoch);
      if (!status.ok()) return status;
    }
    lines_->push_back(dir_ + ": " + std::to_string(segments_.size()) + " segments, " +
                      std::to_string(records_) + " records, " + std::to_string(bytes_) +
                      " bytes, " + std::to_string(damaged_) +
                      (damaged_ == 1 ? " damaged place" : " damaged places"));
    return Status();
  }

  uint64_t damaged() const { return damaged_; }

 private:
  void Damaged(const std::string& line) {
    ++damaged_;
    lines_->push_back("damaged: " + line);
  }

  Status OpenSegments() {
    for (const SegmentEntry& entry : manifest_.segments) {
      const std::string path = vlog::SegmentPath(dir_, entry.id);
      Result<bool> exists = disk_->Exists(path);
      if (!exists.ok()) return exists.status();
      if (!exists.value()) {
        Damaged(path + " at offset 0: the segment is missing");
        continue;
      }
      Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kRead);
      if (!file.ok()) return file.status();
      auto segment = std::make_unique<Segment>();
      segment->id = entry.id;
      segment->lane = entry.lane;
      segment->epoch = entry.epoch;
      segment->file = std::move(file.value());
      Result<vlog::SegmentHeader> header = vlog::ReadSegmentHeader(segment->file.get());
      if (!header.ok()) {
        if (header.status().code() != Code::kCorruption) return header.status();
        Damaged(header.status().message());
        segment->block_bytes = std::max(segment->file->alignment().offset, vlog::kBlockBytesMin);
      } else {
        segment->block_bytes = header.value().block_bytes;
        if (header.value().segment_id != entry.id || header.value().lane != entry.lane ||
            header.value().epoch != entry.epoch) {
          Damaged(path + " at offset 0: header of another segment");
        }
      }
      segments_.push_back(std::move(segment));
    }
    return Status();
  }

  Status CheckEpoch(uint32_t epoch) {
    vlog::ReplayOptions options;
    options.salvage = true;
    options.last_epoch = epoch == manifest_.epoch;
    options.lanes = options.last_epoch ? manifest_.lanes : 1;
    options.window_bytes = kCheckWindowBytes;
    bool any = false;
    for (const auto& segment : segments_) {
      if (segment->epoch != epoch) continue;
      any = true;
      options.lanes = std::max(options.lanes, segment->lane + 1);
    }
    if (!any) return Status();
    if (options.last_epoch && manifest_.clean && manifest_.clean_ends.size() == options.lanes) {
      options.clean_ends = manifest_.clean_ends;
    }
    CountingSink sink;
    vlog::Replay replay(options, &sink);
    for (const auto& segment : segments_) {
      if (segment->epoch != epoch) continue;
      Result<uint64_t> size = segment->file->Size();
      if (!size.ok()) return size.status();
      replay.AddSegment(segment->lane, segment.get(), size.value());
    }
    Status status = replay.Run();
    for (const std::string& damage : replay.damage()) Damaged(damage);
    for (const TornTail& torn : replay.torn_tails()) {
      lines_->push_back("torn tail (the next start cuts it): " + torn.file + " at offset " +
                        std::to_string(torn.offset) + ": " + torn.reason);
    }
    records_ += replay.records();
    bytes_ += replay.bytes();
    return status;
  }

  const std::string dir_;
  Disk* const disk_;
  std::vector<std::string>* const lines_;
  Manifest manifest_;
  std::vector<std::unique_ptr<Segment>> segments_;
  uint64_t damaged_ = 0;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<uint64_t> CheckVlogDirectory(const std::string& dir, Disk* disk,
                                    std::vector<std::string>* lines) {
  Checker checker(dir, disk, lines);
  Status status = checker.Run();
  if (!status.ok()) return status;
  return checker.damaged();
}

}  // namespace cairn

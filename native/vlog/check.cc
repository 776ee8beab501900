// `cairn check`: verifies a data directory that no server has open: every byte of every segment,
// every checkpoint, and that each key's newest record is where the index that a start would build
// points to. Changes nothing.
#include "vlog/check.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "engine/recovery_report.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/checkpoint/retained_checkpoints.h"
#include "vlog/log/manifest.h"
#include "vlog/log/segment.h"
#include "vlog/recovery/read_from.h"
#include "vlog/recovery/replay_index.h"

namespace cairn {

namespace {

using vlog::Art;
using vlog::EntryRef;
using vlog::Manifest;
using vlog::Pointer;
using vlog::Segment;
using vlog::SegmentEntry;

constexpr std::string_view kOffsetMark = " at offset ";
constexpr uint32_t kSeen = 1u << 31;  // in Pointer::flags, here only: the record was met in the log
constexpr uint32_t kMissingTold = 16;  // findings about records that are not there

class IndexFiller final : public vlog::CheckpointSink {
 public:
  explicit IndexFiller(vlog::ShardIndex* shards) : shards_(shards) {}
  void OnEntry(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
               uint64_t expire_at_ms) override {
    if (shard < kShardCount && vlog::IsTree(tree))
      shards_[shard].MakeTree(tree).Upsert(key, pointer, expire_at_ms);
  }

 private:
  vlog::ShardIndex* const shards_;
};

// Marks in the index what is found in the log.
class CrossReference final : public vlog::ReplaySink {
 public:
  explicit CrossReference(vlog::ShardIndex* shards) : shards_(shards) {}
  void OnRecord(const vlog::RecordHeader& header, const char* record,
                const Pointer& pointer) override {
    const std::string_view key = vlog::KeyOf(header, record);
    if (!vlog::IsPut(vlog::TypeOf(header)) || !vlog::IsKeyIn(header.ns, key)) return;
    const EntryRef found = shards_[vlog::ShardIn(header.ns, key)].Find(header.ns, key);
    if (found && found.pointer->SamePlace(pointer) && found.pointer->checksum == pointer.checksum)
      found.pointer->flags |= kSeen;
  }
  void OnFlush(uint32_t, uint32_t, uint32_t, uint16_t) override {}
  void OnSwap(const vlog::SwapPayload&) override {}

 private:
  vlog::ShardIndex* const shards_;
};

class Checker {
 public:
  Checker(const std::string& dir, Disk* disk)
      : dir_(dir), disk_(disk), shards_(new vlog::ShardIndex[kShardCount]), index_(shards_.get()) {}

  Status Run(uint64_t now_ms) {
    Result<std::unique_ptr<FileLock>> lock = disk_->LockFile(vlog::LockPath(dir_));
    if (!lock.ok()) return lock.status();
    bool found = false;
    Result<Manifest> manifest = vlog::LoadManifest(dir_, disk_, &found);
    if (!manifest.ok() && manifest.status().code() == Code::kCorruption) {
      std::vector<std::string> more;
      Damaged(manifest.status().message());
      manifest = vlog::RebuildManifest(dir_, disk_, &more);
      for (const std::string& text : more) Damaged(text);
      found = manifest.ok();
    }
    if (!manifest.ok()) return manifest.status();
    if (!found) return Status();
    manifest_ = std::move(manifest.value());
    report_.lanes = manifest_.lanes;
    Status status = OpenSegments();
    if (!status.ok()) return status;
    status = LoadCheckpoints();
    if (!status.ok()) return status;
    if (known_) {
      // As a start would do it; then all of the log, against what came out.
      status = ReadEpochs(&index_, &*known_, false);
      if (!status.ok()) return status;
      CrossReference cross(shards_.get());
      status = ReadEpochs(&cross, nullptr, true);
      if (status.ok()) TellMissing(now_ms);
    } else {
      status = ReadEpochs(&index_, nullptr, true);
    }
    if (!status.ok()) return status;
    report_.segments = static_cast<uint32_t>(segments_.size());
    CountLive(now_ms);
    return Status();
  }

  CheckReport TakeReport() {
    report_.engine = "vlog";
    return std::move(report_);
  }

 private:
  void Damaged(const std::string& text) { report_.findings.push_back(DamageFinding(text)); }

  // Verifies all of them; the index is that of the newest one that is whole.
  Status LoadCheckpoints() {
    for (size_t i = manifest_.checkpoints.size(); i-- > 0;) {
      const std::string path = vlog::CheckpointPath(dir_, manifest_.checkpoints[i].id);
      Result<vlog::CheckpointInfo> info = vlog::ReadCheckpointInfo(disk_, path);
      Status status = info.status();
      auto shards = std::make_unique<vlog::ShardIndex[]>(kShardCount);
      if (status.ok()) {
        IndexFiller filler(shards.get());
        status = vlog::LoadCheckpoint(disk_, path, info.value(), 1, &filler);
      }
      if (!status.ok()) {
        Damaged(status.code() == Code::kCorruption ? status.message()
                                                   : path + " at offset 0: " + status.message());
        continue;
      }
      ++report_.checkpoints;
      if (known_) continue;
      known_ = std::move(info.value());
      shards_ = std::move(shards);
      index_ = vlog::ReplayIndex(shards_.get());
    }
    if (!known_ && manifest_.needs_checkpoint) {
      Damaged(vlog::ManifestPath(dir_) +
              " at offset 0: no checkpoint is intact, and the log alone would bring deleted keys "
              "back");
    }
    return Status();
  }

  // Epochs in their order: what a later one says of a key replaces what an older one said.
  Status ReadEpochs(vlog::ReplaySink* sink, const vlog::CheckpointInfo* known, bool tell) {
    for (uint32_t epoch : vlog::EpochsOf(manifest_)) {
      Status status = CheckEpoch(epoch, sink, known, tell);
      if (!status.ok()) return status;
    }
    return Status();
  }

  // An older checkpoint may name expired keys whose records garbage collection has dropped since: a
  // start leaves them out.
  void TellMissing(uint64_t now_ms) {
    uint64_t missing = 0;
    for (uint32_t shard = 0; shard < kShardCount; ++shard) {
      shards_[shard].ForEach([&](uint16_t, Art& tree) {
        tree.Scan({}, [&](std::string_view, Pointer& pointer, uint64_t expire_at_ms) {
          if ((pointer.flags & kSeen) != 0) return true;
          if (expire_at_ms != 0 && expire_at_ms <= now_ms && vlog::GoesByItself(pointer))
            return true;
          if (++missing > kMissingTold) return true;
          Damaged(vlog::SegmentPath(dir_, pointer.segment_id) + " at offset " +
                  std::to_string(pointer.offset) + ": no such record, but the index points to it");
          return true;
        });
      });
    }
    if (missing > kMissingTold)
      Damaged(dir_ + " at offset 0: " + std::to_string(missing) + " records missing in all");
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
      std::unique_ptr<Segment> segment = vlog::NewSegment(entry);
      segment->file = std::move(file.value());
      Result<vlog::SegmentHeader> header = vlog::ReadSegmentHeader(segment->file.get());
      if (!header.ok()) {
        if (header.status().code() != Code::kCorruption) return header.status();
        Damaged(header.status().message());
        segment->block_bytes = std::max(segment->file->alignment().offset, vlog::kBlockBytesMin);
      } else {
        segment->block_bytes = header.value().block_bytes;
        segment->recycled = header.value().recycled != 0;
        if (!vlog::Matches(header.value(), entry)) {
          Damaged(path + " at offset 0: header of another segment");
        }
        lanes_of_epoch_.try_emplace(entry.epoch, header.value().lanes);
      }
      segments_.push_back(std::move(segment));
    }
    return Status();
  }

  Status CheckEpoch(uint32_t epoch, vlog::ReplaySink* sink, const vlog::CheckpointInfo* known,
                    bool tell) {
    vlog::ReplayOptions options;
    options.salvage = true;
    options.last_epoch = epoch == manifest_.epoch;
    options.lanes = options.last_epoch ? manifest_.lanes : 1;
    bool any = false;
    for (const auto& segment : segments_) {
      if (segment->epoch != epoch) continue;
      any = true;
      options.lanes = std::max(options.lanes, segment->lane + 1);
    }
    if (!any) return Status();
    // Which shards a lane's flush clears follows from the number of lanes there were, also when one
    // of them has lost all its segments to reclaiming since.
    const auto lanes = lanes_of_epoch_.find(epoch);
    if (!options.last_epoch && lanes != lanes_of_epoch_.end())
      options.lanes = std::max(options.lanes, lanes->second);
    if (options.last_epoch && manifest_.clean && manifest_.clean_ends.size() == options.lanes) {
      options.clean_ends = manifest_.clean_ends;
    }
    vlog::ReadWith(disk_, &options);
    if (known != nullptr) vlog::ReadFrom(*known, epoch, &options);
    if (options.clean_ends.size() != options.lanes) options.clean_ends.clear();
    vlog::Replay replay(options, sink);
    for (const auto& segment : segments_) {
      if (segment->epoch != epoch) continue;
      if (known != nullptr && vlog::Covers(*known, vlog::EntryOf(*segment))) continue;
      Result<uint64_t> size = segment->file->Size();
      if (!size.ok()) return size.status();
      replay.AddSegment(segment->lane, segment.get(), size.value());
    }
    Status status = replay.Run();
    if (!tell) return status;
    for (const std::string& damage : replay.damage()) Damaged(damage);
    for (const std::string& where : replay.misnumbered()) Damaged(where);
    for (const TornTail& torn : replay.torn_tails()) {
      report_.findings.push_back(
          {CheckFinding::Kind::kTornTail, torn.file, torn.offset, torn.reason});
    }
    report_.records += replay.records();
    report_.bytes += replay.bytes();
    return status;
  }

  void CountLive(uint64_t now_ms) {
    for (uint32_t shard = 0; shard < kShardCount; ++shard) {
      shards_[shard].ForEach([&](uint16_t number, Art& tree) {
        if (vlog::IsPageTree(number)) return CountPages(tree);
        tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t expire_at_ms) {
          if (expire_at_ms != 0 && expire_at_ms <= now_ms) return true;
          report_.live_keys += 1;
          report_.live_bytes += key.size() + vlog::ValueBytes(pointer, key.size());
          return true;
        });
      });
    }
  }

  void CountPages(const Art& tree) {
    std::set<SpaceId> dropped;  // marks come first
    tree.Scan({}, [&](std::string_view key, Pointer& pointer, uint64_t) {
      const SpaceId space = SpaceOfPageKey(key);
      if (IsMark(key)) {
        dropped.insert(space);
        report_.dropped_spaces += 1;
      } else if (dropped.count(space) == 0) {
        report_.live_pages += 1;
        report_.live_page_bytes += vlog::ValueBytes(pointer, key.size());
      }
      return true;
    });
  }

  const std::string dir_;
  Disk* const disk_;
  Manifest manifest_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::map<uint32_t, uint32_t> lanes_of_epoch_;  // as its first readable segment says
  std::unique_ptr<vlog::ShardIndex[]> shards_;
  vlog::ReplayIndex index_;
  std::optional<vlog::CheckpointInfo> known_;  // the checkpoint that a start would use
  CheckReport report_;
};

}  // namespace

Result<CheckReport> CheckVlogDirectory(const std::string& dir, Disk* disk, uint64_t now_ms) {
  Checker checker(dir, disk);
  Status status = checker.Run(now_ms);
  if (!status.ok()) return status;
  return checker.TakeReport();
}

CheckFinding DamageFinding(const std::string& text) {
  CheckFinding finding;
  finding.reason = text;
  const size_t mark = text.find(kOffsetMark);
  if (mark == std::string::npos) return finding;
  const char* digits = text.c_str() + mark + kOffsetMark.size();
  char* end = nullptr;
  const uint64_t offset = std::strtoull(digits, &end, 10);
  if (end == digits) return finding;
  finding.file = text.substr(0, mark);
  finding.offset = offset;
  if (*end == ':') ++end;
  while (*end == ' ') ++end;
  finding.reason = end;
  return finding;
}

}  // namespace cairn

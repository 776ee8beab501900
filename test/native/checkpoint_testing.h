// Checkpoint files for tests: random entries, and a sink that keeps what it gets and watches how.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/slot.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/log/format.h"

namespace cairn::testing {

using namespace cairn::vlog;

using Random = std::mt19937_64;
inline uint64_t Below(Random& random, uint64_t bound) { return random() % bound; }

struct KeptEntry {
  uint16_t shard;
  uint16_t tree;
  std::string key;
  Pointer pointer;
  uint64_t expire;
};
inline bool Same(const KeptEntry& a, const KeptEntry& b) {
  return a.shard == b.shard && a.tree == b.tree && a.key == b.key &&
         a.pointer.SamePlace(b.pointer) && a.pointer.flags == b.pointer.flags &&
         a.pointer.checksum == b.pointer.checksum && a.expire == b.expire;
}

// Keeps everything, and that the calls come as promised.
class Keeper final : public CheckpointSink {
 public:
  Keeper() : shards_(kShardCount), threads_(kShardCount) {}
  void OnEntry(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
               uint64_t expire_at_ms) override {
    auto& entries = shards_[shard];
    if (entries.empty()) threads_[shard] = std::this_thread::get_id();
    bool fine = threads_[shard] == std::this_thread::get_id();
    if (!entries.empty()) {
      const KeptEntry& before = entries.back();
      fine = fine && (before.tree < tree || (before.tree == tree && before.key < key));
    }
    if (!fine) wrong_ = true;
    entries.push_back({shard, tree, std::string(key), pointer, expire_at_ms});
  }
  void OnTreeEnd(uint16_t shard, uint16_t tree) override {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (shards_[shard].empty() || shards_[shard].back().tree != tree ||
        !ended_.insert({shard, tree}).second) {
      wrong_ = true;
    }
  }
  void CheckHas(const std::vector<KeptEntry>& wanted) const {
    CHECK(!wrong_);
    size_t i = 0, trees = 0;
    for (const auto& shard : shards_) {
      for (const KeptEntry& entry : shard) {
        REQUIRE(i < wanted.size());
        if (!Same(entry, wanted[i])) FAIL("entry ", i, " differs: ", entry.key);
        if (i == 0 || wanted[i - 1].shard != entry.shard || wanted[i - 1].tree != entry.tree)
          ++trees;
        ++i;
      }
    }
    CHECK(i == wanted.size());
    CHECK(ended_.size() == trees);
  }

 private:
  std::vector<std::vector<KeptEntry>> shards_;
  std::vector<std::thread::id> threads_;
  std::mutex mutex_;
  std::set<std::pair<uint16_t, uint16_t>> ended_;
  std::atomic<bool> wrong_{false};
};

inline Pointer RandomPointer(Random& random, size_t key_bytes, bool expires) {
  RecordHeader header = {};
  header.type =
      static_cast<uint8_t>(Below(random, 4) == 0 ? RecordType::kPutExpire : RecordType::kPut);
  header.value_type = static_cast<uint8_t>(Below(random, 8) == 0 ? Below(random, 16) : 0);
  header.key_bytes = static_cast<uint32_t>(key_bytes);
  header.value_bytes =
      Below(random, 3) == 0 ? 128 : static_cast<uint32_t>(Below(random, 1u << Below(random, 29)));
  header.segment_id = static_cast<uint32_t>(
      Below(random, 20) == 0 ? random() : 1 + Below(random, Below(random, 2) == 0 ? 1 : 300));
  header.crc = static_cast<uint32_t>(random());
  Pointer pointer = MakePointer(header, Below(random, kSegmentBytesMax / 8) * 8);
  if (expires) pointer.flags |= Pointer::kHasExpiry;
  if (Below(random, 9) == 0) pointer.flags |= Pointer::kExpiryExternal;
  return pointer;
}

inline std::string RandomKey(Random& random) {
  switch (Below(random, 8)) {
    case 0: {
      std::string key(Below(random, 5), '\0');
      for (char& c : key) c = static_cast<char>(random());
      return key;
    }
    case 1:
      return std::string(Below(random, 400), 'a');
    case 2:
      return std::string(100, 'b') + std::to_string(Below(random, 10000));
    default:
      return "key:" + std::to_string(100000000000 + Below(random, 100000));
  }
}

inline std::vector<KeptEntry> RandomEntries(Random& random, size_t count, uint32_t shards) {
  std::map<std::pair<uint32_t, std::string>, int> keys;
  while (keys.size() < count) {
    const uint32_t tree = Below(random, 5) == 0 ? static_cast<uint32_t>(random() % 65536) % 3 : 0;
    const uint32_t shard =
        static_cast<uint32_t>(Below(random, shards) * (kShardCount - 1) / std::max(1u, shards - 1));
    keys[{shard << 16 | tree, RandomKey(random)}] = 0;
  }
  std::vector<KeptEntry> entries;
  for (const auto& [place, unused] : keys) {
    const uint64_t expire = Below(random, 3) != 0 ? 0 : 1700000000000 + Below(random, 1u << 30);
    entries.push_back({static_cast<uint16_t>(place.first >> 16), static_cast<uint16_t>(place.first),
                       place.second, RandomPointer(random, place.second.size(), expire != 0),
                       expire});
  }
  return entries;
}

inline CheckpointInfo SomeInfo() {
  CheckpointInfo info;
  info.epoch = 1;
  info.lanes = 2;
  info.incarnation = 3;
  info.next_segment_id = 9;
  info.swap_sequence = 4;
  info.trees = {{1, 2}, {2, 1}};
  info.log_from = {LogPosition(1, 512), LogPosition(2, 4096)};
  info.created_ms = 0x1122334455;
  return info;
}

inline Status TryWrite(Disk* disk, uint32_t id, const std::vector<KeptEntry>& entries,
                       CheckpointInfo* info) {
  auto writer = CheckpointWriter::Create(disk, CheckpointPath("/d", id), id);
  if (!writer.ok()) return writer.status();
  size_t since = 0;
  for (const KeptEntry& entry : entries) {
    writer.value()->Add(entry.shard, entry.tree, entry.key, entry.pointer, entry.expire);
    if (++since % 1000 != 0) continue;
    uint64_t written = 0;
    Status status = writer.value()->Write(&written);
    if (!status.ok()) return status;
  }
  Status status = writer.value()->Finish(info);
  return status.ok() ? disk->SyncDir("/d") : status;
}

inline CheckpointInfo Write(Disk* disk, uint32_t id, const std::vector<KeptEntry>& entries) {
  CheckpointInfo info = SomeInfo();
  const Status status = TryWrite(disk, id, entries, &info);
  REQUIRE_MESSAGE(status.ok(), status.message());
  return info;
}

// What a start would do.
inline Status Load(Disk* disk, uint32_t id, uint32_t threads, Keeper* keeper) {
  const std::string path = CheckpointPath("/d", id);
  const Result<CheckpointInfo> info = ReadCheckpointInfo(disk, path);
  return info.ok() ? LoadCheckpoint(disk, path, info.value(), threads, keeper) : info.status();
}

inline std::string ReadAll(Disk* disk, const std::string& path) {
  auto file = disk->OpenDirect(path, Disk::Mode::kRead);
  const uint64_t bytes = file.value()->Size().value();
  AlignedBuffer buffer = NewAligned(bytes);
  REQUIRE(file.value()->ReadAt(0, buffer.get(), bytes).value() == bytes);
  return std::string(buffer.get(), bytes);
}

inline void Overwrite(Disk* disk, const std::string& path, uint64_t offset,
                      std::string_view bytes) {
  auto file = disk->OpenDirect(path, Disk::Mode::kReadWrite);
  AlignedBuffer buffer = NewAligned(bytes.size());
  std::copy(bytes.begin(), bytes.end(), buffer.get());
  REQUIRE(file.value()->WriteAt(offset, buffer.get(), bytes.size()).ok());
}

inline void CheckCorrupt(Disk* disk, uint32_t id) {
  Keeper keeper;
  const Status status = Load(disk, id, 1, &keeper);
  if (status.code() != Code::kCorruption ||
      status.message().find(CheckpointPath("/d", id) + " at offset ") != 0) {
    FAIL("not found: ", status.message());
  }
}

}  // namespace cairn::testing

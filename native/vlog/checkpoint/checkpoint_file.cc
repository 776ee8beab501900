#include "vlog/checkpoint/checkpoint_file.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "base/slot.h"
#include "base/threads.h"
#include "vlog/log/format.h"

namespace cairn::vlog {
namespace {

constexpr uint32_t kTasksPerThread = 8;  // so that all threads end at about the same time

Status Corrupt(const std::string& path, uint64_t offset, const std::string& what) {
  return Status(Code::kCorruption, path + " at offset " + std::to_string(offset) + ": " + what);
}

// Aligned reads of any range of a file. The memory is that of the largest range.
class RangeReader {
 public:
  explicit RangeReader(File* file) : file_(file) {
    const IoAlignment alignment = file->alignment();
    io_block_ = std::max<uint64_t>({alignment.offset, alignment.memory, kCheckpointUnitBytes});
  }

  // *data is valid until the next call.
  Status Read(uint64_t offset, uint64_t bytes, const char** data) {
    const uint64_t from = AlignDown(offset, io_block_);
    const uint64_t want = AlignUp(offset + bytes, io_block_) - from;
    if (want > buffer_bytes_) {
      buffer_ = NewAligned(want);
      buffer_bytes_ = want;
    }
    Result<size_t> got = file_->ReadAt(from, buffer_.get(), want);
    if (!got.ok()) return got.status();
    if (got.value() < offset + bytes - from)
      return Corrupt(file_->path(), from + got.value(), "checkpoint is cut short");
    *data = buffer_.get() + (offset - from);
    return Status();
  }

 private:
  File* file_;
  uint64_t io_block_;
  AlignedBuffer buffer_;
  uint64_t buffer_bytes_ = 0;
};

Result<CheckpointTail> ReadTail(File* file) {
  Result<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  if (size.value() < sizeof(CheckpointTrailer))
    return Corrupt(file->path(), size.value(), "checkpoint is cut short");
  RangeReader reader(file);
  const char* data = nullptr;
  Status status =
      reader.Read(size.value() - sizeof(CheckpointTrailer), sizeof(CheckpointTrailer), &data);
  if (!status.ok()) return status;
  Result<CheckpointTrailer> trailer =
      DecodeCheckpointTrailer({data, sizeof(CheckpointTrailer)}, size.value(), file->path());
  if (!trailer.ok()) return trailer.status();
  const uint64_t bytes = trailer.value().tail_bytes;
  status = reader.Read(size.value() - bytes, bytes, &data);
  if (!status.ok()) return status;
  Result<CheckpointTail> tail = DecodeCheckpointTail({data, bytes}, trailer.value(), file->path());
  if (!tail.ok()) return tail;
  const std::string& path = file->path();
  uint32_t id = 0;
  if (ParseCheckpointName(path.substr(path.rfind('/') + 1), &id) && id != tail.value().info.id) {
    return Corrupt(path, size.value() - sizeof(CheckpointTrailer),
                   "this is checkpoint " + std::to_string(tail.value().info.id));
  }
  return tail;
}

// Shards [shard_from, shard_to), which blocks [from, to) hold. The first and the last block may
// hold others, too.
struct Task {
  uint32_t shard_from = 0, shard_to = kShardCount;
  size_t from = 0, to = 0;
  uint64_t offset = 0;  // of block `from`
};

std::vector<Task> Divide(const CheckpointTail& tail, uint32_t threads) {
  const uint64_t wanted =
      threads == 1 ? UINT64_MAX
                   : std::max<uint64_t>(kCheckpointBufferBytes,
                                        tail.offset / (uint64_t{threads} * kTasksPerThread));
  std::vector<Task> tasks;
  Task task;
  uint64_t offset = 0, bytes = 0;
  for (size_t i = 0; i < tail.blocks.size(); ++i) {
    const CheckpointBlockEntry& block = tail.blocks[i];
    // Cut before a block that begins with a shard that no block before has.
    if (bytes >= wanted && block.first_shard > tail.blocks[i - 1].last_shard) {
      task.to = i;
      task.shard_to = block.first_shard;
      tasks.push_back(task);
      task = Task{block.first_shard, kShardCount, i, 0, offset};
      bytes = 0;
    } else if (bytes >= wanted && block.last_shard > block.first_shard) {
      // Or in it: both sides read it.
      task.to = i + 1;
      task.shard_to = block.last_shard;
      tasks.push_back(task);
      task = Task{block.last_shard, kShardCount, i, 0, offset};
      bytes = 0;
    }
    offset += block.bytes;
    bytes += block.bytes;
  }
  task.to = tail.blocks.size();
  if (task.to != 0) tasks.push_back(task);
  return tasks;
}

class Loader {
 public:
  Loader(File* file, const CheckpointTail* tail, CheckpointSink* sink)
      : file_(file), tail_(tail), sink_(sink) {}

  Status Run(uint32_t threads) {
    tasks_ = Divide(*tail_, threads);
    threads = static_cast<uint32_t>(std::min<size_t>(threads, tasks_.size()));
    Threads workers;  // fewer will do
    while (workers.count() + 1 < threads && workers.Start([this] { Work(); })) {
    }
    Work();
    workers.Join();
    if (status_.ok() && delivered_ != tail_->info.entries)
      return Corrupt(file_->path(), tail_->offset, "number of entries");
    return status_;
  }

 private:
  void Work() {
    RangeReader reader(file_);
    for (;;) {
      const size_t i = next_.fetch_add(1, std::memory_order_relaxed);
      if (i >= tasks_.size() || failed_.load(std::memory_order_relaxed)) return;
      Status status = Load(tasks_[i], &reader);
      if (status.ok()) continue;
      failed_.store(true, std::memory_order_relaxed);
      std::lock_guard<std::mutex> guard(mutex_);
      if (status_.ok()) status_ = std::move(status);
      return;
    }
  }

  Status Load(const Task& task, RangeReader* reader) {
    CheckpointBlockDecoder decoder(sink_, task.shard_from, task.shard_to);
    uint64_t offset = task.offset;
    for (size_t i = task.from; i < task.to;) {
      if (failed_.load(std::memory_order_relaxed)) return Status();
      size_t end = i;
      uint64_t bytes = 0;
      do {
        bytes += tail_->blocks[end++].bytes;
      } while (end < task.to && bytes + tail_->blocks[end].bytes <= kCheckpointBufferBytes);
      const char* data = nullptr;
      Status status = reader->Read(offset, bytes, &data);
      if (status.ok()) status = sink_->OnRead(bytes);
      if (!status.ok()) return status;
      for (; i < end; ++i) {
        const CheckpointBlockEntry& block = tail_->blocks[i];
        size_t where = 0;
        const char* why = decoder.Decode(data, tail_->info.id, offset, block, &where);
        if (why != nullptr) return Corrupt(file_->path(), offset + where, why);
        data += block.bytes;
        offset += block.bytes;
      }
    }
    decoder.Finish();
    delivered_.fetch_add(decoder.delivered(), std::memory_order_relaxed);
    return Status();
  }

  File* file_;
  const CheckpointTail* tail_;
  CheckpointSink* sink_;
  std::vector<Task> tasks_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::atomic<uint64_t> delivered_{0};
  std::mutex mutex_;  // guards status_
  Status status_;
};

bool SameInfo(const CheckpointInfo& a, const CheckpointInfo& b) {
  auto same_tree = [](TreeEntry x, TreeEntry y) { return x.ns == y.ns && x.tree == y.tree; };
  return a.id == b.id && a.epoch == b.epoch && a.lanes == b.lanes &&
         a.incarnation == b.incarnation && a.next_segment_id == b.next_segment_id &&
         a.swap_sequence == b.swap_sequence && a.log_from == b.log_from && a.units == b.units &&
         std::equal(a.trees.begin(), a.trees.end(), b.trees.begin(), b.trees.end(), same_tree) &&
         a.created_ms == b.created_ms && a.entries == b.entries && a.bytes == b.bytes;
}

}  // namespace

CheckpointWriter::CheckpointWriter(std::unique_ptr<File> file, uint32_t id)
    : file_(std::move(file)),
      id_(id),
      unit_bytes_(std::max(file_->alignment().offset, kCheckpointUnitBytes)) {}

Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::Create(Disk* disk,
                                                                   const std::string& path,
                                                                   uint32_t id) {
  Result<std::unique_ptr<File>> file = disk->OpenDirect(path, Disk::Mode::kCreate);
  if (!file.ok()) return file.status();
  return std::unique_ptr<CheckpointWriter>(new CheckpointWriter(std::move(file.value()), id));
}

void CheckpointWriter::Add(uint16_t shard, uint16_t tree, std::string_view key,
                           const Pointer& pointer, uint64_t expire_at_ms) {
  if (!encoder_.open()) BeginBlock(key.size());
  if (!encoder_.Add(shard, tree, key, pointer, expire_at_ms)) {
    EndBlock();
    BeginBlock(key.size());
    CAIRN_CHECK(encoder_.Add(shard, tree, key, pointer, expire_at_ms));
  }
  ++entries_;
  if (encoder_.used() > kCheckpointBlockBytes) {  // a huge key: do not wait for others
    EndBlock();
    NextBuffer(0);
  }
}

void CheckpointWriter::BeginBlock(size_t key_bytes) {
  const uint64_t bytes = AlignUp(
      std::max<uint64_t>(CheckpointBlockEncoder::BytesFor(key_bytes), kCheckpointBlockBytes),
      unit_bytes_);
  if (open_.capacity - open_.used < bytes) NextBuffer(bytes);
  encoder_.Begin(open_.data.get() + open_.used, bytes);
}

void CheckpointWriter::EndBlock() {
  if (!encoder_.open()) return;
  blocks_.push_back(encoder_.Finish(id_, open_.offset + open_.used, unit_bytes_));
  open_.used += blocks_.back().bytes;
}

// Sets the open buffer aside and begins one with room for `bytes`.
void CheckpointWriter::NextBuffer(uint64_t bytes) {
  const uint64_t offset = open_.offset + open_.used;
  if (open_.used != 0) {
    full_bytes_ += open_.used;
    full_.push_back(std::move(open_));
  }
  open_ = std::move(spare_);
  spare_ = Buffer();
  const uint64_t capacity = std::max<uint64_t>(bytes, AlignUp(kCheckpointBufferBytes, unit_bytes_));
  if (open_.data == nullptr || open_.capacity < capacity) {
    open_.data = NewAligned(capacity);
    open_.capacity = capacity;
  }
  open_.used = 0;
  open_.offset = offset;
}

size_t CheckpointWriter::pending() const { return full_bytes_ + open_.used + encoder_.used(); }

Status CheckpointWriter::WriteFront() {
  Buffer& buffer = full_.front();
  Status status = file_->WriteAt(buffer.offset, buffer.data.get(), buffer.used);
  if (!status.ok()) return status;
  full_bytes_ -= buffer.used;
  if (buffer.capacity <= AlignUp(kCheckpointBufferBytes, unit_bytes_)) spare_ = std::move(buffer);
  full_.pop_front();
  return Status();
}

Status CheckpointWriter::Write(uint64_t* written) {
  *written = 0;
  if (full_.empty()) return Status();
  const uint64_t bytes = full_.front().used;
  Status status = WriteFront();
  if (status.ok()) *written = bytes;
  return status;
}

Status CheckpointWriter::Finish(CheckpointInfo* info) {
  if (!sync_status_.ok()) return sync_status_;
  EndBlock();
  if (open_.used != 0) NextBuffer(0);
  while (!full_.empty()) {
    Status status = WriteFront();
    if (!status.ok()) return status;
  }
  CheckpointTail tail;
  tail.info = *info;
  tail.info.id = id_;
  tail.unit_bytes = unit_bytes_;
  tail.offset = open_.offset;
  tail.blocks = blocks_;
  const std::string bytes = EncodeCheckpointTail(&tail);
  CAIRN_CHECK(tail.info.entries == entries_);
  AlignedBuffer aligned = NewAligned(bytes.size());
  std::memcpy(aligned.get(), bytes.data(), bytes.size());
  Status status = file_->WriteAt(tail.offset, aligned.get(), bytes.size());
  if (!status.ok()) return status;
  sync_status_ = file_->Sync();
  if (sync_status_.ok()) *info = std::move(tail.info);
  return sync_status_;
}

Result<CheckpointInfo> ReadCheckpointInfo(Disk* disk, const std::string& path) {
  Result<std::unique_ptr<File>> file = disk->OpenDirect(path, Disk::Mode::kRead);
  if (!file.ok()) return file.status();
  Result<CheckpointTail> tail = ReadTail(file.value().get());
  if (!tail.ok()) return tail.status();
  return std::move(tail.value().info);
}

Status LoadCheckpoint(Disk* disk, const std::string& path, const CheckpointInfo& info,
                      uint32_t threads, CheckpointSink* sink) {
  Result<std::unique_ptr<File>> file = disk->OpenDirect(path, Disk::Mode::kRead);
  if (!file.ok()) return file.status();
  Result<CheckpointTail> tail = ReadTail(file.value().get());
  if (!tail.ok()) return tail.status();
  if (!SameInfo(tail.value().info, info))
    return Corrupt(path, tail.value().offset, "another checkpoint than was looked at");
  Loader loader(file.value().get(), &tail.value(), sink);
  return loader.Run(std::clamp(threads, 1u, kCheckpointThreadsMax));
}

}  // namespace cairn::vlog

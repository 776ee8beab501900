// Reads of single records from disk, on a reactor's own queue: the operation in flight and a
// bounded pool of them.
//
// Threads: Get on the reactor's thread; Put from anywhere (a request may be destroyed elsewhere).
// Lifetime: a pool lives until the engine has closed it and the last operation came back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/latch.h"
#include "engine/engine.h"
#include "io/disk.h"
#include "vlog/log/format.h"
#include "vlog/log/segment.h"

namespace cairn {
class VlogEngine;
}

namespace cairn::vlog {

class FetchPool;

// A version on disk is the pointer to it, as far as that speaks of the record itself; so a read
// need not ask the index again where the record lies. Not for a resident pointer.
inline VersionToken VersionOf(const Pointer& pointer) {
  return {{static_cast<uint64_t>(pointer.segment_id) << 32 | pointer.length, pointer.offset,
           static_cast<uint64_t>(pointer.flags & kRecordFlags) << 32 | pointer.checksum}};
}
inline Pointer PointerOf(const VersionToken& version) {
  Pointer pointer;
  pointer.segment_id = static_cast<uint32_t>(version.word[0] >> 32);
  pointer.length = static_cast<uint32_t>(version.word[0]);
  pointer.offset = version.word[1];
  pointer.flags = static_cast<uint32_t>(version.word[2] >> 32);
  pointer.checksum = static_cast<uint32_t>(version.word[2]);
  return pointer;
}

struct FetchOp {
  IoRequest io;
  iovec iov = {};
  AlignedBuffer buffer;
  std::shared_ptr<LargeBuffer> large;  // instead of `buffer`, of large values
  uint64_t buffer_bytes = 0;
  uint32_t size_class = 0;
  FetchPool* pool = nullptr;
  FetchOp* next_free = nullptr;

  VlogEngine* engine = nullptr;
  FetchRequest* request = nullptr;
  Segment* segment = nullptr;
  IoQueue* queue = nullptr;
  std::string key;
  Pointer pointer;     // not resident
  uint64_t from = 0;   // file offset of the buffer
  uint64_t bytes = 0;  // to read
  uint64_t done = 0;
  uint64_t asked = 0;    // of `bytes`: read, or being read; large values come in pieces
  uint64_t checked = 0;  // of the record: what the checksum has seen
  uint32_t crc = 0;
  uint64_t started_ns = 0;
  uint32_t reactor = 0;
  uint32_t tries = 0;
  uint16_t tree = 0;
  uint16_t shard = 0;

  char* data() const { return large != nullptr ? large->data() : buffer.get(); }
};

class FetchPool {
 public:
  static constexpr uint32_t kClasses = 9;  // 1 KiB << class; large values have memory of their own
  static constexpr uint32_t kSmallestBytes = 1024;
  static constexpr uint64_t kKeptBytesMax = 4u << 20;

  static FetchPool* New() { return new FetchPool(); }
  FetchOp* Get(uint64_t bytes);
  void Put(FetchOp* op);
  void Close();  // by the engine, once; the pool goes when the last operation is back

 private:
  FetchPool() = default;
  ~FetchPool();
  Latch latch_;
  FetchOp* free_[kClasses] = {};
  uint64_t kept_bytes_ = 0;
  uint64_t out_ = 0;
  bool closed_ = false;
};

}  // namespace cairn::vlog

// The content of one simulated file: what reads see, what a power failure leaves, and what is
// between them (the model is described in sim_disk.h). Part of SimDisk, guarded by its mutex.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/split_mix.h"
#include "io/sim_disk.h"

namespace cairn {

class SimRandom {
 public:
  explicit SimRandom(uint64_t seed) : random_{seed} {}
  uint64_t Next() { return random_.Next(); }
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  bool Coin() { return (Next() >> 63) != 0; }
  bool Chance(double p) {
    // No draw for the usual 0, so that switching one fault on does not shift the choices of the
    // others more than it must.
    return p > 0 && static_cast<double>(Next() >> 11) * 0x1.0p-53 < p;
  }

 private:
  SplitMix random_;
};

using SimSector = std::array<uint8_t, kSimSectorBytes>;

class SimInode {
 public:
  explicit SimInode(uint64_t id) : id_(id) {}

  uint64_t id() const { return id_; }
  uint64_t size() const { return size_; }

  // Up to `bytes`, fewer at the end of the file.
  size_t Read(uint64_t offset, void* data, size_t bytes) const;
  // Stores whole or partial sectors in `current` and as versions that await a sync; grows the file.
  // `sequence` orders them.
  void Write(uint64_t offset, const void* data, size_t bytes, uint64_t sequence);
  void Resize(uint64_t bytes, uint64_t sequence);

  // Makes [offset, offset + bytes) durable as it is now, and the size.
  void SyncRange(uint64_t offset, uint64_t bytes);
  // Makes all versions up to `sequence` durable, the size, and a truncation. Later ones wait on.
  void SyncUpTo(uint64_t sequence);
  // After a failed sync: each waiting version is dropped with probability p.
  void DropVersions(double p, SimRandom* random);

  // Power failure: decides the fate of what is not durable. Afterwards current == durable.
  void Resolve(SimRandom* random);
  void FlipBit(uint64_t offset, uint32_t bit);
  uint64_t UnsyncedSectors() const { return versions_.size(); }

 private:
  // Sparse content in chunks of 64 sectors; what was never written reads as zeros.
  class Content {
   public:
    static constexpr uint64_t kChunkSectors = 64;
    const uint8_t* Find(uint64_t sector) const;  // nullptr: zeros
    uint8_t* Make(uint64_t sector);
    void Put(uint64_t sector, const SimSector& data) {
      std::memcpy(Make(sector), data.data(), kSimSectorBytes);
    }
    void ZeroFrom(uint64_t offset);
    void CopyFrom(const Content& other);

   private:
    using Chunk = std::array<uint8_t, kChunkSectors * kSimSectorBytes>;
    std::map<uint64_t, std::unique_ptr<Chunk>> chunks_;
  };
  struct Version {
    uint64_t sequence = 0;
    SimSector data;
  };
  static constexpr size_t kVersionsMax = 4;  // per sector; a middle one is forgotten beyond that

  const uint64_t id_;
  uint64_t size_ = 0;
  uint64_t durable_size_ = 0;
  Content current_;
  Content durable_;
  std::map<uint64_t, std::vector<Version>> versions_;  // sector -> oldest first, never empty
  // A cut that no sync has covered yet. If a power failure undoes it, what was written behind it
  // goes as well.
  std::optional<uint64_t> cut_;
};

}  // namespace cairn

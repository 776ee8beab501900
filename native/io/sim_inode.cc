#include "io/sim_inode.h"

#include <algorithm>

namespace cairn {

const uint8_t* SimInode::Content::Find(uint64_t sector) const {
  const auto it = chunks_.find(sector / kChunkSectors);
  if (it == chunks_.end()) return nullptr;
  return it->second->data() + sector % kChunkSectors * kSimSectorBytes;
}

uint8_t* SimInode::Content::Make(uint64_t sector) {
  std::unique_ptr<Chunk>& chunk = chunks_[sector / kChunkSectors];
  if (chunk == nullptr) {
    chunk = std::make_unique<Chunk>();
    chunk->fill(0);
  }
  return chunk->data() + sector % kChunkSectors * kSimSectorBytes;
}

void SimInode::Content::ZeroFrom(uint64_t offset) {
  constexpr uint64_t kChunkBytes = kChunkSectors * kSimSectorBytes;
  chunks_.erase(chunks_.lower_bound((offset + kChunkBytes - 1) / kChunkBytes), chunks_.end());
  const auto last = chunks_.find(offset / kChunkBytes);
  if (last == chunks_.end() || offset % kChunkBytes == 0) return;
  Chunk& chunk = *last->second;
  std::fill(chunk.begin() + static_cast<ptrdiff_t>(offset % kChunkBytes), chunk.end(), 0);
}

void SimInode::Content::CopyFrom(const Content& other) {
  chunks_.clear();
  for (const auto& [index, chunk] : other.chunks_) {
    chunks_.emplace(index, std::make_unique<Chunk>(*chunk));
  }
}

size_t SimInode::Read(uint64_t offset, void* data, size_t bytes) const {
  if (offset >= size_) return 0;
  bytes = static_cast<size_t>(std::min<uint64_t>(bytes, size_ - offset));
  auto* out = static_cast<uint8_t*>(data);
  for (size_t done = 0; done < bytes;) {
    const uint64_t within = (offset + done) % kSimSectorBytes;
    const size_t n = std::min<size_t>(bytes - done, kSimSectorBytes - within);
    const uint8_t* sector = current_.Find((offset + done) / kSimSectorBytes);
    if (sector != nullptr) {
      std::memcpy(out + done, sector + within, n);
    } else {
      std::memset(out + done, 0, n);
    }
    done += n;
  }
  return bytes;
}

void SimInode::Write(uint64_t offset, const void* data, size_t bytes, uint64_t sequence) {
  const auto* in = static_cast<const uint8_t*>(data);
  for (size_t done = 0; done < bytes;) {
    const uint64_t sector = (offset + done) / kSimSectorBytes;
    const uint64_t within = (offset + done) % kSimSectorBytes;
    const size_t n = std::min<size_t>(bytes - done, kSimSectorBytes - within);
    uint8_t* const now = current_.Make(sector);
    std::memcpy(now + within, in + done, n);
    std::vector<Version>& waiting = versions_[sector];
    if (waiting.size() == kVersionsMax) waiting.erase(waiting.begin() + kVersionsMax / 2);
    waiting.emplace_back();
    waiting.back().sequence = sequence;
    std::memcpy(waiting.back().data.data(), now, kSimSectorBytes);
    done += n;
  }
  size_ = std::max(size_, offset + bytes);
}

void SimInode::Resize(uint64_t bytes, uint64_t sequence) {
  if (bytes < size_) {
    current_.ZeroFrom(bytes);
    // Versions behind the cut never reached the medium: one of the outcomes that are allowed.
    versions_.erase(versions_.lower_bound((bytes + kSimSectorBytes - 1) / kSimSectorBytes),
                    versions_.end());
    cut_ = std::min(cut_.value_or(bytes), bytes);
    size_ = bytes;
    const uint64_t edge = bytes / kSimSectorBytes;
    if (bytes % kSimSectorBytes != 0 && current_.Find(edge) != nullptr) {  // a cut inside a sector
      SimSector kept;
      std::memcpy(kept.data(), current_.Find(edge), kSimSectorBytes);
      Write(edge * kSimSectorBytes, kept.data(), bytes % kSimSectorBytes, sequence);
    }
  }
  size_ = bytes;
}

void SimInode::SyncRange(uint64_t offset, uint64_t bytes) {
  if (cut_.has_value()) {  // the journal commits the cut with everything after it
    durable_.ZeroFrom(*cut_);
    cut_.reset();
  }
  const uint64_t end = (offset + bytes + kSimSectorBytes - 1) / kSimSectorBytes;
  for (auto it = versions_.lower_bound(offset / kSimSectorBytes);
       it != versions_.end() && it->first < end;) {
    durable_.Put(it->first, it->second.back().data);
    it = versions_.erase(it);
  }
  durable_size_ = size_;
}

void SimInode::SyncUpTo(uint64_t sequence) {
  SyncRange(0, 0);
  for (auto it = versions_.begin(); it != versions_.end();) {
    std::vector<Version>& waiting = it->second;
    const auto first_later = std::find_if(waiting.begin(), waiting.end(),
                                          [&](const Version& v) { return v.sequence > sequence; });
    if (first_later != waiting.begin()) durable_.Put(it->first, std::prev(first_later)->data);
    waiting.erase(waiting.begin(), first_later);
    it = waiting.empty() ? versions_.erase(it) : std::next(it);
  }
}

void SimInode::DropVersions(double p, SimRandom* random) {
  for (auto it = versions_.begin(); it != versions_.end();) {
    std::erase_if(it->second, [&](const Version&) { return random->Chance(p); });
    it = it->second.empty() ? versions_.erase(it) : std::next(it);
  }
}

void SimInode::Resolve(SimRandom* random) {
  bool size_kept = random->Coin();
  if (cut_.has_value()) {
    if (random->Coin()) {
      durable_.ZeroFrom(*cut_);
      if (!size_kept) durable_size_ = std::min(durable_size_, *cut_);
    } else {
      size_kept = false;
      versions_.erase(versions_.lower_bound(*cut_ / kSimSectorBytes), versions_.end());
    }
    cut_.reset();
  }
  if (size_kept) durable_size_ = size_;
  for (const auto& [sector, waiting] : versions_) {
    const uint64_t choice = random->Below(waiting.size() + 1);
    if (choice > 0) durable_.Put(sector, waiting[choice - 1].data);
  }
  versions_.clear();
  durable_.ZeroFrom(durable_size_);
  size_ = durable_size_;
  current_.CopyFrom(durable_);
}

void SimInode::FlipBit(uint64_t offset, uint32_t bit) {
  CAIRN_CHECK(offset < size_ && bit < 8);
  const uint64_t sector = offset / kSimSectorBytes;
  const uint64_t within = offset % kSimSectorBytes;
  const auto mask = static_cast<uint8_t>(1u << bit);
  current_.Make(sector)[within] ^= mask;
  if (offset < durable_size_) durable_.Make(sector)[within] ^= mask;
  const auto waiting = versions_.find(sector);
  if (waiting == versions_.end()) return;
  for (Version& version : waiting->second) version.data[within] ^= mask;
}

}  // namespace cairn

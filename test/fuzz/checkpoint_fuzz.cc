// libFuzzer target for the decoder of checkpoints. The input becomes the entries of one or two
// blocks, or the tail, or the trailer; checksums and what else must agree are set right first, so
// that the decoder gets to see the bytes. All memory is allocated exactly, so that the address
// sanitizer sees a read beyond it. Entries that were taken for good are encoded and decoded again
// and must be the same.
//
// Build and run: make fuzz-checkpoint. Reproduce a finding: build/fuzz/checkpoint_fuzz crash-<hash>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/slot.h"
#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/log/format.h"

namespace {

using namespace cairn;
using namespace cairn::vlog;

constexpr uint32_t kId = 7;
constexpr uint64_t kOffset = 4096;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "checkpoint_fuzz: %s\n", what);
  std::abort();
}

struct Entry {
  uint16_t shard;
  uint16_t tree;
  std::string key;
  Pointer pointer;
  uint64_t expire;

  bool operator==(const Entry& other) const {
    return shard == other.shard && tree == other.tree && key == other.key &&
           std::memcmp(&pointer, &other.pointer, sizeof(pointer)) == 0 && expire == other.expire;
  }
};

class Keeper final : public CheckpointSink {
 public:
  void OnEntry(uint16_t shard, uint16_t tree, std::string_view key, const Pointer& pointer,
               uint64_t expire_at_ms) override {
    if (shard >= kShardCount) Fail("no shard");
    if (pointer.offset % 8 != 0 || pointer.length % 8 != 0 || pointer.resident() ||
        pointer.has_expiry() != (expire_at_ms != 0)) {
      Fail("no pointer");
    }
    if (!entries.empty()) {
      const Entry& before = entries.back();
      const bool same = before.shard == shard && before.tree == tree;
      if (before.shard > shard || (before.shard == shard && before.tree > tree) ||
          (same && before.key >= key)) {
        Fail("entries do not ascend");
      }
      if (!same && !ended_) Fail("a tree did not end");
      if (same && ended_) Fail("a tree ended too soon");
    }
    ended_ = false;
    entries.push_back({shard, tree, std::string(key), pointer, expire_at_ms});
  }
  void OnTreeEnd(uint16_t shard, uint16_t tree) override {
    if (entries.empty() || entries.back().shard != shard || entries.back().tree != tree || ended_)
      Fail("another tree ended");
    ended_ = true;
  }
  std::vector<Entry> entries;

 private:
  bool ended_ = false;
};

struct Block {
  std::unique_ptr<char[]> bytes;
  CheckpointBlockEntry entry;
};

Block MakeBlock(std::string_view payload, uint64_t offset, uint32_t entries, uint16_t last_shard) {
  CheckpointBlockHeader header = {};
  header.checkpoint_id = kId;
  header.offset = offset;
  header.used = static_cast<uint32_t>(sizeof(header) + payload.size());
  header.bytes = header.used + kCheckpointSlackBytes;
  header.entries = entries;
  if (payload.size() >= 3) std::memcpy(&header.first_shard, payload.data() + 1, 2);
  header.last_shard = last_shard;
  Block block;
  block.bytes = std::make_unique<char[]>(header.bytes);
  char* data = block.bytes.get();
  std::memcpy(data, &header, sizeof(header));
  if (!payload.empty()) std::memcpy(data + sizeof(header), payload.data(), payload.size());
  header.crc = Crc32c(data + 4, header.bytes - 4);
  std::memcpy(data, &header.crc, 4);
  block.entry = {header.bytes, header.crc, entries, header.first_shard, last_shard};
  return block;
}

// Decodes a block whose number of entries and last shard are found out by decoding it.
bool Decode(CheckpointBlockDecoder* decoder, std::string_view payload, uint64_t offset) {
  Keeper trial;
  CheckpointBlockDecoder alone(&trial, 0, kShardCount);
  size_t where = 0;
  const Block unknown = MakeBlock(payload, offset, UINT32_MAX, 0);
  if (alone.Decode(unknown.bytes.get(), kId, offset, unknown.entry, &where) == nullptr)
    Fail("too few entries were enough");
  if (where > unknown.entry.bytes) Fail("the place of an error is outside");
  if (trial.entries.empty()) return false;
  const Block block = MakeBlock(payload, offset, static_cast<uint32_t>(trial.entries.size()),
                                trial.entries.back().shard);
  return decoder->Decode(block.bytes.get(), kId, offset, block.entry, &where) == nullptr;
}

void FuzzEntries(std::string_view input, bool two) {
  Keeper keeper;
  CheckpointBlockDecoder decoder(&keeper, 0, kShardCount);
  bool whole;
  if (two && !input.empty()) {
    const size_t cut = std::min<size_t>(static_cast<uint8_t>(input[0]), input.size() - 1) + 1;
    whole = Decode(&decoder, input.substr(1, cut - 1), kOffset) &&
            Decode(&decoder, input.substr(cut), 2 * kOffset);
  } else {
    whole = Decode(&decoder, input, kOffset);
  }
  if (!whole) return;
  decoder.Finish();

  size_t bytes = 4096;
  for (const Entry& entry : keeper.entries)
    bytes += CheckpointBlockEncoder::BytesFor(entry.key.size());
  std::vector<char> memory(bytes);
  CheckpointBlockEncoder encoder;
  encoder.Begin(memory.data(), memory.size());
  for (const Entry& entry : keeper.entries) {
    if (!encoder.Add(entry.shard, entry.tree, entry.key, entry.pointer, entry.expire))
      Fail("no room");
  }
  const CheckpointBlockEntry entry = encoder.Finish(kId, kOffset, 512);
  Keeper again;
  CheckpointBlockDecoder second(&again, 0, kShardCount);
  size_t where = 0;
  if (second.Decode(memory.data(), kId, kOffset, entry, &where) != nullptr)
    Fail("what was encoded does not decode");
  second.Finish();
  if (again.entries != keeper.entries) Fail("encoding changed an entry");
}

void FuzzTail(std::string_view input, uint32_t data_units) {
  std::string tail(input);
  tail.resize(
      AlignUp(std::max(tail.size(), sizeof(CheckpointTailHeader)) + sizeof(CheckpointTrailer),
              512) -
      sizeof(CheckpointTrailer));
  CheckpointTrailer trailer = {};
  trailer.unit_bytes = 512;
  trailer.tail_bytes = tail.size() + sizeof(trailer);
  trailer.file_bytes = trailer.tail_bytes + uint64_t{512} * data_units;
  trailer.checkpoint_id = kId;
  trailer.version = data_units % 2 != 0 ? kCheckpointVersionMin : kCheckpointVersion;
  trailer.tail_crc = Crc32c(tail.data(), tail.size());
  auto bytes = std::make_unique<char[]>(trailer.tail_bytes);
  std::memcpy(bytes.get(), tail.data(), tail.size());
  std::memcpy(bytes.get() + tail.size(), &trailer, sizeof(trailer));
  Result<CheckpointTail> decoded =
      DecodeCheckpointTail({bytes.get(), trailer.tail_bytes}, trailer, "T");
  if (!decoded.ok()) return;
  CheckpointTail again = decoded.value();
  const std::string encoded = EncodeCheckpointTail(&again);
  if (again.info.entries != decoded.value().info.entries) Fail("encoding changed the entries");
  if (std::memcmp(encoded.data(), bytes.get(), sizeof(CheckpointTailHeader)) != 0)
    Fail("encoding changed the tail");
}

void FuzzTrailer(std::string_view input, bool with_crc) {
  CheckpointTrailer trailer = {};
  std::memcpy(&trailer, input.data(), std::min(input.size(), sizeof(trailer)));
  if (with_crc) {
    trailer.magic = kCheckpointMagic;
    trailer.byte_order = kByteOrderMark;
    trailer.version = kCheckpointVersion;
    trailer.crc = Crc32c(&trailer, offsetof(CheckpointTrailer, crc));
  }
  char bytes[sizeof(trailer)];
  std::memcpy(bytes, &trailer, sizeof(trailer));
  const Result<CheckpointTrailer> decoded =
      DecodeCheckpointTrailer({bytes, sizeof(bytes)}, trailer.file_bytes, "T");
  if (decoded.ok() && decoded.value().tail_bytes > trailer.file_bytes)
    Fail("a tail larger than the file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(input) + 2, size - 2);
  switch (input[0] % 8) {
    case 0:
      FuzzTail(rest, input[1]);
      break;
    case 1:
      FuzzTrailer(rest, input[1] != 0);
      break;
    case 2:
    case 3:
      FuzzEntries(rest, true);
      break;
    default:
      FuzzEntries(rest, false);
  }
  return 0;
}

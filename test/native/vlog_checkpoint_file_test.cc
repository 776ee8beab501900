// Checkpoint files: the format byte by byte, what goes in comes out, and nothing that is damaged is
// taken for whole.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "checkpoint_testing.h"
#include "hex.h"
#include "io/sim_disk.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/log/format.h"

using namespace cairn;
using namespace cairn::testing;
using namespace cairn::vlog;

namespace {

bool Zeros(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

Pointer Put(uint32_t segment, uint64_t offset, uint32_t key_bytes, uint32_t value_bytes,
            uint32_t crc) {
  RecordHeader header = {};
  header.type = static_cast<uint8_t>(RecordType::kPut);
  header.key_bytes = key_bytes;
  header.value_bytes = value_bytes;
  header.segment_id = segment;
  header.crc = crc;
  return MakePointer(header, offset);
}

}  // namespace

// The worked example of docs/format.md.
TEST_CASE("checkpoint file: the worked example, byte by byte") {
  const uint64_t magic = kCheckpointMagic;
  CHECK(std::string(reinterpret_cast<const char*>(&magic), 8) == "CAIRNCKP");
  CHECK(kCheckpointVersion == 2);
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  const std::vector<KeptEntry> entries = {
      {5, 0, "key:0001", Put(1, 0x230, 8, 100, 0xaaaaaaa1), 0},
      {5, 0, "key:0002", Put(1, 0x2b8, 8, 100, 0xaaaaaaa2), 0x1122334455},
      {5, 1, "k", Put(3, 0x230, 1, 2000, 0xaaaaaaa3), 0},
  };
  CheckpointInfo info;
  info.epoch = 1;
  info.lanes = 1;
  info.incarnation = 2;
  info.next_segment_id = 4;
  info.swap_sequence = 1;
  info.trees = {{0, 1}, {1, 0}};
  info.log_from = {LogPosition(3, 0x400)};
  info.units = {0x4711};
  info.created_ms = 0x18c00000000;
  REQUIRE(TryWrite(&disk, 7, entries, &info).ok());
  CHECK(info.id == 7);
  CHECK(info.entries == 3);
  CHECK(info.bytes == 8192);

  CHECK(CheckpointPath("/d", 7) == "/d/0000000007.ckpt");
  const std::string bytes = ReadAll(&disk, "/d/0000000007.ckpt");
  REQUIRE(bytes.size() == 8192);
  const std::string_view all = bytes;
  CHECK(Hex(all.substr(0, 92)) == R"(5474bc01070000000000000000000000
001000005c0000000300000005000500
80050000000400086b65793a30303031
8c0000000264a1aaaaaa58073222aa91
9aa3a404a2aaaaaa8005000100040001
6bdeffffff03d00fa3aaaaaa)");
  CHECK(Zeros(all.substr(92, 4096 - 92)));
  CHECK(Hex(all.substr(4096, 96)) == R"(01000000010000000200000004000000
0100000000000000000000008c010000
03000000000000000200000001000000
01000000010000008000000003000000
001000005474bc010300000005000500
11470000000000000000010001000000)");
  CHECK(Zeros(all.substr(4192, 8144 - 4192)));
  CHECK(Hex(all.substr(8144)) == R"(00100000000000000020000000000000
0700000000100000e8287ed202000000
040302018d42388c434149524e434b50)");

  Keeper keeper;
  REQUIRE(Load(&disk, 7, 1, &keeper).ok());
  std::vector<KeptEntry> wanted = entries;
  wanted[1].pointer.flags |= Pointer::kHasExpiry;
  keeper.CheckHas(wanted);
}

TEST_CASE("checkpoint file: version 1 is read, which has no units, and 3 is not") {
  CheckpointTail tail;
  tail.info.id = 7;
  tail.info.lanes = 2;
  tail.info.log_from = {LogPosition(3, 0x400), LogPosition(4, 0x200)};
  tail.unit_bytes = kCheckpointUnitBytes;
  const auto decoded = [&](uint32_t version) -> Result<CheckpointTail> {
    std::string bytes = EncodeCheckpointTail(&tail);
    CheckpointTrailer trailer;
    char* const at = bytes.data() + bytes.size() - sizeof(trailer);
    std::memcpy(&trailer, at, sizeof(trailer));
    trailer.version = version;
    trailer.crc = Crc32c(&trailer, offsetof(CheckpointTrailer, crc));
    std::memcpy(at, &trailer, sizeof(trailer));
    const Result<CheckpointTrailer> read = DecodeCheckpointTrailer(bytes, bytes.size(), "C");
    if (!read.ok()) return read.status();
    return DecodeCheckpointTail(bytes, read.value(), "C");
  };
  for (const uint32_t version : {1u, 2u}) {
    tail.info.units.clear();
    REQUIRE(decoded(version).ok());
    CHECK(decoded(version).value().info.units.empty());
    CHECK(decoded(version).value().info.log_from == tail.info.log_from);
    tail.info.units = {5, 6};
    CHECK(decoded(version).ok() == (version == 2));
    tail.info.units = {5};  // of two lanes
    CHECK(decoded(version).status().code() == Code::kCorruption);
  }
  tail.info.units = {5, 6};
  CHECK(decoded(2).value().info.units == tail.info.units);
  for (const uint32_t version : {0u, 3u}) CHECK(decoded(version).status().code() == Code::kInvalid);
}

TEST_CASE("checkpoint file: names") {
  uint32_t id = 0;
  CHECK(ParseCheckpointName("0000000007.ckpt", &id));
  CHECK(id == 7);
  CHECK(ParseCheckpointName("4294967295.ckpt", &id));
  CHECK(id == UINT32_MAX);
  for (const char* name : {"0000000000.ckpt", "4294967296.ckpt", "000000007.ckpt",
                           "0000000007.vlog", "0000000007.ckpt.tmp", "000000000x.ckpt", ""}) {
    CHECK(!ParseCheckpointName(name, &id));
  }
}

TEST_CASE("checkpoint file: what goes in comes out") {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    SimOptions options;
    if (seed % 3 == 0) options.alignment.offset = 8192;
    SimDisk disk{options};
    REQUIRE(disk.CreateDir("/d").ok());
    static constexpr uint32_t kShards[] = {1, 2, 30, 1024};
    const size_t count = seed <= 4 ? Below(random, 300) : 1000 + Below(random, 20000);
    const auto entries = RandomEntries(random, std::min<size_t>(count, 20000), kShards[seed % 4]);
    const CheckpointInfo written = Write(&disk, seed, entries);
    const auto info = ReadCheckpointInfo(&disk, CheckpointPath("/d", seed));
    REQUIRE(info.ok());
    CHECK(info.value().id == seed);
    CHECK(info.value().epoch == 1);
    CHECK(info.value().lanes == 2);
    CHECK(info.value().incarnation == 3);
    CHECK(info.value().next_segment_id == 9);
    CHECK(info.value().swap_sequence == 4);
    CHECK(info.value().created_ms == 0x1122334455);
    CHECK(info.value().log_from == written.log_from);
    REQUIRE(info.value().trees.size() == 2);
    CHECK(info.value().trees[0].ns == 1);
    CHECK(info.value().trees[0].tree == 2);
    CHECK(info.value().entries == entries.size());
    CHECK(info.value().bytes == written.bytes);
    for (const uint32_t threads : {1u, 2u, 7u}) {
      Keeper keeper;
      const Status status =
          LoadCheckpoint(&disk, CheckpointPath("/d", seed), info.value(), threads, &keeper);
      REQUIRE_MESSAGE(status.ok(), status.message());
      keeper.CheckHas(entries);
    }
  }
}

TEST_CASE("checkpoint file: many blocks, several threads, bounded memory") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  std::vector<KeptEntry> entries;
  Random random(5);
  char key[32];
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    // One shard has most: its blocks cannot be shared out.
    const uint32_t count = shard == 500 ? 200000 : 150;
    for (uint32_t i = 0; i < count; ++i) {
      std::snprintf(key, sizeof(key), "key:%012u", i * 1024 + shard);
      entries.push_back(
          {static_cast<uint16_t>(shard), 0, key, RandomPointer(random, 16, false), 0});
    }
  }
  auto writer = CheckpointWriter::Create(&disk, CheckpointPath("/d", 1), 1);
  REQUIRE(writer.ok());
  for (const KeptEntry& entry : entries) {
    writer.value()->Add(entry.shard, entry.tree, entry.key, entry.pointer, entry.expire);
    uint64_t written = 0;
    const size_t pending = writer.value()->pending();
    REQUIRE(writer.value()->Write(&written).ok());
    CHECK(pending <= kCheckpointBufferBytes + kCheckpointBlockBytes);
    CHECK(writer.value()->pending() == pending - written);
  }
  CheckpointInfo info = SomeInfo();
  REQUIRE(writer.value()->Finish(&info).ok());
  CHECK(info.bytes < entries.size() * 20);
  for (const uint32_t threads : {1u, 3u, 16u}) {
    Keeper keeper;
    REQUIRE(LoadCheckpoint(&disk, CheckpointPath("/d", 1), info, threads, &keeper).ok());
    keeper.CheckHas(entries);
  }
}

TEST_CASE("checkpoint file: an empty index") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  const CheckpointInfo info = Write(&disk, 1, {});
  CHECK(info.entries == 0);
  CHECK(info.bytes == kCheckpointUnitBytes);
  Keeper keeper;
  REQUIRE(Load(&disk, 1, 4, &keeper).ok());
  keeper.CheckHas({});
}

TEST_CASE("checkpoint file: huge keys among small ones") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(6);
  std::vector<KeptEntry> entries;
  auto add = [&](uint16_t shard, std::string key) {
    const Pointer pointer = RandomPointer(random, key.size(), false);
    entries.push_back({shard, 0, std::move(key), pointer, 0});
  };
  add(1, "");
  add(1, "a");
  add(1, std::string(70000, 'a'));
  add(1, std::string(70001, 'a'));
  add(1, std::string(5u << 20, 'a'));
  add(1, std::string(5u << 20, 'a') + "b");
  add(1, "b");
  for (size_t bytes = kCheckpointBlockBytes - 200; bytes < kCheckpointBlockBytes + 20; ++bytes)
    add(1, "c" + std::to_string(bytes) + std::string(bytes, 'c'));
  add(2, std::string(3u << 20, 'x'));
  add(3, "y");
  auto writer = CheckpointWriter::Create(&disk, CheckpointPath("/d", 1), 1);
  REQUIRE(writer.ok());
  for (const KeptEntry& entry : entries) {
    writer.value()->Add(entry.shard, entry.tree, entry.key, entry.pointer, entry.expire);
    while (writer.value()->pending() > kCheckpointBufferBytes) {
      uint64_t written = 0;
      REQUIRE(writer.value()->Write(&written).ok());
      REQUIRE(written != 0);
    }
  }
  CheckpointInfo info = SomeInfo();
  REQUIRE(writer.value()->Finish(&info).ok());
  for (const uint32_t threads : {1u, 4u}) {
    Keeper keeper;
    const Status status = Load(&disk, 1, threads, &keeper);
    REQUIRE_MESSAGE(status.ok(), status.message());
    keeper.CheckHas(entries);
  }
}

TEST_CASE("checkpoint file: any flipped bit is found") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(2);
  const CheckpointInfo info = Write(&disk, 3, RandomEntries(random, 40, 8));
  REQUIRE(info.bytes == 8192);
  const std::string path = CheckpointPath("/d", 3);
  for (uint64_t at = 0; at < info.bytes; ++at) {
    CAPTURE(at);
    for (uint32_t bit = 0; bit < 8; ++bit) {
      disk.FlipBit(path, at, bit);
      CheckCorrupt(&disk, 3);
      disk.FlipBit(path, at, bit);
    }
  }
  Keeper keeper;
  CHECK(Load(&disk, 3, 1, &keeper).ok());
}

TEST_CASE("checkpoint file: a file of any other length is found") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(3);
  const CheckpointInfo info = Write(&disk, 3, RandomEntries(random, 40, 8));
  auto file = disk.OpenDirect(CheckpointPath("/d", 3), Disk::Mode::kReadWrite);
  for (uint64_t bytes = info.bytes; bytes-- > 0;) {
    CAPTURE(bytes);
    REQUIRE(file.value()->Truncate(bytes).ok());
    CheckCorrupt(&disk, 3);
  }
  Write(&disk, 4, RandomEntries(random, 40, 8));
  file = disk.OpenDirect(CheckpointPath("/d", 4), Disk::Mode::kReadWrite);
  for (const uint64_t more : {1u, 512u, 4096u, 8192u}) {
    REQUIRE(file.value()->Truncate(info.bytes + more).ok());
    CheckCorrupt(&disk, 4);
  }
  const std::string all = ReadAll(&disk, CheckpointPath("/d", 4)).substr(0, info.bytes);
  Overwrite(&disk, CheckpointPath("/d", 4), info.bytes, all);  // twice the same
  CheckCorrupt(&disk, 4);
}

TEST_CASE("checkpoint file: blocks of elsewhere do not count") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(4);
  const auto entries = RandomEntries(random, 20000, 1024);
  auto others = entries;
  others[100].pointer.checksum ^= 1;
  const CheckpointInfo info = Write(&disk, 1, entries);
  Write(&disk, 2, entries);
  REQUIRE(info.bytes > 5 * kCheckpointBlockBytes);
  const std::string path = CheckpointPath("/d", 1);
  const std::string right = ReadAll(&disk, path);
  const std::string second = ReadAll(&disk, CheckpointPath("/d", 2));
  const std::string_view blocks = right;
  SUBCASE("under another id") {
    REQUIRE(disk.Rename(path, CheckpointPath("/d", 9)).ok());
    CheckCorrupt(&disk, 9);
    REQUIRE(disk.Rename(CheckpointPath("/d", 9), "/d/elsewhere").ok());  // no id in the name
    CHECK(ReadCheckpointInfo(&disk, "/d/elsewhere").value().id == 1);
  }
  SUBCASE("exchanged") {
    Overwrite(&disk, path, 0, blocks.substr(kCheckpointBlockBytes, kCheckpointBlockBytes));
    Overwrite(&disk, path, kCheckpointBlockBytes, blocks.substr(0, kCheckpointBlockBytes));
    CheckCorrupt(&disk, 1);
  }
  SUBCASE("of another checkpoint, with the same entries") {
    Overwrite(&disk, path, 0, std::string_view(second).substr(0, kCheckpointBlockBytes));
    CheckCorrupt(&disk, 1);
  }
  SUBCASE("of an earlier attempt with the same id") {
    REQUIRE(disk.Remove(path).ok());
    Write(&disk, 1, others);
    Overwrite(&disk, path, 0, blocks.substr(0, kCheckpointBlockBytes));
    CheckCorrupt(&disk, 1);
  }
  SUBCASE("a whole file of an earlier attempt") {
    REQUIRE(disk.Remove(path).ok());
    CheckpointInfo again = SomeInfo();
    again.created_ms = 1;
    REQUIRE(TryWrite(&disk, 1, others, &again).ok());
    Keeper keeper;
    CHECK(LoadCheckpoint(&disk, path, info, 1, &keeper).code() == Code::kCorruption);
  }
  SUBCASE("the tail of another checkpoint") {
    const uint64_t tail = right.size() / kCheckpointBlockBytes * kCheckpointBlockBytes;
    Overwrite(&disk, path, tail, std::string_view(second).substr(tail));
    CheckCorrupt(&disk, 1);
  }
}

// Whatever the bytes of a block are: with checksums that fit, the decoder stays inside, and what it
// delivers ascends.
TEST_CASE("checkpoint file: a decoder of blocks believes nothing") {
  Random random(9);
  for (int round = 0; round < 300; ++round) {
    const auto entries = RandomEntries(random, 1 + Below(random, 30), 2);
    std::string memory(kCheckpointBlockBytes, '\xee');
    CheckpointBlockEncoder encoder;
    encoder.Begin(memory.data(), memory.size());
    for (const KeptEntry& entry : entries)
      if (!encoder.Add(entry.shard, entry.tree, entry.key, entry.pointer, entry.expire)) break;
    const CheckpointBlockEntry right = encoder.Finish(1, 4096, 64);
    for (int change = 0; change < 200; ++change) {
      std::vector<char> block(memory.begin(), memory.begin() + right.bytes);
      for (uint64_t n = 1 + Below(random, 3); n > 0; --n) {
        const uint64_t at = Below(random, 4) == 0 ? Below(random, sizeof(CheckpointBlockHeader))
                                                  : Below(random, block.size());
        block[at] = static_cast<char>(Below(random, 2) == 0 ? block[at] ^ (1 << Below(random, 8))
                                                            : static_cast<int>(random() & 0xff));
      }
      CheckpointBlockEntry entry = right;
      entry.crc = Crc32c(block.data() + 4, block.size() - 4);
      std::copy_n(reinterpret_cast<const char*>(&entry.crc), 4, block.data());
      Keeper keeper;
      CheckpointBlockDecoder decoder(&keeper, 0, kShardCount);
      size_t where = SIZE_MAX;
      const char* why = decoder.Decode(block.data(), 1, 4096, entry, &where);
      CHECK(where <= block.size());
      if (why == nullptr) CHECK(decoder.delivered() == right.entries);
    }
  }
}

TEST_CASE("checkpoint file: a write that fails can be repeated") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(10);
  std::vector<KeptEntry> entries;
  for (uint32_t i = 0; i < 200000; ++i) {
    entries.push_back({static_cast<uint16_t>(i / 1000), 0, std::to_string(1000000 + i),
                       RandomPointer(random, 7, false), 0});
  }
  auto writer = CheckpointWriter::Create(&disk, CheckpointPath("/d", 1), 1);
  REQUIRE(writer.ok());
  CHECK(!CheckpointWriter::Create(&disk, CheckpointPath("/d", 1), 1).ok());
  for (const KeptEntry& entry : entries)
    writer.value()->Add(entry.shard, entry.tree, entry.key, entry.pointer, entry.expire);
  disk.SetCapacity(disk.UsedBytes() + 100000);
  uint64_t written = 1;
  CHECK(writer.value()->Write(&written).code() == Code::kNoSpace);
  CHECK(written == 0);
  disk.SetCapacity(uint64_t{1} << 40);
  REQUIRE(writer.value()->Write(&written).ok());
  CHECK(written != 0);
  CheckpointInfo info = SomeInfo();
  disk.Inject({SimOp::kWrite, ".ckpt", 1, 1, EIO});
  CHECK(writer.value()->Finish(&info).code() == Code::kIoError);
  CHECK(info.id == 0);
  const Status status = writer.value()->Finish(&info);
  REQUIRE_MESSAGE(status.ok(), status.message());
  Keeper keeper;
  REQUIRE(Load(&disk, 1, 2, &keeper).ok());
  keeper.CheckHas(entries);
}

TEST_CASE("checkpoint file: a sync that failed is not repeated") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  auto writer = CheckpointWriter::Create(&disk, CheckpointPath("/d", 1), 1);
  REQUIRE(writer.ok());
  writer.value()->Add(0, 0, "key", Put(1, 512, 3, 5, 1), 0);
  disk.Inject({SimOp::kSync, ".ckpt", 0, 1, EIO});
  CheckpointInfo info = SomeInfo();
  CHECK(writer.value()->Finish(&info).code() == Code::kIoError);
  CHECK(writer.value()->Finish(&info).code() == Code::kIoError);
  CHECK(info.id == 0);
}

TEST_CASE("checkpoint file: reads that fail are no corruption") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(11);
  const CheckpointInfo info = Write(&disk, 1, RandomEntries(random, 5000, 1024));
  const std::string path = CheckpointPath("/d", 1);
  for (uint32_t skip = 0; skip < 3; ++skip) {
    disk.Inject({SimOp::kRead, ".ckpt", skip, 1, EIO});
    Keeper keeper;
    CHECK(LoadCheckpoint(&disk, path, info, 2, &keeper).code() == Code::kIoError);
  }
  disk.Inject({SimOp::kRead, ".ckpt", 0, 1, EIO});
  CHECK(ReadCheckpointInfo(&disk, path).status().code() == Code::kIoError);
  CHECK(ReadCheckpointInfo(&disk, "/d/none").status().code() == Code::kIoError);
}

TEST_CASE("checkpoint file: a sink is told what is read, and may end the loading") {
  struct Meter final : CheckpointSink {
    void OnEntry(uint16_t, uint16_t, std::string_view, const Pointer&, uint64_t) override {
      ++entries;
    }
    Status OnRead(uint64_t bytes) override {
      read += bytes;
      return read <= most ? Status() : Status(Code::kBusy, "enough");
    }
    uint64_t most = UINT64_MAX, read = 0, entries = 0;
  };
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/d").ok());
  Random random(12);
  const CheckpointInfo info = Write(&disk, 1, RandomEntries(random, 5000, 1024));
  const std::string path = CheckpointPath("/d", 1);
  Meter all;
  CHECK(LoadCheckpoint(&disk, path, info, 1, &all).ok());
  CHECK(all.entries == 5000);
  CHECK(all.read > info.bytes / 2);
  CHECK(all.read < info.bytes);
  Meter none;
  none.most = 0;
  CHECK(LoadCheckpoint(&disk, path, info, 1, &none).code() == Code::kBusy);
  CHECK(none.entries == 0);
}

TEST_CASE("checkpoint file: after a crash it is whole or found out") {
  Random random(12);
  const auto entries = RandomEntries(random, 3000, 100);
  uint64_t whole = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    SimOptions options;
    options.seed = seed;
    if (seed % 2 == 0) options.faults.write_error = options.faults.sync_error = 0.1;
    SimDisk disk{options};
    REQUIRE(disk.CreateDir("/d").ok());
    if (seed % 4 != 0) disk.PowerOffAt(disk.operations() + 1 + seed / 4 % 8);
    CheckpointInfo info = SomeInfo();
    const bool durable = TryWrite(&disk, 1, entries, &info).ok();
    disk.Crash();
    disk.PowerOn();
    disk.SetFaults(SimFaults());
    Keeper keeper;
    const Status status = Load(&disk, 1, 2, &keeper);
    if (durable) REQUIRE_MESSAGE(status.ok(), status.message());
    if (status.ok()) {
      keeper.CheckHas(entries);
      ++whole;
    }
  }
  CHECK(whole > 20);
}

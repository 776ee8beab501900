// The format on disk, held byte by byte. If one of these tests fails, either undo the change or
// raise kFormatVersion.
#include "hex.h"
#include "io/sim_disk.h"
#include "vlog/gc/survivor_writer.h"
#include "vlog/log/log_reader.h"
#include "vlog/log/manifest.h"
#include "vlog/log/segment.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;
using namespace cairn::vlog;

namespace {

std::string FromHex(std::string_view hex) {
  std::string out;
  uint32_t digits = 0;
  for (const char c : hex) {
    if (c == '\n') continue;
    const uint8_t digit = static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    if (digits++ % 2 == 0) {
      out += static_cast<char>(digit << 4);
    } else {
      out.back() = static_cast<char>(out.back() | digit);
    }
  }
  return out;
}

// Overwrites the beginning of a block.
void PutBlock(Disk* disk, const std::string& path, std::string_view bytes, uint64_t offset = 0) {
  const std::unique_ptr<File> file =
      std::move(disk->OpenDirect(path, Disk::Mode::kReadWrite).value());
  const AlignedBuffer block = NewAligned(kBlockBytesMin);
  std::memset(block.get(), 0, kBlockBytesMin);
  std::memcpy(block.get(), bytes.data(), bytes.size());
  REQUIRE(file->WriteAt(offset, block.get(), kBlockBytesMin).ok());
  REQUIRE(file->Sync().ok());
}

// What older versions wrote for the worked example. They differ in headers and manifest.
struct OldVersion {
  uint32_t version;
  const char* header;
  const char* manifest;
};
const OldVersion kOldVersions[] = {{1,
                                    R"(434149524e5345470100000004030201
01000000000000000100000001000000
010000000002000000000000175a0000
00000000a2ad0fc4)",
                                    R"(434149524e4d414e0100000004030201
01000000010000000100000010000000
03000000010000000000000000000000
00000000010000000200000000000000
95000000010000000100000000000000
01000000175a00000200000000000000
01000000175a00008bba2f25)"},
                                   {2,
                                    R"(434149524e5345470200000004030201
01000000000000000100000001000000
010000000002000000000000175a0000
00000000e3c1fc64)",
                                    R"(434149524e4d414e0200000004030201
01000000010000000100000010000000
03000000010000000000000000000000
00000000010000000200000000000000
95000000010000000100000000000000
01000000175a00000000000000000000
020000000000000001000000175a0000
0000000000000000361b797b)"}};
const char* const kOldCommits[] = {R"(e5d9fec2080000000000000018000000
01000000010000005000000000000000
00000000000000004000000001000000
912d831c010000000300000005000000
01000000010000006b657976616c7565)",
                                   R"(54addcd1080000000000000018000000
0100000001000000a800000000000000
4a000000010000004a00000001000000
b3d0bb1c070000000000000018000000
01000000010000000000000000000000
48000000000000000200000000000000
372b7cf1840000000300000000000000
01000000010000005544332211000000
6b657900000000000a76aa6183000000
03000000000000000100000001000000
6b65790000000000)"};

std::string ReadBytes(Disk* disk, const std::string& path, uint64_t offset, uint64_t bytes) {
  Segment segment;
  segment.file = std::move(disk->OpenDirect(path, Disk::Mode::kRead).value());
  SegmentReader reader(&segment, segment.file->Size().value(), 4096);
  const char* data = nullptr;
  REQUIRE(reader.View(offset, bytes, &data).ok());
  REQUIRE(data != nullptr);
  return std::string(data, bytes);
}

// The worked example of docs/format.md: a fresh directory with one lane, SET key value, then
// PEXPIREAT and DEL in one unit.
void WriteWorkedExample(Disk* disk) {
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  options.segment_bytes = 64u << 10;
  VlogTuning tuning = Driver::Inline();
  tuning.prepare_bytes = 0;
  Driver driver(disk, options, tuning);
  REQUIRE(driver.Start().ok());
  REQUIRE(driver.Write({driver.Put(0, "key", "value")}).ok());
  REQUIRE(driver.Write({driver.Expire(0, "key", 0x1122334455), driver.Del(0, "key")}).ok());
  REQUIRE(driver.Stop().ok());
}

// The same as an older server left it. Not in order: killed before anything else happened.
void WriteOldExample(Disk* disk, const OldVersion& old, bool in_order) {
  WriteWorkedExample(disk);
  const std::string path = SegmentPath("/data", 1);
  PutBlock(disk, path, FromHex(old.header));
  PutBlock(disk, path, FromHex(kOldCommits[0]), 512);
  PutBlock(disk, path, FromHex(kOldCommits[1]), 1024);
  SegmentHeader next = {};
  std::memcpy(&next, FromHex(old.header).data(), sizeof(next));
  next.segment_id = 2;
  next.crc = Crc32c(&next, offsetof(SegmentHeader, crc));
  PutBlock(disk, SegmentPath("/data", 2), {reinterpret_cast<const char*>(&next), sizeof(next)});
  std::string manifest = FromHex(old.manifest);
  if (!in_order) {
    std::memset(manifest.data() + offsetof(ManifestHeader, flags), 0, 4);
    std::memset(manifest.data() + offsetof(ManifestHeader, clean_end_count), 0, 4);
    manifest.erase(kManifestHeader2Bytes, 8);
    const uint32_t crc = Crc32c(manifest.data(), manifest.size() - 4);
    std::memcpy(manifest.data() + manifest.size() - 4, &crc, 4);
  }
  REQUIRE(disk->WriteSmallAtomic(ManifestPath("/data"), manifest).ok());
}

}  // namespace

TEST_CASE("vlog format: numbers on disk are frozen") {
  CHECK(static_cast<int>(RecordType::kPut) == 1);
  CHECK(static_cast<int>(RecordType::kPutExpire) == 2);
  CHECK(static_cast<int>(RecordType::kDelete) == 3);
  CHECK(static_cast<int>(RecordType::kSetExpire) == 4);
  CHECK(static_cast<int>(RecordType::kFlush) == 5);
  CHECK(static_cast<int>(RecordType::kSwap) == 6);
  CHECK(static_cast<int>(RecordType::kGroup) == 7);
  CHECK(static_cast<int>(RecordType::kCommit) == 8);
  CHECK(static_cast<int>(RecordType::kTrailer) == 9);
  CHECK(static_cast<int>(RecordType::kPage) == 10);
  CHECK(static_cast<int>(RecordType::kPageDelta) == 11);
  CHECK(static_cast<int>(RecordType::kSpaceDrop) == 12);
  CHECK(kExtended == 0x40);
  CHECK(kManifestUnits == 1);
  CHECK(kManifestSpaces == 2);
  CHECK(kGroupMember == 0x80);
  CHECK(kAllTrees == 0xffff);
  CHECK(PageTree(5) == 0x8005);
  CHECK(static_cast<int>(ValueType::kString) == 0);
  CHECK(kFormatVersion == 3);
  CHECK(kFormatVersionMin == 1);
  CHECK(kManifestClean == 1);
  CHECK(kManifestNeedsCheckpoint == 2);
  CHECK(kByteOrderMark == 0x01020304);
  const uint64_t segment_magic = kSegmentMagic;
  const uint64_t manifest_magic = kManifestMagic;
  CHECK(std::string(reinterpret_cast<const char*>(&segment_magic), 8) == "CAIRNSEG");
  CHECK(std::string(reinterpret_cast<const char*>(&manifest_magic), 8) == "CAIRNMAN");
  CHECK(LogPosition(3, 4096) == (3ull << 32 | 512));
  CHECK(SegmentOf(LogPosition(3, 4096)) == 3);
  CHECK(OffsetOf(LogPosition(3, 4096)) == 4096);
}

TEST_CASE("vlog format: the worked example, byte by byte") {
  SimDisk disk{SimOptions()};
  WriteWorkedExample(&disk);

  const std::string path = SegmentPath("/data", 1);
  CHECK(path == "/data/0000000001.vlog");
  CHECK(Hex(ReadBytes(&disk, path, 0, 56)) == R"(434149524e5345470300000004030201
01000000000000000100000001000000
010000000002000000000000175a0000
00000000dce5ad04)");
  CHECK(Hex(ReadBytes(&disk, path, 56, 456)) == Hex(std::string(456, '\0')));
  CHECK(Hex(ReadBytes(&disk, path, 512, 88)) == R"(2cdb2803080000000000000020000000
01000000010000005800000000000000
00000000000000004000000001000000
0100000000000000a5a696be01000000
03000000050000000100000001000000
6b657976616c7565)");
  CHECK(Hex(ReadBytes(&disk, path, 600, 424)) == Hex(std::string(424, '\0')));
  CHECK(Hex(ReadBytes(&disk, path, 1024, 176)) == R"(215f0357080000000000000020000000
0100000001000000b000000000000000
4b000000010000004b00000001000000
02000000000000008cf4ea7c07000000
00000000180000000100000001000000
00000000000000004800000000000000
02000000000000008b90b0c284000000
03000000000000000100000001000000
55443322110000006b65790000000000
a79d7882830000000300000000000000
01000000010000006b65790000000000)");
  CHECK(Hex(disk.ReadSmall(ManifestPath("/data")).value()) == R"(434149524e4d414e0300000004030201
01000000010000000100000010000000
03000000010000000000000000000000
00000000010000000200000000000000
02000000000000009600000001000000
010000000000000001000000175a0000
00000000000000000200000000000000
01000000175a00000000000000000000
01000000080000000300000000000000
02000000080000000000000001000000
2395540a)");
}

TEST_CASE("vlog format: trailer, byte by byte") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  {
    Driver driver(&disk, options, Driver::Inline());
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "key", "value")}).ok());
    REQUIRE(driver.Stop().ok());
  }
  options.lanes = 2;  // a new epoch seals the old one's segments
  Driver driver(&disk, options, Driver::Inline());
  REQUIRE(driver.Start().ok());
  CHECK(Hex(ReadBytes(&disk, SegmentPath("/data", 1), 1024, 48)) ==
        R"(9440cc2c090000000000000018000000
02000000010000005802000000000000
0200000000000000fa3ff18100000000)");
}

TEST_CASE("vlog format: encode and look again, all sizes around the alignment") {
  std::vector<char> buffer(4096);
  for (const RecordType type : {RecordType::kPut, RecordType::kPutExpire}) {
    for (size_t key_bytes = 0; key_bytes < 20; ++key_bytes) {
      for (size_t value_bytes = 0; value_bytes < 20; ++value_bytes) {
        const std::string key(key_bytes, 'k');
        const std::string value(value_bytes, 'v');
        RecordHeader header = {};
        header.type = static_cast<uint8_t>(type);
        header.ns = 7;
        header.key_bytes = static_cast<uint32_t>(key_bytes);
        header.value_bytes = static_cast<uint32_t>(value_bytes);
        header.incarnation = 9;
        header.segment_id = 11;
        header.crc = EncodeRecord(buffer.data(), CrcSeed(4096, 9), header, 12345, key, value);
        const RecordHeader read = LoadHeader(buffer.data());
        const uint64_t bytes = BytesOf(read);
        CHECK(bytes % 8 == 0);
        CHECK(Plausible(read));
        CHECK(KeyOf(read, buffer.data()) == key);
        CHECK(ValueOf(read, buffer.data()) == value);
        CHECK(ExpiryOf(read, buffer.data()) == (type == RecordType::kPutExpire ? 12345 : 0));
        CHECK(RecordCrc(buffer.data(), bytes, CrcSeed(4096, 9)) == read.crc);
        CHECK(RecordCrc(buffer.data(), bytes, CrcSeed(4104, 9)) != read.crc);
        CHECK(RecordCrc(buffer.data(), bytes, CrcSeed(4096, 8)) != read.crc);
        const Pointer pointer = MakePointer(read, 4096);
        CHECK(ValueBytes(pointer, key_bytes) == value_bytes);
        CHECK(ValueOffset(pointer, key_bytes) ==
              static_cast<uint64_t>(ValueOf(read, buffer.data()).data() - buffer.data()));
        for (uint64_t i = 0; i < bytes; ++i) {
          buffer[i] = static_cast<char>(buffer[i] ^ 0x10);
          const bool looks_whole = BytesOf(LoadHeader(buffer.data())) <= buffer.size() &&
                                   RecordCrc(buffer.data(), BytesOf(LoadHeader(buffer.data())),
                                             CrcSeed(4096, 9)) == LoadHeader(buffer.data()).crc;
          CHECK(!looks_whole);
          buffer[i] = static_cast<char>(buffer[i] ^ 0x10);
        }
      }
    }
  }
}

TEST_CASE("vlog format: manifest round trip") {
  Manifest manifest;
  manifest.lanes = 3;
  manifest.epoch = 2;
  manifest.incarnation = 5;
  manifest.databases = 16;
  manifest.next_segment_id = 77;
  manifest.clean = true;
  manifest.swap_sequence = 4;
  manifest.trees = {{1, 2}, {2, 1}};
  manifest.clean_ends = {1, 2, 3};
  manifest.segments = {{70, 0, 1, 770, 0, 0}, {76, 2, 2, 776, 70, 1024}};
  manifest.checkpoints = {{71, 0}, {74, 0}};
  manifest.needs_checkpoint = true;
  manifest.units = {100, 1, uint64_t{1} << 40};
  manifest.space_numbers = uint64_t{7} << 32;
  const std::string bytes = EncodeManifest(manifest);
  const Result<Manifest> read = DecodeManifest(bytes, "M");
  REQUIRE(read.ok());
  CHECK(EncodeManifest(read.value()) == bytes);
  CHECK(read.value().segments[1].id == 76);
  CHECK(read.value().clean_ends[2] == 3);
  CHECK(read.value().segments[1].before == 70);
  CHECK(read.value().segments[1].proven == 1024);
  CHECK(read.value().checkpoints[1].id == 74);
  CHECK(read.value().needs_checkpoint);
  CHECK(read.value().units == manifest.units);
  CHECK(read.value().space_numbers == manifest.space_numbers);
  for (size_t i = 0; i < bytes.size(); ++i)
    CHECK(!DecodeManifest(std::string_view(bytes).substr(0, i), "M").ok());
}

TEST_CASE("vlog format: a manifest with numbers that no segment has is damaged") {
  for (const std::vector<uint32_t>& ids : std::vector<std::vector<uint32_t>>{
           {0}, {3, 3}, {7, 3, 7}, {static_cast<uint32_t>(SegmentTable::kIdsMax)}, {UINT32_MAX}}) {
    CAPTURE(ids.front());
    Manifest manifest;
    manifest.lanes = 1;
    manifest.next_segment_id = 77;
    for (const uint32_t id : ids) manifest.segments.push_back({id, 0, 1, 770, 0, 0});
    const Result<Manifest> decoded = DecodeManifest(EncodeManifest(manifest), "M");
    REQUIRE_FALSE(decoded.ok());
    CHECK(decoded.status().code() == Code::kCorruption);
  }
}

TEST_CASE("vlog format: manifest with survivors and checkpoints, byte by byte") {
  Manifest manifest;
  manifest.lanes = 2;
  manifest.epoch = 3;
  manifest.incarnation = 7;
  manifest.databases = 16;
  manifest.next_segment_id = 10;
  manifest.needs_checkpoint = true;
  manifest.swap_sequence = 1;
  manifest.trees = {{0, 1}, {1, 0}};
  manifest.segments = {{4, 0, 3, 0x5a17, 0, 0}, {8, 1, 3, 0x5a17, 5, 1112 / 8}};
  manifest.checkpoints = {{7, 0}, {9, 0}};
  manifest.units = {70, 9};
  CHECK(Hex(EncodeManifest(manifest)) == R"(434149524e4d414e0300000004030201
02000000030000000700000010000000
0a000000020000000100000000000000
02000000000000000200000002000000
01000000000000000000010001000000
040000000000000003000000175a0000
00000000000000000800000001000000
03000000175a0000050000008b000000
07000000000000000900000000000000
01000000100000004600000000000000
0900000000000000b19a04b3)");
}

TEST_CASE("vlog format: a segment of survivors, byte by byte") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/data").ok());
  const std::string path = SegmentPath("/data", 8);
  Segment segment;
  segment.id = 8;
  segment.lane = 1;
  segment.epoch = 3;
  segment.salt = 0x5a17;
  segment.before = 5;
  segment.file = std::move(disk.OpenDirect(path, Disk::Mode::kCreate).value());
  REQUIRE(WriteSegmentHeader(segment, 2, 7).ok());
  SurvivorWriter writer(&segment, 7);
  RecordHeader put = {};
  put.type = static_cast<uint8_t>(RecordType::kPut);
  put.key_bytes = 3;
  put.value_bytes = 5;
  const Pointer pointer = writer.Add(put, 0, "key", "value");
  CHECK(pointer.segment_id == 8);
  CHECK(pointer.offset == 568);
  CHECK(pointer.length == 32);
  CHECK((pointer.flags & kSurvivor) != 0);
  uint64_t written = 0;
  REQUIRE(writer.Write(0, &written).ok());
  CHECK(written == 512);
  CHECK(segment.proven.load() == 600);
  RecordHeader remove = {};
  remove.type = static_cast<uint8_t>(RecordType::kDelete);
  remove.key_bytes = 3;
  writer.Add(remove, 0, "old", {});
  REQUIRE(writer.Write(0, &written).ok());
  CHECK(segment.proven.load() == 1112);
  REQUIRE(writer.Seal().ok());

  CHECK(Hex(ReadBytes(&disk, path, 0, 56)) == R"(434149524e5345470300000004030201
08000000010000000200000003000000
070000000002000000000000175a0000
050000003f970016)");
  CHECK(Hex(ReadBytes(&disk, path, 512, 88)) == R"(ff261a9a080000000000000020000000
07000000080000005800000000000000
00000000000000004000000008000000
00000000000000000264752601000000
03000000050000000700000008000000
6b657976616c7565)");
  CHECK(Hex(ReadBytes(&disk, path, 600, 424)) == Hex(std::string(424, '\0')));
  CHECK(Hex(ReadBytes(&disk, path, 1024, 88)) == R"(80feb739080000000000000020000000
07000000080000005800000000000000
4b000000080000004b00000008000000
0000000000000000c59200eb03000000
03000000000000000700000008000000
6f6c640000000000)");
  CHECK(Hex(ReadBytes(&disk, path, 1536, 48)) == R"(6ff55a90090000000000000018000000
07000000080000005804000000000000
0400000000000000a492879d00000000)");
}

// After a start from a checkpoint nobody knows what lies before the place where it began to read.
TEST_CASE("vlog format: trailer without a chain, byte by byte") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  {
    Driver driver(&disk, options, Driver::Inline());
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "key", "value")}).ok());
    const uint64_t asked = driver.engine->RequestSave();
    for (int i = 0; i < 1000 && driver.engine->Saves().done < asked; ++i) driver.Turn();
    REQUIRE(driver.engine->Saves().last_ok);
    REQUIRE(driver.Write({driver.Put(0, "key", "later")}).ok());
    REQUIRE(driver.Stop().ok());
  }
  options.lanes = 2;
  Driver driver(&disk, options, Driver::Inline());
  REQUIRE(driver.Start().ok());
  CHECK(*driver.Get(0, "key") == "later");
  CHECK(Hex(ReadBytes(&disk, SegmentPath("/data", 1), 1536, 48)) ==
        R"(51e61f27090000000000000018000000
02000000010000005804000000000000
00000000000000000000000001000000)");
}

TEST_CASE("vlog format: a directory of an older version is read, and goes on in this one") {
  for (const OldVersion& old : kOldVersions) {
    CAPTURE(old.version);
    const Result<Manifest> manifest = DecodeManifest(FromHex(old.manifest), "M");
    REQUIRE(manifest.ok());
    CHECK(manifest.value().lanes == 1);
    CHECK(manifest.value().next_segment_id == 3);
    CHECK(manifest.value().clean);
    CHECK(!manifest.value().needs_checkpoint);
    CHECK(manifest.value().clean_ends == std::vector<uint64_t>{LogPosition(1, 1192)});
    CHECK(manifest.value().checkpoints.empty());
    CHECK(manifest.value().units.empty());
    REQUIRE(manifest.value().segments.size() == 2);
    for (uint32_t i = 0; i < 2; ++i) {
      const SegmentEntry& entry = manifest.value().segments[i];
      CHECK(entry.id == i + 1);
      CHECK(entry.lane == 0);
      CHECK(entry.epoch == 1);
      CHECK(entry.salt == 0x5a17);
      CHECK(entry.before == 0);
      CHECK(entry.proven == 0);
    }

    SimDisk disk{SimOptions()};
    WriteOldExample(&disk, old, true);
    const std::string path = SegmentPath("/data", 1);
    VlogOptions options = Driver::Options("/data");
    options.lanes = 1;
    Driver driver(&disk, options, Driver::Inline());
    const Result<RecoveryReport> report = driver.Start();
    REQUIRE(report.ok());
    CHECK(report.value().records == 6);
    CHECK(report.value().torn_tails.empty());
    CHECK(report.value().damage.empty());
    CHECK(report.value().notices.empty());
    CHECK(driver.engine->KeyCount(0) == 0);
    REQUIRE(driver.Write({driver.Put(0, "key", "again")}).ok());
    REQUIRE(driver.Stop().ok());
    // The old segment is as it was, and has a trailer; the new one is of this version.
    CHECK(Hex(ReadBytes(&disk, path, 0, 56)) == old.header);
    CHECK(Hex(ReadBytes(&disk, path, 1536 + 4, 1)) == "09");
    CHECK_FALSE(disk.Exists(SegmentPath("/data", 2)).value());
    CHECK(Hex(ReadBytes(&disk, SegmentPath("/data", 3), 8, 4)) == "03000000");
    CHECK(Hex(ReadBytes(&disk, SegmentPath("/data", 3), 512 + 48, 8)) == "0100000000000000");
    CHECK(Hex(disk.ReadSmall(ManifestPath("/data")).value().substr(8, 4)) == "03000000");
    Driver after(&disk, options, Driver::Inline());
    REQUIRE(after.Start().ok());
    CHECK(*after.Get(0, "key") == "again");
  }
}

TEST_CASE("vlog format: a power failure at any moment of an upgrade loses nothing") {
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  for (const OldVersion& old : kOldVersions) {
    for (const bool in_order : {true, false}) {
      CAPTURE(old.version);
      CAPTURE(in_order);
      uint64_t failures = 0;
      for (bool done = false; !done; ++failures) {
        REQUIRE(failures < 200);
        SimOptions sim;
        sim.seed = failures;
        SimDisk disk{sim};
        WriteOldExample(&disk, old, in_order);
        disk.PowerOffAt(disk.operations() + failures);
        {
          Driver driver(&disk, options, Driver::Inline());
          done = driver.Start().ok() && driver.Stop().ok() && failures != 0;
        }
        disk.PowerOffAt(0);
        disk.PowerOn();
        Driver driver(&disk, options, Driver::Inline());
        const Result<RecoveryReport> report = driver.Start();
        REQUIRE_MESSAGE(report.ok(), report.status().message());
        CHECK(report.value().torn_tails.empty());
        CHECK(driver.engine->KeyCount(0) == 0);  // the last commit says so
        REQUIRE(driver.Write({driver.Put(0, "key", "again")}).ok());
        REQUIRE(driver.Stop().ok());
        const Result<CheckReport> checked = CheckVlogDirectory("/data", &disk, 0);
        REQUIRE(checked.ok());
        CHECK(checked.value().findings.empty());
        CHECK(checked.value().live_keys == 1);
      }
      CHECK(failures > 10);
    }
  }
}

TEST_CASE("vlog format: versions of the future, and none, are refused") {
  std::string bytes = FromHex(kOldVersions[0].manifest);
  for (const uint32_t version : {0u, kFormatVersion + 1}) {
    std::memcpy(bytes.data() + 8, &version, 4);
    const uint32_t crc = Crc32c(bytes.data(), bytes.size() - 4);
    std::memcpy(bytes.data() + bytes.size() - 4, &crc, 4);
    const Status status = DecodeManifest(bytes, "M").status();
    CHECK(status.code() == Code::kInvalid);
    CHECK(status.message() ==
          "M: format version " + std::to_string(version) + "; this server reads versions 1 to 3");
  }
}

TEST_CASE("vlog format: what a newer server of this version adds to the manifest is refused") {
  Manifest manifest;
  manifest.lanes = 2;
  manifest.units = {5, 6};
  const std::string good = EncodeManifest(manifest);
  REQUIRE(DecodeManifest(good, "M").ok());
  const auto changed = [&](size_t offset, uint32_t value) {
    std::string bytes = good;
    std::memcpy(bytes.data() + offset, &value, 4);
    const uint32_t crc = Crc32c(bytes.data(), bytes.size() - 4);
    std::memcpy(bytes.data() + bytes.size() - 4, &crc, 4);
    return DecodeManifest(bytes, "M").status();
  };
  constexpr size_t kSectionAt = sizeof(ManifestHeader);
  CHECK(changed(kSectionAt, 3).message() ==
        "M: a section of kind 3, which this server does not know: written by a newer server");
  CHECK(changed(kSectionAt, 3).code() == Code::kInvalid);
  CHECK(changed(kSectionAt, 2).code() == Code::kCorruption);  // that has 8 bytes
  CHECK(changed(offsetof(ManifestHeader, flags), 4).code() == Code::kInvalid);
  CHECK(changed(offsetof(ManifestHeader, zero), 1).code() == Code::kInvalid);
  for (const uint32_t bytes : {0u, 4u, 8u, 24u, UINT32_MAX - 7})
    CHECK(changed(kSectionAt + 4, bytes).code() == Code::kCorruption);
  CHECK(changed(offsetof(ManifestHeader, section_count), 2).code() == Code::kCorruption);
  CHECK(changed(offsetof(ManifestHeader, section_count), 0).code() == Code::kCorruption);
}

// What other servers' units and other tenants' keys will need.
TEST_CASE("vlog format: a record with an extension") {
  const std::string key = "key";
  for (const RecordType type : {RecordType::kPut, RecordType::kPutExpire, RecordType::kDelete}) {
    for (size_t value_bytes = 0; value_bytes < 9; ++value_bytes) {
      const std::string value(IsPut(type) ? value_bytes : 0, 'v');
      RecordHeader header = {};
      header.type = static_cast<uint8_t>(type);
      header.key_bytes = 3;
      header.value_bytes = static_cast<uint32_t>(value.size());
      const uint64_t plain = BytesOf(header);
      header.type |= kExtended;
      CHECK(BytesOf(header) == plain + 8);
      CHECK(TypeOf(header) == type);
      CHECK(Plausible(header));
      std::string record(BytesOf(header), '\0');
      FillRecord(record.data(), header, 99, key, value);
      const RecordExtension extension = {7, 0, 0};
      std::memcpy(record.data() + (ValueOf(header, record.data()).end() - record.data()),
                  &extension, sizeof(extension));
      CHECK(KeyOf(header, record.data()) == key);
      CHECK(ValueOf(header, record.data()) == value);
      CHECK(ExtensionOf(header, record.data()).origin == 7);
      CHECK(Unknown(header, record.data()) == nullptr);
      const Pointer pointer = MakePointer(header, 512);
      CHECK(pointer.length == record.size());
      CHECK(ValueBytes(pointer, 3) == value.size());
      for (const RecordExtension unknown : {RecordExtension{7, 1, 0}, RecordExtension{7, 0, 1}}) {
        std::memcpy(record.data() + (ValueOf(header, record.data()).end() - record.data()),
                    &unknown, sizeof(unknown));
        CHECK(Unknown(header, record.data()) != nullptr);
      }
    }
  }
}

// The format on disk, held byte by byte. If one of these tests fails, either undo the change or
// raise kFormatVersion.
#include "hex.h"
#include "io/sim_disk.h"
#include "vlog/log_reader.h"
#include "vlog/manifest.h"
#include "vlog/segment.h"
#include "vlog/survivor_writer.h"
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

// Overwrites the beginning of a file's first block.
void PutHeader(Disk* disk, const std::string& path, std::string_view bytes) {
  const std::unique_ptr<File> file =
      std::move(disk->OpenDirect(path, Disk::Mode::kReadWrite).value());
  const AlignedBuffer block = NewAligned(kBlockBytesMin);
  std::memset(block.get(), 0, kBlockBytesMin);
  std::memcpy(block.get(), bytes.data(), bytes.size());
  REQUIRE(file->WriteAt(0, block.get(), kBlockBytesMin).ok());
  REQUIRE(file->Sync().ok());
}

// What version 1 wrote for the worked example.
const char* const kHeader1 = R"(434149524e5345470100000004030201
01000000000000000100000001000000
010000000002000000000000175a0000
00000000a2ad0fc4)";
const char* const kManifest1 = R"(434149524e4d414e0100000004030201
01000000010000000100000010000000
03000000010000000000000000000000
00000000010000000200000000000000
95000000010000000100000000000000
01000000175a00000200000000000000
01000000175a00008bba2f25)";

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
  CHECK(kGroupMember == 0x80);
  CHECK(kAllTrees == 0xffff);
  CHECK(static_cast<int>(ValueType::kString) == 0);
  CHECK(kFormatVersion == 2);
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
  CHECK(Hex(ReadBytes(&disk, path, 0, 56)) == R"(434149524e5345470200000004030201
01000000000000000100000001000000
010000000002000000000000175a0000
00000000e3c1fc64)");
  CHECK(Hex(ReadBytes(&disk, path, 56, 456)) == Hex(std::string(456, '\0')));
  CHECK(Hex(ReadBytes(&disk, path, 512, 80)) == R"(e5d9fec2080000000000000018000000
01000000010000005000000000000000
00000000000000004000000001000000
912d831c010000000300000005000000
01000000010000006b657976616c7565)");
  CHECK(Hex(ReadBytes(&disk, path, 592, 432)) == Hex(std::string(432, '\0')));
  CHECK(Hex(ReadBytes(&disk, path, 1024, 168)) == R"(54addcd1080000000000000018000000
0100000001000000a800000000000000
4a000000010000004a00000001000000
b3d0bb1c070000000000000018000000
01000000010000000000000000000000
48000000000000000200000000000000
372b7cf1840000000300000000000000
01000000010000005544332211000000
6b657900000000000a76aa6183000000
03000000000000000100000001000000
6b65790000000000)");
  CHECK(Hex(disk.ReadSmall(ManifestPath("/data")).value()) == R"(434149524e4d414e0200000004030201
01000000010000000100000010000000
03000000010000000000000000000000
00000000010000000200000000000000
95000000010000000100000000000000
01000000175a00000000000000000000
020000000000000001000000175a0000
0000000000000000361b797b)");
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
        R"(8bb04330090000000000000018000000
02000000010000005002000000000000
0200000000000000e309cc9300000000)");
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
  manifest.segments = {{4, 0, 3, 0x5a17, 0, 0}, {8, 1, 3, 0x5a17, 5, 1104 / 8}};
  manifest.checkpoints = {{7, 0}, {9, 0}};
  CHECK(Hex(EncodeManifest(manifest)) == R"(434149524e4d414e0200000004030201
02000000030000000700000010000000
0a000000020000000100000000000000
02000000000000000200000002000000
00000100010000000400000000000000
03000000175a00000000000000000000
080000000100000003000000175a0000
050000008a0000000700000000000000
09000000000000007aa0bb02)");
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
  CHECK(pointer.offset == 560);
  CHECK(pointer.length == 32);
  CHECK((pointer.flags & kSurvivor) != 0);
  uint64_t written = 0;
  REQUIRE(writer.Write(0, &written).ok());
  CHECK(written == 512);
  CHECK(segment.proven.load() == 592);
  RecordHeader remove = {};
  remove.type = static_cast<uint8_t>(RecordType::kDelete);
  remove.key_bytes = 3;
  writer.Add(remove, 0, "old", {});
  REQUIRE(writer.Write(0, &written).ok());
  CHECK(segment.proven.load() == 1104);
  REQUIRE(writer.Seal().ok());

  CHECK(Hex(ReadBytes(&disk, path, 0, 56)) == R"(434149524e5345470200000004030201
08000000010000000200000003000000
070000000002000000000000175a0000
0500000000b35176)");
  CHECK(Hex(ReadBytes(&disk, path, 512, 80)) == R"(a08dcdc4080000000000000018000000
07000000080000005000000000000000
00000000000000004000000008000000
36ef6084010000000300000005000000
07000000080000006b657976616c7565)");
  CHECK(Hex(ReadBytes(&disk, path, 592, 432)) == Hex(std::string(432, '\0')));
  CHECK(Hex(ReadBytes(&disk, path, 1024, 80)) == R"(7b3d5304080000000000000018000000
07000000080000005000000000000000
4a000000080000004a00000008000000
f1191549030000000300000000000000
07000000080000006f6c640000000000)");
  CHECK(Hex(ReadBytes(&disk, path, 1536, 48)) == R"(7ef7af28090000000000000018000000
07000000080000005004000000000000
04000000000000006efc22b100000000)");
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
        R"(145f3ce7090000000000000018000000
02000000010000005004000000000000
00000000000000000000000001000000)");
}

TEST_CASE(
    "vlog format: a directory of version 1 is read, and has a manifest of this version then") {
  const Result<Manifest> manifest = DecodeManifest(FromHex(kManifest1), "M");
  REQUIRE(manifest.ok());
  CHECK(manifest.value().lanes == 1);
  CHECK(manifest.value().next_segment_id == 3);
  CHECK(manifest.value().clean);
  CHECK(!manifest.value().needs_checkpoint);
  CHECK(manifest.value().clean_ends == std::vector<uint64_t>{LogPosition(1, 1192)});
  CHECK(manifest.value().checkpoints.empty());
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
  WriteWorkedExample(&disk);
  // Between the headers both versions write the same.
  PutHeader(&disk, SegmentPath("/data", 1), FromHex(kHeader1));
  SegmentHeader next = {};
  std::memcpy(&next, FromHex(kHeader1).data(), sizeof(next));
  next.segment_id = 2;
  next.crc = Crc32c(&next, offsetof(SegmentHeader, crc));
  PutHeader(&disk, SegmentPath("/data", 2), {reinterpret_cast<const char*>(&next), sizeof(next)});
  REQUIRE(disk.WriteSmallAtomic(ManifestPath("/data"), FromHex(kManifest1)).ok());
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  Driver driver(&disk, options, Driver::Inline());
  const Result<RecoveryReport> report = driver.Start();
  REQUIRE(report.ok());
  CHECK(report.value().records == 6);
  CHECK(report.value().torn_tails.empty());
  CHECK(report.value().damage.empty());
  CHECK(driver.engine->KeyCount(0) == 0);
  REQUIRE(driver.Write({driver.Put(0, "key", "again")}).ok());
  REQUIRE(driver.Stop().ok());
  CHECK(Hex(disk.ReadSmall(ManifestPath("/data")).value().substr(8, 4)) == "02000000");
  Driver after(&disk, options, Driver::Inline());
  REQUIRE(after.Start().ok());
  CHECK(*after.Get(0, "key") == "again");
}

TEST_CASE("vlog format: versions of the future, and none, are refused") {
  std::string bytes = FromHex(kManifest1);
  for (const uint32_t version : {0u, kFormatVersion + 1}) {
    std::memcpy(bytes.data() + 8, &version, 4);
    const uint32_t crc = Crc32c(bytes.data(), bytes.size() - 4);
    std::memcpy(bytes.data() + bytes.size() - 4, &crc, 4);
    CHECK(DecodeManifest(bytes, "M").status().code() == Code::kInvalid);
  }
}

// Replay over logs put together by hand: what earlier starts of the server left behind must not
// count.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "base/slot.h"
#include "io/sim_disk.h"
#include "vlog/log/manifest.h"
#include "vlog/recovery/replay.h"
#include "vlog/recovery/replay_cursor.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;
using namespace cairn::vlog;

namespace {

struct Sink final : ReplaySink {
  void OnRecord(const RecordHeader& header, const char* record, const Pointer&) override {
    if (TypeOf(header) == RecordType::kDelete) {
      keys.erase(std::string(KeyOf(header, record)));
    } else {
      keys[std::string(KeyOf(header, record))] = std::string(ValueOf(header, record));
    }
  }
  void OnFlush(uint32_t, uint32_t, uint32_t, uint16_t) override { ++flushes; }
  void OnSwap(const SwapPayload&) override {}
  std::map<std::string, std::string> keys;
  int flushes = 0;
};

constexpr uint32_t kSalt = 0x12345678;

// A segment file of 64 KiB with 512-byte blocks, written record by record.
class Log {
 public:
  explicit Log(uint32_t lanes = 1) {
    REQUIRE(disk_.CreateDir("/data").ok());
    for (uint32_t lane = 0; lane < lanes; ++lane) {
      auto segment = std::make_unique<Segment>();
      segment->id = lane + 1;
      segment->lane = lane;
      segment->epoch = 1;
      segment->salt = kSalt;
      segment->file = std::move(
          disk_.OpenDirect(SegmentPath("/data", segment->id), Disk::Mode::kCreate).value());
      images_.emplace_back(64u << 10, '\0');
      segments_.push_back(std::move(segment));
    }
  }

  // Returns the offset behind it.
  uint64_t Put(uint64_t offset, uint32_t incarnation, const std::string& key,
               const std::string& value, uint8_t flags = 0, uint32_t lane = 0) {
    return Record(offset, incarnation, static_cast<uint8_t>(RecordType::kPut) | flags, key, value,
                  lane);
  }
  uint64_t Record(uint64_t offset, uint32_t incarnation, uint32_t type, const std::string& key,
                  const std::string& value, uint32_t lane = 0) {
    RecordHeader header = Header(static_cast<RecordType>(type), incarnation, lane);
    header.key_bytes = static_cast<uint32_t>(key.size());
    header.value_bytes = static_cast<uint32_t>(value.size());
    char* const record = &images_[lane][offset];
    FillRecord(record, header, 0, key, value);  // of an extension all is 0
    header.crc = RecordCrc(record, BytesOf(header), CrcSeed(offset, kSalt));
    std::memcpy(record, &header.crc, sizeof(header.crc));
    return offset + BytesOf(header);
  }
  uint64_t Commit(uint64_t offset, uint32_t incarnation, uint64_t bytes, uint64_t prev_end,
                  uint64_t synced, uint32_t lane = 0, uint64_t first_unit = 0) {
    RecordHeader header = Header(RecordType::kCommit, incarnation, lane);
    // Without a number, as older versions wrote it.
    header.value_bytes = first_unit != 0 ? sizeof(CommitPayload) : kCommitPayload2Bytes;
    const CommitPayload payload = {bytes, prev_end, synced, first_unit};
    EncodeRecord(&images_[lane][offset], CrcSeed(offset, kSalt), header, 0, {},
                 {reinterpret_cast<const char*>(&payload), header.value_bytes});
    return offset + BytesOf(header);
  }
  uint64_t Group(uint64_t offset, uint32_t incarnation, uint64_t txn, uint64_t bytes,
                 uint32_t records, const std::vector<uint64_t>& parts, uint32_t lane = 0) {
    RecordHeader header = Header(RecordType::kGroup, incarnation, lane);
    std::string value(sizeof(GroupPayload) + 8 * parts.size(), '\0');
    const GroupPayload payload = {txn, bytes, records, static_cast<uint32_t>(parts.size())};
    std::memcpy(value.data(), &payload, sizeof(payload));
    if (!parts.empty()) std::memcpy(value.data() + sizeof(payload), parts.data(), 8 * parts.size());
    header.value_bytes = static_cast<uint32_t>(value.size());
    EncodeRecord(&images_[lane][offset], CrcSeed(offset, kSalt), header, 0, {}, value);
    return offset + BytesOf(header);
  }
  std::string& image(uint32_t lane = 0) { return images_[lane]; }
  static uint64_t At(uint64_t offset, uint32_t lane = 0) { return LogPosition(lane + 1, offset); }

  ReplayOptions options;

  Status Run(ReplaySink* sink, std::vector<TornTail>* torn = nullptr,
             std::vector<LaneEnd>* ends = nullptr,
             std::vector<std::string>* misnumbered = nullptr) {
    options.lanes = static_cast<uint32_t>(segments_.size());
    Replay replay(options, sink);
    for (uint32_t lane = 0; lane < segments_.size(); ++lane) {
      AlignedBuffer buffer = NewAligned(images_[lane].size());
      std::memcpy(buffer.get(), images_[lane].data(), images_[lane].size());
      REQUIRE(segments_[lane]->file->WriteAt(0, buffer.get(), images_[lane].size()).ok());
      replay.AddSegment(lane, segments_[lane].get(), images_[lane].size());
    }
    Status status = replay.Run();
    if (torn != nullptr) *torn = replay.torn_tails();
    if (misnumbered != nullptr) *misnumbered = replay.misnumbered();
    for (uint32_t lane = 0; ends != nullptr && lane < segments_.size(); ++lane)
      ends->push_back(replay.end(lane));
    return status;
  }

 private:
  RecordHeader Header(RecordType type, uint32_t incarnation, uint32_t lane) const {
    RecordHeader header = {};
    header.type = static_cast<uint8_t>(type);
    header.incarnation = incarnation;
    header.segment_id = lane + 1;
    return header;
  }
  SimDisk disk_{SimOptions()};
  std::vector<std::unique_ptr<Segment>> segments_;
  std::vector<std::string> images_;
};

}  // namespace

TEST_CASE("vlog replay: a record of an earlier start inside a torn commit does not count") {
  Log log;
  const std::string value(400, 'v');
  // The second start wrote over a torn commit of the first, was torn itself, and the records happen
  // to line up.
  uint64_t at = log.Commit(512, 2, 48 + 3 * 432, 0, 0);
  at = log.Put(at, 2, "new", value);
  const uint64_t end = at;
  at = log.Put(at, 1, "old", value);
  log.Put(at, 1, "odd", value);
  Sink sink;
  std::vector<TornTail> torn;
  std::vector<LaneEnd> ends;
  REQUIRE(log.Run(&sink, &torn, &ends).ok());
  CHECK(sink.keys.size() == 1);
  CHECK(sink.keys.count("new") == 1);
  REQUIRE(torn.size() == 1);
  CHECK(torn[0].offset == end);
  CHECK(ends[0].cut);
  CHECK(ends[0].end == Log::At(end));
  CHECK(ends[0].tail == 1024);
}

TEST_CASE(
    "vlog replay: a commit of an earlier start behind the end does not count, even if it seems to "
    "follow") {
  Log log;
  uint64_t at = log.Commit(512, 3, 48 + 40, 0, 0);
  at = log.Put(at, 3, "a", "12345678");
  log.Commit(1024, 2, 48 + 40, Log::At(at), Log::At(at));
  log.Put(1072, 2, "b", "12345678");
  Sink sink;
  std::vector<LaneEnd> ends;
  REQUIRE(log.Run(&sink, nullptr, &ends).ok());
  CHECK(sink.keys.size() == 1);
  CHECK(ends[0].end == Log::At(at));
  CHECK(ends[0].cut);
}

// The first start's log was cut where a transaction missed a part, with more behind it that was
// durable. The second one made a checkpoint there.
TEST_CASE("vlog replay: behind a checkpoint, what an earlier start left proves nothing") {
  for (const uint32_t incarnation : {1, 2}) {
    Log log;
    log.options.from = {Log::At(560)};
    log.options.from_incarnation = 2;
    log.Commit(512, 2, 48, 0, 0);
    log.Commit(4096, incarnation, 48, Log::At(2048), Log::At(2048));
    Sink sink;
    std::vector<LaneEnd> ends;
    const Status status = log.Run(&sink, nullptr, &ends);
    CHECK(status.code() == (incarnation == 1 ? Code::kOk : Code::kCorruption));
    if (incarnation == 1) CHECK(ends[0].end == Log::At(560));
  }
}

TEST_CASE("vlog replay: records of another segment or another place do not count") {
  for (const bool moved : {false, true}) {
    Log log;
    uint64_t at = log.Commit(512, 1, 48 + 40, 0, 0);
    at = log.Put(at, 1, "a", "12345678");
    Log other(2);
    uint64_t from = other.Commit(1024, 1, 48 + 40, Log::At(at), Log::At(at), moved ? 0 : 1);
    other.Put(from, 1, "b", "12345678", 0, moved ? 0 : 1);
    log.image().replace(moved ? 1536 : 1024, 512, other.image(moved ? 0 : 1).substr(1024, 512));
    Sink sink;
    REQUIRE(log.Run(&sink).ok());
    CHECK(sink.keys.size() == 1);
  }
}

TEST_CASE("vlog replay: a torn group is left out whole") {
  for (uint64_t broken = 0; broken < 3; ++broken) {
    Log log;
    uint64_t at = log.Commit(512, 1, 48 + 40 + 48 + 80, 0, 0);
    at = log.Put(at, 1, "a", "12345678");
    const uint64_t group = at;
    at = log.Group(at, 1, 0, 80, 2, {});
    at = log.Put(at, 1, "b", "12345678", kGroupMember);
    log.Put(at, 1, "c", "12345678", kGroupMember);
    log.image()[group + 48 * (broken > 0) + 40 * (broken > 1) + 30] ^= 1;
    Sink sink;
    std::vector<LaneEnd> ends;
    REQUIRE(log.Run(&sink, nullptr, &ends).ok());
    CHECK(sink.keys.size() == 1);
    CHECK(ends[0].end == Log::At(group));
  }
}

TEST_CASE("vlog replay: what follows the end of the log that a later start chose counts") {
  Log log;
  uint64_t at = log.Commit(512, 1, 48 + 80, 0, 0);
  const uint64_t end = log.Put(at, 1, "a", "12345678");
  log.image()[end] = 'x';  // torn
  at = log.Commit(1024, 2, 48, Log::At(end), Log::At(end));
  log.Commit(1536, 2, 48 + 40, Log::At(at), Log::At(at));
  log.Put(1584, 2, "b", "12345678");
  Sink sink;
  std::vector<TornTail> torn;
  REQUIRE(log.Run(&sink, &torn).ok());
  CHECK(sink.keys.size() == 2);
  CHECK(torn.empty());
  // Without the commit that says so, the same bytes are damage.
  log.image()[1030] ^= 1;
  Sink again;
  CHECK(log.Run(&again).code() == Code::kCorruption);
}

TEST_CASE("vlog replay: a transaction counts in all lanes or in none") {
  for (const bool whole : {false, true}) {
    Log log(2);
    const std::vector<uint64_t> parts = {Log::At(560, 0), Log::At(560, 1)};
    for (uint32_t lane = 0; lane < 2; ++lane) {
      log.Commit(512, 1, 48 + 64 + 40 + 40, 0, 0, lane);
      uint64_t at = log.Group(560, 1, 9, 40, 1, parts, lane);
      at = log.Put(at, 1, lane == 0 ? "a" : "b", "12345678", kGroupMember, lane);
      log.Put(at, 1, lane == 0 ? "behind a" : "behind b", "1", 0, lane);
    }
    if (!whole) log.image(1)[570] ^= 1;
    Sink sink;
    std::vector<LaneEnd> ends;
    REQUIRE(log.Run(&sink, nullptr, &ends).ok());
    CHECK(sink.keys.size() == (whole ? 4 : 0));
    if (!whole) {
      CHECK(ends[0].end == Log::At(560, 0));
      CHECK(ends[0].cut);
      CHECK(ends[1].cut);
    }
  }
}

namespace {

// Two workers whose turns come in the order in which one of them looks, the other goes on, and the
// first one then says that there was nothing to do. Every wait is bounded.
class Turns final : public ReplaySink {
 public:
  // Of worker 0, whose lane waits for its peer.
  void OnIdle() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++looks_;
    changed_.notify_all();
    Wait(&lock, [this] { return second_turn_; });
  }
  void OnRecord(const RecordHeader& header, const char* record, const Pointer&) override {
    std::unique_lock<std::mutex> lock(mutex_);
    ++records_;
    const std::string_view key = KeyOf(header, record);
    if (key == "first turn") Wait(&lock, [this] { return looks_ >= 1; });
    if (key != "second turn") return;
    second_turn_ = true;
    changed_.notify_all();
    Wait(&lock, [this] { return looks_ >= 2; });
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // until it has said so
  }
  void OnFlush(uint32_t, uint32_t, uint32_t, uint16_t) override {}
  void OnSwap(const SwapPayload&) override {}
  uint32_t looks() const { return looks_; }
  uint32_t records() const { return records_; }
  bool in_order() const { return in_order_; }

 private:
  template <typename Condition>
  void Wait(std::unique_lock<std::mutex>* lock, Condition condition) {
    if (!changed_.wait_for(*lock, std::chrono::seconds(20), condition)) in_order_ = false;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t looks_ = 0;
  uint32_t records_ = 0;
  bool second_turn_ = false;
  bool in_order_ = true;
};

}  // namespace

TEST_CASE("vlog replay: a worker that waits is not all workers, however often it looks") {
  constexpr uint64_t kRecords = LaneCursor::kRecordsPerStep + 1;  // more than one turn has
  constexpr uint64_t kPutBytes = 40;
  Log log(2);
  log.image(1).resize(512u << 10);
  const uint64_t behind = 560 + kRecords * kPutBytes;
  const std::vector<uint64_t> parts = {Log::At(560, 0), Log::At(behind, 1)};
  for (uint32_t lane = 0; lane < 2; ++lane) {
    log.Commit(512, 1, 48 + (lane == 0 ? 0 : kRecords * kPutBytes) + 64 + 40, 0, 0, lane);
    uint64_t at = 560;
    for (uint64_t i = 0; lane == 1 && i < kRecords; ++i) {
      const bool first = i == 0, last = i + 1 == kRecords;
      at = log.Put(at, 1, first ? "first turn" : last ? "second turn" : "in between", "1", 0, lane);
    }
    if (lane == 1) REQUIRE(at == behind);
    at = log.Group(at, 1, 9, 40, 1, parts, lane);
    log.Put(at, 1, lane == 0 ? "a" : "b", "12345678", kGroupMember, lane);
  }
  Turns turns;
  log.options.threads = 2;
  log.options.on_idle = [&turns](uint32_t worker) {
    if (worker == 0) turns.OnIdle();
  };
  const Status status = log.Run(&turns);
  CHECK_MESSAGE(status.ok(), status.message());
  CHECK(turns.in_order());
  CHECK(turns.looks() >= 2);
  CHECK(turns.records() == kRecords + 2);
}

namespace {

// What it was told ahead, and what then came.
struct Listener final : ReplaySink {
  void OnAhead(std::span<const KeyAhead> some) override {
    CHECK(some.size() <= kKeysAheadMax);
    for (const KeyAhead& one : some) told.emplace_back(one.key);
  }
  void OnRecord(const RecordHeader& header, const char* record, const Pointer&) override {
    came.emplace_back(KeyOf(header, record));
    late += came.size() > told.size() ? 1 : 0;
  }
  void OnFlush(uint32_t, uint32_t, uint32_t, uint16_t) override {}
  void OnSwap(const SwapPayload&) override {}
  std::vector<std::string> told, came;
  int late = 0;
};

}  // namespace

TEST_CASE("vlog replay: keys are told ahead, those of the lane alone") {
  constexpr int kRecords = 40;
  for (const uint32_t lanes : {1u, 2u}) {
    Log log(lanes);
    std::vector<std::string> keys, own;
    const auto name = [](int i) { return "key" + std::to_string(100 + i); };
    log.Commit(512, 1, 48 + kRecords * 40, 0, 0);
    uint64_t at = 560;
    for (int i = 0; i < kRecords; ++i) {
      at = log.Put(at, 1, name(i), "12345678");
      keys.push_back(name(i));
      if (ShardOf(name(i)) % lanes == 0) own.push_back(name(i));
    }
    REQUIRE(at == 560 + kRecords * 40);
    Listener sink;
    REQUIRE(log.Run(&sink).ok());
    CHECK(sink.came == keys);
    CHECK(sink.told == own);
    if (lanes == 1) CHECK(sink.late == 0);
    if (lanes == 2) CHECK(own.size() < keys.size());
  }
  // A header that promises more than there is ends what is told, and nothing is read behind it.
  Log log;
  constexpr uint64_t kEnd = (64u << 10) - 512;
  log.Commit(512, 1, kEnd - 512, 0, 0);
  uint64_t at = 560;
  while (at + 40 < kEnd) at = log.Put(at, 1, "key" + std::to_string(100 + at % 900), "12345678");
  RecordHeader header = {};
  std::memcpy(&header, &log.image()[at - 40], sizeof(header));
  header.key_bytes = UINT32_MAX;
  std::memcpy(&log.image()[at - 40], &header, sizeof(header));
  Listener sink;
  REQUIRE(log.Run(&sink).ok());
  REQUIRE(sink.told.size() <= sink.came.size());
  CHECK(sink.told.size() + 1 >= sink.came.size());  // nobody is told of a single one
  CHECK(std::equal(sink.told.begin(), sink.told.end(), sink.came.begin()));
  CHECK(sink.came.size() > 1000);
}

TEST_CASE("vlog replay: keys of a group are told ahead") {
  constexpr int kRecords = 40;
  Log log;
  std::vector<std::string> keys;
  log.Commit(512, 1, 48 + 48 + kRecords * 40, 0, 0);
  uint64_t at = log.Group(560, 1, 0, kRecords * 40, kRecords, {});
  REQUIRE(at == 560 + 48);
  for (int i = 0; i < kRecords; ++i) {
    keys.push_back("key" + std::to_string(100 + i));
    at = log.Put(at, 1, keys.back(), "12345678", kGroupMember);
  }
  Listener sink;
  REQUIRE(log.Run(&sink).ok());
  CHECK(sink.came == keys);
  CHECK(sink.told == keys);
  CHECK(sink.late == 0);
}

TEST_CASE("vlog replay: keys are told ahead once, also where a record lies in two windows") {
  constexpr uint64_t kWindow = 4096;
  constexpr uint64_t kRecordBytes = 200;
  constexpr int kRecords = 250;
  static_assert(kWindow % kRecordBytes != 0);
  Log log;
  log.options.window_bytes = kWindow;
  std::vector<std::string> keys;
  log.Commit(512, 1, 48 + kRecords * kRecordBytes, 0, 0);
  uint64_t at = 560;
  for (int i = 0; i < kRecords; ++i) {
    keys.push_back("key" + std::to_string(100 + i));
    at = log.Put(at, 1, keys.back(), std::string(170, 'v'));
  }
  REQUIRE(at == 560 + kRecords * kRecordBytes);
  Listener sink;
  REQUIRE(log.Run(&sink).ok());
  CHECK(sink.came == keys);
  // In order, none twice; a single one at the end of a window may be left out.
  auto next = keys.begin();
  for (const std::string& key : sink.told) {
    const auto found = std::find(next, keys.end(), key);
    REQUIRE(found != keys.end());
    next = found + 1;
  }
  constexpr size_t kWindows = kRecords * kRecordBytes / kWindow + 2;
  CHECK(sink.told.size() + kWindows >= keys.size());
}

TEST_CASE("vlog replay: units are numbered, across a cut, and behind commits without numbers") {
  struct Case {
    const char* name;
    uint64_t first[3];  // of three commits with two units each; the third is of a later start
    uint64_t least;     // as a manifest says
    uint64_t next;
    size_t misnumbered;
  };
  for (const Case& one : std::vector<Case>{
           {"dense", {1, 3, 5}, 0, 7, 0},
           {"begins anywhere", {100, 102, 104}, 0, 106, 0},
           {"of an older version", {0, 0, 0}, 0, 1, 0},
           {"of an older version, then of this", {0, 1, 3}, 0, 5, 0},
           {"a start leaves some out", {1, 3, 50}, 0, 52, 0},
           {"some are left out in between", {1, 4, 6}, 0, 8, 1},
           {"some are given away again", {1, 2, 5}, 0, 7, 1},
           {"a start gives some away again", {1, 3, 4}, 0, 7, 1},
           {"the manifest knows of more", {1, 3, 5}, 9, 9, 0},
           {"the manifest knows of fewer", {1, 3, 5}, 2, 7, 0},
       }) {
    CAPTURE(one.name);
    Log log;
    if (one.least != 0) log.options.units = {one.least};
    uint64_t prev_end = 0;
    for (uint64_t i = 0; i < 3; ++i) {
      const uint32_t incarnation = i < 2 ? 1 : 2;
      uint64_t at = 512 * (i + 1);
      const uint64_t begin = at;
      const uint64_t commit = one.first[i] != 0 ? 56 : 48;
      at = log.Commit(at, incarnation, commit + 32 + 48 + 64, prev_end, prev_end, 0, one.first[i]);
      at = log.Put(at, incarnation, "k", "v");
      at = log.Group(at, incarnation, 0, 64, 2, {});
      at = log.Put(at, incarnation, "a", "v", kGroupMember);
      at = log.Put(at, incarnation, "b", "v", kGroupMember);
      CHECK(at == begin + commit + 32 + 48 + 64);
      prev_end = Log::At(at);
    }
    Sink sink;
    std::vector<LaneEnd> ends;
    std::vector<std::string> misnumbered;
    REQUIRE(log.Run(&sink, nullptr, &ends, &misnumbered).ok());
    CHECK(sink.keys.size() == 3);
    CHECK(ends[0].next_unit == one.next);
    CHECK(misnumbered.size() == one.misnumbered);
  }
}

TEST_CASE(
    "vlog replay: what only a newer server can have written is refused, with file and offset") {
  for (const bool salvage : {false, true}) {
    for (const uint32_t type : {10u, 11u, 12u, 13u, 63u}) {
      for (const uint32_t flags : {0u, uint32_t{kExtended}}) {
        CAPTURE(type);
        Log log;
        log.options.salvage = salvage;
        const uint64_t bytes = 40 + (flags != 0 ? 8 : 0);
        uint64_t at = log.Commit(512, 1, 56 + 32 + bytes, 0, 0, 0, 1);
        at = log.Put(at, 1, "k", "v");
        log.Record(at, 1, type | flags, "0123456", "value");
        Sink sink;
        const Status status = log.Run(&sink);
        CHECK(status.code() == Code::kInvalid);
        CHECK(status.message() ==
              "/data/0000000001.vlog at offset 600: a record of a kind that this server does not "
              "know (type " +
                  std::to_string(type) + "): written by a newer server");
      }
    }
  }
}

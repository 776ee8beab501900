// Reclaiming beside writers: a segment must not go while a record is staged in it that the index
// does not know yet, however long its reactor is kept from going on.
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

thread_local bool t_slow = false;
constexpr uint32_t kPauseUs = 20000;  // enough for others to fill and seal a small segment

void AfterStage() {
  if (t_slow) usleep(kPauseUs);
}

class Nobody : public DurabilityListener {
 public:
  void OnDurable(uint32_t) override {}
};

// One reactor of a shared engine, in a thread of its own.
class Writer {
 public:
  Writer(VlogEngine* engine, Disk* disk, uint32_t id) : engine_(engine), id_(id) {
    queue_ = std::move(disk->NewQueue(IoQueueOptions(), nullptr).value());
    engine_->AttachReactor(id_, queue_.get(), &port_);
  }
  ~Writer() {
    Settle();
    while (queue_->in_flight() != 0) Turn();
    engine_->DetachReactor(id_);
  }
  void Turn() {
    queue_->Flush();
    queue_->Wait(1);
    engine_->TurnEnd(id_);
    engine_->Tick(id_, MonotonicMillis());
    std::erase_if(waiting_, [&](const Ticket& ticket) { return engine_->Durable(ticket); });
  }
  void Settle() {
    while (!waiting_.empty()) Turn();
  }
  Code Write(WriteKind kind, const std::string& key, const std::string& value = "") {
    WriteOp op;
    op.kind = kind;
    op.key = key;
    op.shard = ShardOf(key);
    op.value = value;
    for (;;) {
      Ticket ticket;
      uint32_t count = 0;
      Status status;
      {
        LatchGuard guard(engine_->ShardLatch(op.shard));
        status = engine_->Apply(id_, std::span<const WriteOp>(&op, 1), &ticket, &count);
      }
      if (status.ok()) waiting_.push_back(ticket);
      if (status.code() != Code::kBusy) return status.code();
      Turn();
    }
  }
  // The value as read back from the disk, or why not.
  Status Get(const std::string& key, std::string* value) {
    Read read;
    const uint16_t shard = ShardOf(key);
    {
      LatchGuard guard(engine_->ShardLatch(shard));
      Entry entry;
      engine_->Find(0, shard, key, true, &entry);
      if (!entry.found) return Status(Code::kInvalid, "not there");
      if (entry.resident) {
        *value = std::string(entry.value);
        return Status();
      }
      read.version = entry.version;
      engine_->Fetch(id_, 0, shard, key, &read);
    }
    while (!read.status.has_value()) Turn();
    if (read.status->ok()) *value = std::string(read.value());
    return *read.status;
  }

 private:
  VlogEngine* engine_;
  uint32_t id_;
  std::unique_ptr<IoQueue> queue_;
  Port port_;
  std::vector<Ticket> waiting_;
};

}  // namespace

TEST_SUITE("concurrent: vlog reclaim") {
  TEST_CASE("a writer that is held up between log and index") {
    TempDir dir;
    std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
    VlogOptions options = Driver::Options(dir.path() + "/data");
    options.reactors = 2;
    options.lanes = 1;
    options.segment_bytes = 64u << 10;
    options.cache_bytes = 0;
    VlogTuning tuning;
    tuning.after_stage = &AfterStage;
    VlogEngine engine(tuning);
    Nobody nobody;
    REQUIRE(engine.Open(options, disk.get(), &nobody).ok());
    std::atomic<bool> stop{false};
    std::thread churn([&] {
      Writer writer(&engine, disk.get(), 1);
      const std::string value(500, 'x');
      for (int i = 0; !stop.load(); ++i) {
        const std::string key = "b" + std::to_string(i);
        if (writer.Write(WriteKind::kPut, key, value) != Code::kOk) break;
        if (writer.Write(WriteKind::kDelete, key) != Code::kOk) break;
        if (i % 20 == 0) writer.Turn();
      }
    });
    {
      t_slow = true;
      Writer writer(&engine, disk.get(), 0);
      for (int i = 0; i < 30; ++i) {
        const std::string key = "slow" + std::to_string(i);
        CHECK(writer.Write(WriteKind::kPut, key, "value") == Code::kOk);
        writer.Settle();
        std::string value;
        const Status status = writer.Get(key, &value);
        CHECK_MESSAGE(status.ok(), status.message());
        CHECK(value == "value");
        CHECK(writer.Write(WriteKind::kDelete, key) == Code::kOk);
        writer.Settle();
      }
      t_slow = false;
      stop.store(true);
      std::atomic<bool> over{false};
      std::thread joiner([&] {
        churn.join();
        over.store(true);
      });
      while (!over.load()) writer.Turn();
      joiner.join();
    }
    CHECK(engine.Close().ok());
  }
}

// What a compaction may drop, and until when it must not yet.
//
// Counts are exact, and a compaction cannot keep them so: it sees one version of a key and not
// whether a newer one lies above, it may be thrown away after it has decided, and what it drops it
// drops without a log record. So it never decides. It drops only what the engine has taken off the
// counts before, in a batch that is durable, and what therefore exists for nobody:
//
//   collections  flushed. The batch that dropped the collection gave its number of SELECT another
//                one, with counters at zero
//   spaces       dropped with their root
//   swept keys   of a collection, the values that expire at `until_ms` or before and whose version
//                is below `below_version`. The sweep finds them in the expiry index, compares each
//                entry with its key, takes those that match off the counters, and writes counters,
//                the removal of the entries and this watermark in one batch. It removes no key: to
//                reads and writes a value behind the watermark is missing, and the compaction takes
//                it away without a tombstone having been written for it
//
// The version in the watermark makes it safe when the wall clock is set back: what is written then
// with an expiry that was swept already has a newer version, and waits for the next sweep. While
// the clock stands before the watermark, nothing is swept.
//
// Dropping a value never brings back an older one: RocksDB writes a tombstone in its place, unless
// there is nothing below. Nothing is merged onto a value that expires (value.h), so the value that
// is dropped is all there is.
//
// Snapshots. A compaction filter does not respect them: what it drops vanishes from under whoever
// reads as of before. So a reader takes a hold first and its snapshot then; compactions go by the
// rules that were in force when the oldest hold was taken. Rules in force then were durable before
// the snapshot, which therefore does not see what they drop. One that began with them goes on.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace cairn::lsm {

// Named bounds for the engine: beyond them it has to wait for compactions to get rid of what they
// name before it drops more by rule.
inline constexpr size_t kDroppedCollectionsMax = 1u << 16;
inline constexpr size_t kDroppedSpacesMax = 1u << 20;

struct SweptKeys {
  uint32_t collection = 0;
  uint64_t until_ms = 0;
  uint64_t below_version = 0;
};

struct DropRules {
  std::vector<uint32_t> collections;  // ascending
  std::vector<uint64_t> spaces;       // ascending
  std::vector<SweptKeys> swept;       // ascending by collection, each once

  bool DropsCollection(uint32_t collection) const;
  bool DropsSpace(uint64_t space) const;
  bool DropsExpired(uint32_t collection, uint64_t expire_at_ms, uint64_t version) const;
};

class DropGate {
 public:
  // Keeps rules that come later away from compactions that begin later, until it is destroyed.
  class Hold {
   public:
    explicit Hold(DropGate* gate);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    DropGate* gate_;
    std::list<std::shared_ptr<const DropRules>>::iterator place_;
  };

  DropGate();
  // In place of those before: they name all that may be dropped, not only what is new. They are
  // durable.
  void Publish(std::shared_ptr<const DropRules> rules);
  // For a compaction that begins now.
  std::shared_ptr<const DropRules> InForce() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const DropRules> newest_;
  std::list<std::shared_ptr<const DropRules>> held_;  // oldest hold first
};

}  // namespace cairn::lsm

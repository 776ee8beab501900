// Namespaces: which collection each of the server's databases is, and how many keys it has.
//
//   metadata "namespaces"   text: the id that comes next, then of each database its collection
//   metadata "dropped"      text: collections that were flushed and that files may still hold
//   counters of a collection, "keys"   keys | keys that expire | sum of their expiries, seconds
//
// A flush gives a namespace a new collection and counters at zero; a swap exchanges two. Ids are
// never used again. Counters are written as they stand, with each batch that changes them.
//
// Threads. Changed under the mutex of the committer; the collection of a namespace changes with all
// latches held as well, so that who holds one may rely on it. Figures may be read by anybody.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "lsm/fault.h"
#include "lsm/pending.h"

namespace cairn::lsm {

class Namespaces {
 public:
  struct Slot {
    std::atomic<uint32_t> collection{0};
    std::atomic<uint64_t> keys{0};
    std::atomic<uint64_t> expiring{0};
    std::atomic<uint64_t> expiry_seconds{0};  // summed, of those that expire
    bool noted = false;                       // in Batch::changed of the open batch
    bool pages = false;                       // the collection may have some
  };

  // New ones get collections of their own. *changed: it has to be written. False, and nothing has
  // happened: the numbers for them are used up.
  [[nodiscard]] bool Begin(uint32_t databases, bool* changed);
  FormatFault ParseMapping(std::string_view text);
  FormatFault ParseDropped(std::string_view text);  // behind the mapping
  FormatFault ParseCounters(uint16_t ns, std::string_view body);
  // What a count of all keys came to.
  void SetCounters(uint16_t ns, uint64_t keys, uint64_t expiring, uint64_t expiry_seconds,
                   Batch* batch);

  uint32_t count() const { return static_cast<uint32_t>(slots_.size()); }
  Slot& slot(uint16_t ns) { return slots_[ns]; }
  const Slot& slot(uint16_t ns) const { return slots_[ns]; }

  // One key came, went or has another expiry. 0: it had, or has, none.
  enum class Change : uint8_t { kCame, kWent, kStayed };
  void Count(uint16_t ns, Change change, uint64_t old_expire_at_ms, uint64_t expire_at_ms,
             Batch* batch);
  static constexpr const char* kUsedUp =
      "the numbers of collections are used up, one for each database that was flushed: copy the "
      "keys to a new directory";
  // A page came, went or changed.
  void TouchPages(uint16_t ns, Batch* batch);
  // Numbers of collections that were never used.
  uint32_t unused() const { return UINT32_MAX - next_collection_; }
  // A namespace without keys and pages keeps its collection if that is exact. Else it takes an
  // unused one.
  void Flush(uint16_t ns, bool exact, Batch* batch);
  void Swap(uint16_t a, uint16_t b, Batch* batch);
  // Collections that no file holds any more.
  void Forget(const std::vector<uint32_t>& collections, Batch* batch);

  // The records that bring the batch's counters and mapping to disk.
  void AddRecords(uint64_t version, Batch* batch);

  const std::vector<uint32_t>& dropped() const { return dropped_; }  // ascending
  uint64_t keys() const;

 private:
  void Note(uint16_t ns, Batch* batch);

  std::vector<Slot> slots_;
  uint32_t next_collection_ = 1;
  std::vector<uint32_t> dropped_;
};

std::string MetadataKey(std::string_view name);
std::string CountersKey(uint32_t collection);

}  // namespace cairn::lsm

// Spaces: pages, for values that are larger than one value should be or that change in place
// (collections, long strings). What an engine that has them (Engine::spaces) offers beyond keys.
//
//   client's key -> value: root (names a space) -> pages of the space, by page id
//
// A space belongs to one value and has a home, the shard that its id names: all its pages lie in
// that shard's stream, and whoever reads or writes one holds its latch. Keys may move between
// shards (RENAME), the space stays at home. Nothing that walks keys sees pages: not Find, ReadRange
// and RandomKey, and no count.
//
// Ids. NewSpace never gives an id twice, not after a crash either, and not if the unit that used it
// was lost. So a space that was dropped needs no traces: whatever of it still turns up is dead.
//
// Amend. A write of a page is its new image, or a delta beside the new image, where
//
//   image == Fold(kind, image before, delta)
//
// An engine stores whichever is cheaper, and may fold whenever it likes: nobody sees a page without
// its deltas. vlog logs the delta at once and the image in the background; lsm merges the delta
// (its Fold is the merge operator). Deltas that wait for their image are bounded: beyond it, Apply
// says kBusy.
//
// Drop. A space goes in O(1) under the latch, however many pages it has; memory and disk follow in
// slices. A flush takes the spaces of its namespaces along in the same way, a swap exchanges them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/slot.h"
#include "base/status.h"
#include "engine/read.h"
#include "engine/ticket.h"
#include "engine/write.h"

namespace cairn {

// number << kHomeBits | home shard; 0: none.
using SpaceId = uint64_t;
inline constexpr uint32_t kHomeBits = 10;
static_assert(kShardCount == 1u << kHomeBits);
inline constexpr uint16_t HomeOf(SpaceId space) {
  return static_cast<uint16_t>(space & (kShardCount - 1));
}

inline constexpr uint64_t kPageBytesMax = 64u << 10;  // of an image, and of a delta
inline constexpr uint64_t kPageOpsMax = 16u << 10;    // in one unit
inline constexpr uint8_t kPageKindMax = 15;           // kinds are numbers from 0 on

// How deltas change pages, by kind. Pure: equal arguments, equal results, at any time, in any
// thread, in any later version of the server.
class PageFolds {
 public:
  virtual ~PageFolds() = default;
  // `image`: null is not there yet. kCorruption: the delta is none of such an image.
  virtual Status Fold(uint8_t kind, std::string_view image, std::string_view delta,
                      std::string* folded) const = 0;
};

struct PageOp {
  enum class What : uint8_t {
    kImage,      // the page is `image` now
    kAmend,      // the same, of a page that is there; and `delta` makes it of what was there
    kRemove,     // of a page that is there
    kDropSpace,  // all its pages are gone; nothing is written to it any more
  };
  What what = What::kImage;
  uint8_t kind = 0;  // of the page; stays the same as long as it is there
  uint16_t ns = 0;   // of the value that the space belongs to
  SpaceId space = 0;
  uint64_t page = 0;
  std::string_view image;  // not empty
  std::string_view delta;
};

// What memory says of a page; as Entry does of a key.
struct PageEntry {
  bool found = false;
  bool unknown = false;   // FetchPage tells whether it is there
  bool resident = false;  // the image is in memory; false: FetchPage it
  bool copied = false;    // as Entry::copied: `image` is valid until this thread's next FindPage or
                          // Find, which may use its memory again
  uint8_t kind = 0;
  std::string_view image;  // else while the latch is held and nothing was applied since
  VersionToken version;
  Ticket ticket;  // as Entry::ticket, of the page with all its deltas
};

class SpaceStore {
 public:
  virtual ~SpaceStore() = default;
  // Before Open; outlives the engine.
  virtual void UseFolds(const PageFolds* folds) = 0;

  // False: there are no pages, in no namespace, nor have the values of keys that the caller has
  // latched. Cheap, so that who overwrites such a key need not look at what it was. May stay true
  // after the last page has gone.
  virtual bool AnyPages() const = 0;
  // For a space that nobody can reach before a unit says so. No I/O. kBusy: ids are being set
  // aside, try again. [latched: home]
  virtual Status NewSpace(uint16_t home, SpaceId* space) = 0;
  virtual void FindPage(uint16_t ns, SpaceId space, uint64_t page,
                        PageEntry* entry) = 0;  // [latched: home]
  // As Engine::Fetch: reads what FindPage did not know; the result is the image, all deltas folded
  // in, in the state that the version names. [latched: home; reactor r]
  virtual void FetchPage(uint32_t reactor, uint16_t ns, SpaceId space, uint64_t page,
                         FetchRequest* request) = 0;
  // As Engine::Apply: all ops, those on pages after those on keys, are one atomic unit. Drops and
  // removals may use the reserve that deletes may use. [latched: shards and homes; reactor r]
  virtual Status Apply(uint32_t reactor, std::span<const WriteOp> ops,
                       std::span<const PageOp> pages, Ticket* tickets, uint32_t* ticket_count) = 0;
};

}  // namespace cairn

// PageWrites: what the writes of a pass make of pages, for the reads that follow in it and for its
// commit.
//
// Of each page there is the last state alone. Of a space that is dropped there is one op, and none
// if the pass made it. A flush takes what was written to its namespace along, a swap gives it the
// other name: the engine applies what a unit does to pages behind what it does to keys.
//
// One thread. Images are views that outlive the content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/spaces.h"

namespace cairn {

class PageWrites {
 public:
  bool empty() const { return writes_.empty(); }
  // Null: not written. kImage or kRemove.
  const PageOp* Find(SpaceId space, uint64_t page) const;

  // `made`: it was not there before, for the engine.
  void Put(uint16_t ns, SpaceId space, uint64_t page, uint8_t kind, std::string_view image,
           bool made);
  void Remove(uint16_t ns, SpaceId space, uint64_t page, uint8_t kind);
  // `made`: by this pass.
  void Drop(uint16_t ns, SpaceId space, bool made);
  void Flush(uint16_t ns);  // kAllNamespaces: all
  void Swap(uint16_t a, uint16_t b);

  // For the engine; valid until the next write.
  std::span<const PageOp> Ops();
  uint64_t bytes() const { return bytes_; }
  void Clear();

 private:
  static constexpr size_t kLinearMax = 8;  // more writes are looked up in by_page_

  struct Write {
    PageOp op;
    bool made = false;
    bool dead = false;  // nothing is left to be done
  };
  struct Place {
    SpaceId space;
    uint64_t page;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    size_t operator()(const Place& place) const {
      return (place.space * 0x9e3779b97f4a7c15u) ^ (place.page * 0xc2b2ae3d27d4eb4fu);
    }
  };

  Write* FindWrite(SpaceId space, uint64_t page);
  Write* Take(uint16_t ns, SpaceId space, uint64_t page);

  std::vector<Write> writes_;
  std::unordered_map<Place, size_t, Hash> by_page_;  // of the first indexed_
  size_t indexed_ = 0;
  std::vector<PageOp> ops_;
  uint64_t bytes_ = 0;  // of images
};

}  // namespace cairn

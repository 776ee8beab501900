// Edits: the only ways in which a page changes, and their encoded form, the delta.
//
//   image after == Fold(kind, image before, delta)
//
// to the byte, because Fold does what the editor did, by the same code. A delta is edits one behind
// the other, each a byte that names it and its arguments (docs/pages.md); numbers are varints:
//
//   1 insert         i, bytes, entry            entry i is this one; those from i on move up
//   2 remove         i, n                       entries [i, i + n)
//   3 replace tail   i, flags, bytes, tail      what follows the key of a leaf's entry i
//   4 bump           i, by (zigzag)             count of child i, and of a root that of all
//   5 set child      i, count, page 6, due 6    child i, of which the separator stays
//   6 widen                                     the entries of an inner page get a due time
//   7 overwrite      at, bytes, them            in a raw page
//   8 append         bytes, them                to a raw page
//   9 truncate       size                       of a raw page, behind its head
//  10 set head       height, count, due, next   of a root
//
// Pure. An edit that cannot be made (i too large, a page that makes no sense) changes nothing, or
// leaves a sound image that is not to be used, and says false.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/spaces.h"
#include "tree/page.h"

namespace cairn::tree {

// A page that is being changed.
struct Staging {
  std::string image;
  std::string delta;   // of what the image was at first
  bool whole = false;  // the delta is not kept: it would be longer than the image
};

class Editor {
 public:
  // `root`: the slotted page stands behind a root's head.
  Editor(Staging* staging, bool root)
      : staging_(*staging), image_(staging->image), base_(root ? kRootHeadBytes : 0) {}

  bool Insert(uint32_t i, std::string_view entry);
  bool Remove(uint32_t i, uint32_t n);
  bool ReplaceTail(uint32_t i, uint8_t flags, std::string_view tail);
  // As ReplaceTail, of a payload that lies inside by one as long.
  bool ReplacePayload(uint32_t i, std::string_view payload);
  bool Bump(uint32_t i, int64_t by);
  bool SetChild(uint32_t i, const Child& child);
  bool Widen();
  bool Overwrite(uint64_t at, std::string_view bytes);
  bool Append(std::string_view bytes);
  bool Truncate(uint64_t size);
  bool SetHead(const RootHead& head);
  // All of a root, which has no delta then.
  bool SetImage(std::string_view image);
  // The next edit of a delta.
  bool Apply(Reader* delta);

 private:
  bool Open(Node* node) const {
    return image_.size() > base_ && node->Open({image_.data() + base_, image_.size() - base_});
  }
  bool OpenRaw() const { return base_ == 0 && image_.size() >= kNodeHeadBytes; }
  bool Splice(uint32_t at, uint32_t old_bytes, uint32_t new_bytes);
  bool Rebuild(const Node& node, uint32_t without, uint32_t n);
  // Adds an edit to the delta, or gives the delta up.
  template <typename... Numbers>
  void Record(uint8_t edit, std::string_view bytes, Numbers... numbers);

  Staging& staging_;
  std::string& image_;
  const size_t base_;
};

// What follows the key of an entry, for ReplaceTail; of a list leaf all of it.
inline std::string_view TailOf(const LeafEntry& entry) { return entry.bytes.substr(entry.tail); }

class TreeFolds final : public PageFolds {
 public:
  static const TreeFolds& Get();
  // kCorruption: says which edit of the delta, and of what kind of page.
  Status Fold(uint8_t kind, std::string_view image, std::string_view delta,
              std::string* folded) const override;
};

}  // namespace cairn::tree

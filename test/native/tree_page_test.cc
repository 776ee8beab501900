// Pages and their deltas: the bytes of docs/pages.md, edits against a vector of entries, and
// damage.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "environment.h"
#include "hex.h"
#include "tree/edit.h"
#include "tree/page.h"
#include "tree/score.h"

using cairn::Code;
using cairn::Status;
using cairn::testing::Hex;
using cairn::testing::Runs;
using namespace cairn::tree;

namespace {

using Random = std::mt19937_64;

std::string Entry(uint64_t head, const std::string& rest, const std::string& payload,
                  uint64_t due = 0) {
  LeafEntry entry;
  entry.head = head;
  entry.rest = rest;
  entry.payload = payload;
  entry.due = due;
  std::string bytes;
  AppendLeafEntry(PageKind::kOrderedLeaf, entry, &bytes);
  return bytes;
}

std::string Inner(PageKind kind, bool wide, const Child& child, const std::string& separator) {
  InnerEntry entry;
  entry.child = child;
  entry.separator = separator;
  std::string bytes;
  AppendInnerEntry(kind, wide, entry, &bytes);
  return bytes;
}

std::string Page(PageKind kind, bool wide, const std::vector<std::string>& entries) {
  NodeBuilder builder(kind, wide);
  for (const std::string& entry : entries) builder.Add(entry);
  return builder.Finish();
}

std::vector<std::string> EntriesOf(const std::string& image) {
  Node node;
  REQUIRE(node.Open(image));
  std::vector<std::string> entries;
  for (uint32_t i = 0; i < node.count(); ++i) {
    LeafEntry leaf;
    InnerEntry inner;
    REQUIRE((IsLeaf(node.kind()) ? node.Leaf(i, &leaf) : node.Inner(i, &inner)));
    entries.emplace_back(IsLeaf(node.kind()) ? leaf.bytes : inner.bytes);
  }
  return entries;
}

std::string Folded(PageKind kind, const std::string& image, const std::string& delta) {
  std::string folded;
  const Status status = TreeFolds::Get().Fold(static_cast<uint8_t>(kind), image, delta, &folded);
  INFO(status.message());
  REQUIRE(status.ok());
  return folded;
}

// A leaf with everything in it, and one edit of each kind.
std::string RichLeaf() {
  LeafEntry outside;
  outside.head = 9;
  outside.rest = "cut";
  outside.outside = true;
  outside.out = {5, {500, 77, 0, 16}};
  std::string last;
  AppendLeafEntry(PageKind::kOrderedLeaf, outside, &last);
  return Page(
      PageKind::kOrderedLeaf, false,
      {Entry(1, "", ""), Entry(2, "field", std::string(150, 'p')), Entry(2, "field2", "x", 5),
       Entry(8, std::string(40, 'r'), "payload", 1u << 30), last});
}

std::string RichInner() {
  return Page(PageKind::kOrderedInner, true,
              {Inner(PageKind::kOrderedInner, true, {3, 20, 0, false}, ""),
               Inner(PageKind::kOrderedInner, true, {700, 21, 99, true}, "m"),
               Inner(PageKind::kOrderedInner, true, {1, 22, 5, false}, "much longer than a head")});
}

}  // namespace

TEST_SUITE_BEGIN("tree");

TEST_CASE("numbers on disk") {
  REQUIRE(FormatByte(PageKind::kOrderedLeaf) == 0x11);
  REQUIRE(FormatByte(PageKind::kListLeaf) == 0x12);
  REQUIRE(FormatByte(PageKind::kOrderedInner) == 0x13);
  REQUIRE(FormatByte(PageKind::kListInner) == 0x14);
  REQUIRE(FormatByte(PageKind::kRaw) == 0x15);
  REQUIRE(FormatByte(PageKind::kRawIndex) == 0x16);
  REQUIRE(FormatByte(PageKind::kRoot) == 0x17);
  REQUIRE(static_cast<uint8_t>(PageKind::kRoot) <= cairn::kPageKindMax);
}

TEST_CASE("scores are in order as numbers, and come back as they were") {
  const double kInfinity = std::numeric_limits<double>::infinity();
  const double scores[] = {-kInfinity, -1.7e308, -2, -1.5, -5e-324, -0.0,
                           0.0,        5e-324,   1,  3.25, 1.7e308, kInfinity};
  uint64_t before = 0;
  for (const double score : scores) {
    const uint64_t head = SortableScore(score);
    REQUIRE((head > before || score == 0));
    before = head;
    double back = 1;
    REQUIRE(ScoreOf(head, ScorePayload(score), &back));
    REQUIRE(std::bit_cast<uint64_t>(back) == std::bit_cast<uint64_t>(score));
  }
  REQUIRE(SortableScore(-0.0) == SortableScore(0.0));
  REQUIRE(ScorePayload(-0.0) != ScorePayload(0.0));
  double score = 0;
  REQUIRE(!ScoreOf(SortableScore(1), kNegativeZero, &score));
  REQUIRE(!ScoreOf(SortableScore(0), "+", &score));
  REQUIRE(!ScoreOf(UINT64_MAX, "", &score));              // not a number
  REQUIRE(!ScoreOf(0, "", &score));                       // nor this
  REQUIRE(!ScoreOf(SortableScore(0.0) - 1, "", &score));  // zero, written otherwise
}

TEST_CASE("the bytes that docs/pages.md shows") {
  const std::string leaf =
      Page(PageKind::kOrderedLeaf, false, {Entry(1, "a", "x"), Entry(2, "bc", "", 0x112233)});
  REQUIRE(Hex(leaf) ==
          "11000200260000000000000000000001\n"
          "04610178000000000000000209626300\n"
          "33221100000008001400");
  const std::string inner = Page(PageKind::kOrderedInner, false,
                                 {Inner(PageKind::kOrderedInner, false, {2, 16, 0, false}, ""),
                                  Inner(PageKind::kOrderedInner, false, {3, 17, 0, true}, "m")});
  REQUIRE(Hex(RootImage({1, 5, 0, 18}, inner)) ==
          "17010500000000000000000000001200\n"
          "00000000130002002c00000002000000\n"
          "00001000000000000000030000000000\n"
          "11000000008004006d00000000000000\n"
          "08001600");
  Staging staging{leaf, "", false};
  Editor editor(&staging, false);
  REQUIRE(editor.Insert(1, Entry(1, "b", "y")));
  REQUIRE(editor.ReplaceTail(0, 0, std::string("\x01z", 2)));
  REQUIRE(Hex(staging.delta) ==
          "01010c00000000000000010462017903\n"
          "000002017a");
  REQUIRE(Hex(staging.image) ==
          "11000300320000000000000000000001\n"
          "0461017a000000000000000209626300\n"
          "33221100000000000000000000010462\n"
          "0179080026001400");
  REQUIRE(Folded(PageKind::kOrderedLeaf, leaf, staging.delta) == staging.image);
}

TEST_CASE("edits of slotted pages against a vector of entries") {
  for (uint64_t seed = 1; seed <= Runs(60); ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const bool leaf = seed % 2 == 0;
    const PageKind kind = leaf ? PageKind::kOrderedLeaf : PageKind::kOrderedInner;
    bool wide = false;
    std::vector<std::string> model;
    std::string before = Page(kind, wide, model);
    const auto some = [&] {
      if (leaf) {
        const uint64_t due = random() % 3 == 0 ? random() % kNumber48Max + 1 : 0;
        return Entry(random(), std::string(random() % 40, 'r'), std::string(random() % 200, 'p'),
                     due);
      }
      return Inner(kind, wide, {random() % 1000, random() % 1000, 0, random() % 2 == 0},
                   std::string(random() % 20, 's'));
    };
    for (int round = 0; round < 40; ++round) {
      Staging staging{before, "", false};
      Editor editor(&staging, false);
      for (uint64_t edits = random() % 4; edits > 0; --edits) {
        const auto i = static_cast<uint32_t>(random() % (model.size() + 1));
        const uint64_t what = random() % 8;
        if (what < 4 && model.size() < 60) {
          const std::string entry = some();
          REQUIRE(editor.Insert(i, entry));
          model.insert(model.begin() + i, entry);
        } else if (i == model.size()) {
          REQUIRE(!editor.Remove(i, 1));
        } else if (what < 6) {
          const auto n = static_cast<uint32_t>(
              random() % 3 == 0 ? std::min<uint64_t>(random() % 5 + 1, model.size() - i) : 1);
          REQUIRE(editor.Remove(i, n));
          model.erase(model.begin() + i, model.begin() + i + n);
        } else if (leaf) {
          Node node;
          LeafEntry old, other;
          const std::string entry = some();
          REQUIRE(node.Open(staging.image));
          REQUIRE(node.Leaf(i, &old));
          const std::string one = Page(kind, false, {entry});
          Node single;
          REQUIRE(single.Open(one));
          REQUIRE(single.Leaf(0, &other));
          other.head = old.head;
          const std::string rest(old.rest);
          other.rest = rest;
          std::string whole;
          AppendLeafEntry(kind, other, &whole);
          const size_t tail = old.tail;
          REQUIRE(editor.ReplaceTail(i, other.due != 0 ? kHasDue : 0,
                                     std::string_view(whole).substr(tail)));
          model[i] = whole;
        } else {
          Node node;
          InnerEntry old;
          REQUIRE(node.Open(staging.image));
          REQUIRE(node.Inner(i, &old));
          const std::string separator(old.separator);
          Child child = old.child;
          if (random() % 2 == 0) {
            child.count += 7;
            REQUIRE(editor.Bump(i, 7));
            REQUIRE(!editor.Bump(i, -static_cast<int64_t>(child.count) - 1));
          } else {
            child = {random() % 100, random() % 100, wide ? random() % 5 : 0, random() % 2 == 0};
            REQUIRE(editor.SetChild(i, child));
            REQUIRE(!(!wide && editor.SetChild(i, {1, 1, 1, false})));
          }
          model[i] = Inner(kind, wide, child, separator);
        }
      }
      if (!leaf && round == 20) {
        REQUIRE(editor.Widen());
        wide = true;
        model = EntriesOf(staging.image);
      }
      REQUIRE(EntriesOf(staging.image) == model);
      size_t bytes = kNodeHeadBytes;
      for (const std::string& entry : model) bytes += entry.size() + 2;
      REQUIRE(staging.image.size() == bytes);
      if (!staging.whole) REQUIRE(Folded(kind, before, staging.delta) == staging.image);
      before = staging.image;
    }
  }
}

TEST_CASE("a bump in a root counts in its head too") {
  const std::string inner = Page(PageKind::kOrderedInner, false,
                                 {Inner(PageKind::kOrderedInner, false, {2, 16, 0, false}, ""),
                                  Inner(PageKind::kOrderedInner, false, {3, 17, 0, false}, "m")});
  const std::string before = RootImage({1, 5, 0, 18}, inner);
  Staging staging{before, "", false};
  Editor editor(&staging, true);
  REQUIRE(editor.Bump(1, 4));
  REQUIRE(!editor.Bump(1, -8));
  REQUIRE(!editor.Bump(1, INT64_MIN));
  REQUIRE(!editor.Bump(1, INT64_MAX));
  REQUIRE(!editor.Bump(1, static_cast<int64_t>(kNumber48Max) - 6));
  RootHead head;
  REQUIRE(LoadRootHead(staging.image, &head));
  REQUIRE(head.count == 9);
  REQUIRE(EntriesOf(staging.image.substr(kRootHeadBytes))[1] ==
          Inner(PageKind::kOrderedInner, false, {7, 17, 0, false}, "m"));
  REQUIRE(staging.delta.size() == 3);
  REQUIRE(Folded(PageKind::kRoot, before, staging.delta) == staging.image);
}

TEST_CASE("edits of raw pages") {
  Staging staging{NewRaw(PageKind::kRaw), "", false};
  const std::string before = staging.image;
  Editor editor(&staging, false);
  REQUIRE(editor.Append("0123456789"));
  REQUIRE(editor.Overwrite(3, "abc"));
  REQUIRE(!editor.Overwrite(8, "abc"));
  REQUIRE(!editor.Overwrite(UINT64_MAX, "abc"));
  REQUIRE(editor.Truncate(7));
  REQUIRE(!editor.Truncate(8));
  std::string_view bytes;
  REQUIRE(RawBytes(PageKind::kRaw, staging.image, &bytes));
  REQUIRE(bytes == "012abc6");
  REQUIRE(Folded(PageKind::kRaw, before, staging.delta) == staging.image);
  REQUIRE(!editor.Append(std::string(cairn::kPageBytesMax, 'x')));
}

TEST_CASE("a delta that would be longer than the image is not kept") {
  Staging staging{RichLeaf(), "", false};
  Editor editor(&staging, false);
  for (int i = 0; i < 40; ++i) {
    REQUIRE(editor.ReplaceTail(0, 0, std::string("\x14") + std::string(20, 'v')));
  }
  REQUIRE(staging.whole);
  REQUIRE(staging.delta.empty());
}

TEST_CASE("Fold refuses what is no delta of such a page") {
  const TreeFolds& folds = TreeFolds::Get();
  std::string folded;
  const auto refused = [&](PageKind kind, std::string_view image, std::string_view delta) {
    return folds.Fold(static_cast<uint8_t>(kind), image, delta, &folded).code() ==
           Code::kCorruption;
  };
  const std::string leaf = RichLeaf(), inner = RichInner(), raw = NewRaw(PageKind::kRaw);
  REQUIRE(!refused(PageKind::kOrderedLeaf, leaf, ""));
  REQUIRE(folded == leaf);
  REQUIRE(refused(PageKind::kOrderedLeaf, {}, ""));
  REQUIRE(refused(PageKind::kListLeaf, leaf, ""));
  REQUIRE(refused(static_cast<PageKind>(0), leaf, ""));
  REQUIRE(refused(static_cast<PageKind>(8), leaf, ""));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x02\x05\x01", 3)));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x02\x00\x00", 3)));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x02\x00", 2)));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x04\x00\x02", 3)));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x08\x01x", 3)));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x01\x00\x02xy", 5)));
  REQUIRE(refused(PageKind::kOrderedLeaf, leaf, std::string_view("\x0a\x00\x00\x00\x00", 5)));
  REQUIRE(refused(PageKind::kOrderedInner, inner, std::string_view("\x06", 1)));
  REQUIRE(refused(PageKind::kOrderedInner, inner, std::string_view("\x04\x00\x07", 3)));  // -4 of 3
  REQUIRE(!refused(PageKind::kOrderedInner, inner, std::string_view("\x04\x00\x05", 3)));
  REQUIRE(refused(PageKind::kRaw, raw, std::string_view("\x02\x00\x01", 3)));
  REQUIRE(refused(PageKind::kRaw, raw, std::string_view("\x07\x00\x01x", 4)));
}

TEST_CASE("Validate says what is wrong") {
  const std::string leaf = RichLeaf(), inner = RichInner();
  REQUIRE(Validate(PageKind::kOrderedLeaf, leaf).ok());
  REQUIRE(Validate(PageKind::kOrderedInner, inner).ok());
  const auto wrong = [](PageKind kind, std::string image, size_t at, char byte) {
    image[at] = byte;
    const Status status = Validate(kind, image);
    REQUIRE(status.code() == Code::kCorruption);
    return status.message();
  };
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, 0, '\x01') == "not a page of a tree");
  REQUIRE(Validate(PageKind::kOrderedLeaf, "\x21" + leaf.substr(1)).code() == Code::kInvalid);
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, 0, '\x13').find("entry") == 0);
  // Flags and spare bytes without a meaning.
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, 1, '\x01') == "not a page of a tree");
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, 7, '\x01') == "not a page of a tree");
  REQUIRE(wrong(PageKind::kOrderedInner, inner, 1, '\x03') == "not a page of a tree");
  REQUIRE(wrong(PageKind::kOrderedInner, inner, 6, '\x01') == "not a page of a tree");
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, 2, '\x04') == "not a page of a tree");
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, 15, '\x03') == "entry 1: out of order");
  REQUIRE(wrong(PageKind::kOrderedLeaf, leaf, leaf.size() - 10, '\x09') != "");
  REQUIRE(wrong(PageKind::kOrderedInner, inner, 8, '\x00') == "entry 0: counts nothing");
  REQUIRE(wrong(PageKind::kOrderedInner, inner, 14, '\x00') == "entry 0: names no page");
  const std::string root = RootImage({0, 5, 5, 16}, leaf);
  REQUIRE(Validate(PageKind::kRoot, root).ok());
  REQUIRE(wrong(PageKind::kRoot, root, 1, '\x01') == "not of its height");
  REQUIRE(wrong(PageKind::kRoot, root, 14, '\x0f') == "not a root");
  REQUIRE(wrong(PageKind::kRoot, root, 19, '\x80') == "not a root");
  REQUIRE(wrong(PageKind::kRoot, root, 2, '\x06') ==
          "count or due time is not that of the entries");
  // An offset that names the entry before again.
  std::string twice = leaf;
  twice[leaf.size() - 8] = twice[leaf.size() - 10];
  twice[leaf.size() - 7] = twice[leaf.size() - 9];
  REQUIRE(!Validate(PageKind::kOrderedLeaf, twice).ok());
  REQUIRE(Validate(PageKind::kRawIndex, NewRaw(PageKind::kRawIndex) + std::string(12, '\0')).ok());
  REQUIRE(!Validate(PageKind::kRawIndex, NewRaw(PageKind::kRawIndex) + std::string(11, '\0')).ok());
}

TEST_CASE("random bytes of images and deltas end in an error or in a page") {
  Random random(11);
  const struct {
    PageKind kind;
    std::string image;
  } pages[] = {{PageKind::kOrderedLeaf, RichLeaf()},
               {PageKind::kOrderedInner, RichInner()},
               {PageKind::kRoot, RootImage({0, 5, 5, 16}, RichLeaf())},
               {PageKind::kRaw, NewRaw(PageKind::kRaw) + "some bytes"}};
  for (uint64_t run = 0; run < Runs(60000); ++run) {
    const auto& page = pages[random() % std::size(pages)];
    std::string image = page.image, delta;
    if (random() % 2 == 0) {
      for (uint64_t n = random() % 4; n > 0; --n)
        image[random() % image.size()] = static_cast<char>(random());
      if (random() % 4 == 0) image.resize(random() % (image.size() + 20));
    }
    for (uint64_t n = random() % 4; n > 0; --n) {
      delta.push_back(static_cast<char>(random() % 12));
      for (uint64_t bytes = random() % 30; bytes > 0; --bytes)
        delta.push_back(static_cast<char>(random() % 3 == 0 ? random() : random() % 12));
    }
    const bool sound = Validate(page.kind, image).ok();
    std::string folded;
    if (!TreeFolds::Get().Fold(static_cast<uint8_t>(page.kind), image, delta, &folded).ok())
      continue;
    if (sound && page.kind != PageKind::kRoot && page.kind != PageKind::kRaw)
      (void)EntriesOf(folded);
  }
}

TEST_SUITE_END();

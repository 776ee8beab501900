// Trees whose pages are damaged at random: every operation ends in an error or in an answer, and
// reads nothing that is not there.
#include <iterator>
#include <map>
#include <string>

#include "environment.h"
#include "tree/tree.h"
#include "tree_shapes.h"
#include "tree_testing.h"

using cairn::testing::FromEnvironment;
using cairn::testing::MapPager;
using cairn::testing::Runs;
using cairn::testing::SmallShape;
using namespace cairn::tree;

TEST_SUITE_BEGIN("tree");

namespace {

constexpr uint64_t kElements = 200;

std::string RestOf(uint64_t i) {
  return i % 3 == 0 ? std::string(60, 'x') + std::to_string(i) : std::to_string(i);
}

void Fill(Tree* tree, MapPager* pager, bool ordered) {
  bool existed = false;
  for (uint64_t i = 0; i < kElements; ++i) {
    const std::string payload(i % 5 == 0 ? 300 : i % 60, 'v');
    const uint64_t due = i % 2 == 0 ? i + 1 : 0;
    pager->Do([&] {
      const Outcome put = ordered ? tree->Put({i / 3, RestOf(i)}, {payload, due}, &existed)
                                  : tree->Insert(i % 7 == 0 ? i / 2 : i, {payload, due});
      return put == Outcome::kDone ? Seal(pager) : put;
    });
  }
}

void Damage(std::map<uint64_t, MapPager::Page>* pages, std::mt19937_64& random) {
  for (uint64_t n = random() % 3 + 1; n > 0; --n) {
    std::string& image =
        std::next(pages->begin(), static_cast<long>(random() % pages->size()))->second.image;
    if (image.empty()) continue;
    const uint64_t how = random() % 8;
    if (how == 0) image.resize(random() % image.size());
    if (how == 1) image = std::next(pages->begin(), static_cast<long>(random() % 50))->second.image;
    for (uint64_t bytes = random() % 3 + 1; how > 1 && bytes > 0; --bytes) {
      image[random() % image.size()] =
          static_cast<char>(random() % 2 == 0 ? random() : random() % 30);
    }
  }
}

class Damaged {
 public:
  Damaged(bool ordered, uint64_t seed)
      : random(seed), pager(1), ordered_(ordered), tree_(SmallShape(ordered), &pager) {
    pager.pages[0].image = Tree::EmptyRoot(SmallShape(ordered));
    Fill(&tree_, &pager, ordered);
  }

  bool Check() {
    return pager.Try([&] { return tree_.Check(); }) == Outcome::kDone;
  }
  void DoAll() {
    Walk(true);
    Walk(false);
    (void)pager.Try([&] { return tree_.Want(random() % 200, random() % 200); });
    (void)pager.Try([&] {
      Outcome o = tree_.FirstDue(100, &cursor_);
      for (int i = 0; i < 300 && o == Outcome::kDone && cursor_.found; ++i)
        o = tree_.NextDue(100, &cursor_);
      return o;
    });
    ordered_ ? DoOrdered() : DoList();
    Changed([&] { return tree_.EraseRange(random() % 200, random() % 200); });
  }

  std::mt19937_64 random;
  MapPager pager;

 private:
  void Walk(bool forward) {
    (void)pager.Try([&] {
      Outcome o = tree_.Seek(random() % 200, &cursor_);
      for (int i = 0; i < 500 && o == Outcome::kDone && cursor_.found; ++i) {
        std::string one, other;
        std::string_view view;
        if (o = tree_.KeyRest(cursor_.entry, &one, &view); o != Outcome::kDone) return o;
        // A damaged length of a blob says how many zeros it has.
        if (cursor_.entry.payload_bytes() < 100000) {
          if (o = tree_.Payload(cursor_.entry, &other, &view); o != Outcome::kDone) return o;
        }
        o = forward ? tree_.Next(&cursor_) : tree_.Prev(&cursor_);
      }
      return o;
    });
  }
  template <typename Operation>
  void Changed(Operation&& operation) {
    (void)pager.Try([&] {
      Outcome o = operation();
      if (o == Outcome::kDone) o = cairn::tree::Seal(&pager);
      if (o == Outcome::kDone) o = tree_.Check();
      return o;
    });
  }
  void DoOrdered() {
    const uint64_t any = random() % 210;
    const std::string rest = RestOf(any);
    const Key key{any / 3, rest};
    uint64_t rank = 0;
    bool existed = false;
    (void)pager.Try([&] { return tree_.Find(key, &cursor_); });
    (void)pager.Try([&] { return tree_.LowerBound(key, &cursor_); });
    (void)pager.Try([&] { return tree_.Rank(key, &rank); });
    Changed([&] { return tree_.Put(key, {std::string(50, 'n'), 7}, &existed); });
    Changed([&] { return tree_.Put(key, {std::string(400, 'n'), 0}, &existed); });
    Changed([&] { return tree_.Erase(key, &existed); });
  }
  void DoList() {
    const auto at = [&](auto&& operation) {
      Changed([&] {
        const Outcome o = tree_.Seek(random() % 200, &cursor_);
        return o == Outcome::kDone && cursor_.found ? operation() : o;
      });
    };
    for (const size_t bytes : {50, 400}) {
      Changed([&] {
        RootHead head;
        const Outcome o = tree_.Head(&head);
        if (o != Outcome::kDone) return o;
        return tree_.Insert(random() % (head.count + 1), {std::string(bytes, 'n'), 0});
      });
      at([&] { return tree_.Replace(cursor_, {std::string(bytes, 'n'), 5}); });
    }
    at([&] { return tree_.Erase(cursor_); });
  }

  const bool ordered_;
  Tree tree_;
  Cursor cursor_;
};

}  // namespace

TEST_CASE("trees with damaged pages end in errors or answers") {
  for (const bool ordered : {true, false}) {
    INFO("ordered " << ordered);
    Damaged damaged(ordered, FromEnvironment("CAIRN_TREE_SEED", 3));
    REQUIRE(damaged.Check());
    const auto sound = damaged.pager.pages;
    uint64_t found_by_check = 0;
    const uint64_t runs = Runs(600);
    for (uint64_t run = 0; run < runs; ++run) {
      INFO("run " << run);
      damaged.pager.pages = sound;
      Damage(&damaged.pager.pages, damaged.random);
      found_by_check += !damaged.Check();
      damaged.DoAll();
    }
    // 72 to 74 of a hundred. What is not found are payloads, and bytes that were what they became.
    REQUIRE(found_by_check > runs * 6 / 10);
  }
}

TEST_CASE("a page that is named many times is looked at once") {
  // Each of 20 levels names the page below 16 times: 2^80 paths.
  MapPager pager(1);
  constexpr uint64_t kTimes = 16;
  uint64_t below = 0, count = 0;
  pager.Do([&] {
    NodeBuilder leaf(PageKind::kListLeaf, false);
    leaf.Add(std::string_view("\x04x", 2));
    count = 1;
    if (const Outcome o = pager.New(PageKind::kListLeaf, leaf.Finish(), &below);
        o != Outcome::kDone) {
      return o;
    }
    for (uint64_t level = 1; level <= 10; ++level) {
      NodeBuilder inner(PageKind::kListInner, false);
      std::string entry;
      InnerEntry one;
      one.child.page = below;
      one.child.count = count;
      AppendInnerEntry(PageKind::kListInner, false, one, &entry);
      for (uint64_t i = 0; i < kTimes; ++i) inner.Add(entry);
      count *= kTimes;
      if (level == 10) {
        pager.pages[0].image = RootImage({10, count, 0, 100}, inner.Finish());
        return Outcome::kDone;
      }
      if (const Outcome o = pager.New(PageKind::kListInner, inner.Finish(), &below);
          o != Outcome::kDone) {
        return o;
      }
    }
    return Outcome::kDone;
  });
  Tree tree(SmallShape(false), &pager);
  REQUIRE(pager.Try([&] { return tree.Check(); }) == Outcome::kFailed);
  REQUIRE(pager.status().message() == "page 16: is named twice");
}

TEST_CASE("pages of a newer format are told as such, and damaged heads of roots as damage") {
  Damaged damaged(true, 1);
  MapPager& pager = damaged.pager;
  const auto sound = pager.pages;
  const auto told = [&] {
    REQUIRE(!damaged.Check());
    const cairn::Status status = pager.status();
    damaged.DoAll();
    pager.pages = sound;
    return status;
  };
  const auto set48 = [&](size_t at, uint64_t number) {
    Store48(&pager.pages[0].image[at], number);
  };
  using cairn::Code;
  pager.pages.begin()->second.image[0] = '\x27';
  REQUIRE(told().message() == "root 0: of format 2: written by a newer server");
  pager.pages[0].image[kRootHeadBytes] = '\x23';
  REQUIRE(told().code() == Code::kInvalid);
  for (auto& [page, kept] : pager.pages) {
    if (kept.kind != PageKind::kOrderedLeaf) continue;
    kept.image[0] = '\x31';
    const std::string wanted =
        "page " + std::to_string(page) + ": of format 3: written by a newer server";
    REQUIRE(told().message() == wanted);
    break;
  }
  for (auto& [page, kept] : pager.pages) {
    if (kept.kind == PageKind::kRaw) kept.image[0] = '\x25';
  }
  REQUIRE(told().code() == Code::kInvalid);
  // The next page id: none of a page, none that could be given, one that was given.
  for (const uint64_t next : {uint64_t{1}, kFirstPage - 1, kPageIdMax + 1, kNumber48Max}) {
    set48(14, next);
    REQUIRE(told().code() == Code::kCorruption);
  }
  Store16(&pager.pages[0].image[kRootHeadBytes + 6], 1);
  REQUIRE(told().code() == Code::kCorruption);
  pager.pages[0].image[kRootHeadBytes + 1] |= 2;
  REQUIRE(told().code() == Code::kCorruption);
}

TEST_CASE("a root tells whether its elements have keys, unless it is none") {
  for (const bool ordered : {false, true}) {
    Damaged damaged(ordered, 1);
    MapPager& pager = damaged.pager;
    RootHead head;
    bool told = !ordered;
    const auto read = [&] { return pager.Try([&] { return ReadKind(&pager, 0, &head, &told); }); };
    REQUIRE(read() == Outcome::kDone);
    REQUIRE(told == ordered);
    REQUIRE(head.count == kElements);
    std::string& image = pager.pages[0].image;
    const std::string sound = image;
    image[kRootHeadBytes] = '\x15';  // a raw page
    REQUIRE(read() == Outcome::kFailed);
    REQUIRE(pager.status().message() == "root 0: is no root");
    image = sound;
    image[kRootHeadBytes] = '\x23';
    REQUIRE(read() == Outcome::kFailed);
    REQUIRE(pager.status().code() == cairn::Code::kInvalid);
    image = sound.substr(0, kRootHeadBytes);
    REQUIRE(read() == Outcome::kFailed);
    REQUIRE(pager.status().code() == cairn::Code::kCorruption);
  }
}

TEST_SUITE_END();

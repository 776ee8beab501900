// Trees whose pages are damaged at random: every operation ends in an error or in an answer, and
// reads nothing that is not there.
#include <iterator>
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

TEST_CASE("trees with damaged pages end in errors or answers") {
  MapPager pager(1);
  const TreeShape shape = SmallShape(true);
  pager.pages[0].image = Tree::EmptyRoot(shape);
  Tree tree(shape, &pager);
  bool existed = false;
  std::mt19937_64 random(FromEnvironment("CAIRN_TREE_SEED", 3));
  const auto rest_of = [](uint64_t i) {
    return i % 3 == 0 ? std::string(60, 'x') + std::to_string(i) : std::to_string(i);
  };
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string payload(i % 5 == 0 ? 300 : i % 60, 'v');
    pager.Do([&] {
      const Outcome put =
          tree.Put({i / 3, rest_of(i)}, {payload, i % 2 == 0 ? i + 1 : 0}, &existed);
      return put == Outcome::kDone ? tree.Seal() : put;
    });
  }
  const auto sound = pager.pages;
  uint64_t found_by_check = 0, runs = Runs(600);
  for (uint64_t run = 0; run < runs; ++run) {
    INFO("run " << run);
    pager.pages = sound;
    for (uint64_t n = random() % 3 + 1; n > 0; --n) {
      std::string& image =
          std::next(pager.pages.begin(), static_cast<long>(random() % pager.pages.size()))
              ->second.image;
      if (image.empty()) continue;
      const uint64_t how = random() % 8;
      if (how == 0) image.resize(random() % image.size());
      if (how == 1)
        image = std::next(pager.pages.begin(), static_cast<long>(random() % 50))->second.image;
      for (uint64_t bytes = random() % 3 + 1; how > 1 && bytes > 0; --bytes)
        image[random() % image.size()] =
            static_cast<char>(random() % 2 == 0 ? random() : random() % 30);
    }
    found_by_check += pager.Try([&] { return tree.Check(); }) == Outcome::kFailed;
    const uint64_t any = random() % 210;
    const std::string rest = rest_of(any);
    const Key key{any / 3, rest};
    Cursor cursor;
    uint64_t rank = 0;
    const auto walk = [&](bool forward) {
      return pager.Try([&] {
        Outcome o = tree.Seek(random() % 200, &cursor);
        for (int i = 0; i < 500 && o == Outcome::kDone && cursor.found; ++i) {
          std::string one, other;
          std::string_view view;
          if (o = tree.KeyRest(cursor.entry, &one, &view); o != Outcome::kDone) return o;
          // A damaged length of a blob says how many zeros it has.
          if (cursor.entry.payload_bytes() < 100000) {
            if (o = tree.Payload(cursor.entry, &other, &view); o != Outcome::kDone) return o;
          }
          o = forward ? tree.Next(&cursor) : tree.Prev(&cursor);
        }
        return o;
      });
    };
    const auto changed = [&](auto&& operation) {
      (void)pager.Try([&] {
        Outcome o = operation();
        if (o == Outcome::kDone) o = tree.Check();
        return o;
      });
    };
    (void)walk(true);
    (void)walk(false);
    (void)pager.Try([&] { return tree.Find(key, &cursor); });
    (void)pager.Try([&] { return tree.LowerBound(key, &cursor); });
    (void)pager.Try([&] { return tree.Rank(key, &rank); });
    (void)pager.Try([&] { return tree.Want(random() % 200, random() % 200); });
    (void)pager.Try([&] {
      Outcome o = tree.FirstDue(100, &cursor);
      for (int i = 0; i < 300 && o == Outcome::kDone && cursor.found; ++i)
        o = tree.NextDue(100, &cursor);
      return o;
    });
    changed([&] { return tree.Put(key, {std::string(50, 'n'), 7}, &existed); });
    changed([&] { return tree.Put(key, {std::string(400, 'n'), 0}, &existed); });
    changed([&] { return tree.Erase(key, &existed); });
    changed([&] { return tree.EraseRange(random() % 200, random() % 200); });
  }
  REQUIRE(found_by_check > runs * 7 / 10);
}

TEST_SUITE_END();

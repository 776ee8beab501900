// Trees against std::map and std::vector: random operations on small pages that leave memory all
// the time, everything checked after each step.
#include "tree/tree.h"

#include <algorithm>
#include <map>
#include <vector>

#include "environment.h"
#include "tree/build.h"
#include "tree_shapes.h"
#include "tree_testing.h"

using cairn::testing::MapPager;
using cairn::testing::Runs;
using cairn::testing::SmallShape;
using namespace cairn::tree;

namespace {

using Random = std::mt19937_64;

struct ModelKey {
  uint64_t head;
  std::string rest;
  auto operator<=>(const ModelKey&) const = default;
  Key key() const { return {head, rest}; }
};
struct ModelValue {
  std::string payload;
  uint64_t due = 0;
  Value value() const { return {payload, due}; }
};

// Few heads, so that many are equal; rests that differ early, late, and only outside.
ModelKey SomeKey(Random& random) {
  ModelKey key{random() % 3 == 0 ? random() : (random() % 6) << (random() % 60), ""};
  const uint64_t shape = random() % 20;
  if (shape < 12) {
    key.rest = std::to_string(random() % 400);
  } else if (shape < 15) {
    key.rest.assign(random() % 8, static_cast<char>(random() % 2 * 255));
  } else if (shape < 19) {
    key.rest = std::string(28 + random() % 8, 'x') + std::to_string(random() % 40);
  } else {
    key.rest =
        std::string(200, 'x') + std::string(random() % 3 * 30, 'y') + std::to_string(random() % 10);
  }
  return key;
}

std::string SomePayload(Random& random) {
  static const size_t kBytes[] = {0, 1, 3, 8, 8, 20, 30, 45, 60, 63, 64, 65, 100, 300};
  const size_t bytes = random() % 500 == 0 ? 13000 : kBytes[random() % std::size(kBytes)];
  return std::string(bytes, static_cast<char>('a' + random() % 26));
}

uint64_t SomeDue(Random& random, bool dues) {
  return dues && random() % 3 == 0 ? 1000 + random() % 500 : 0;
}

class OrderedPair {
 public:
  OrderedPair(uint64_t seed, const TreeShape& shape)
      : shape_(shape), pager(seed), tree(shape, &pager) {
    pager.pages[0].image = Tree::EmptyRoot(shape);
  }

  void Put(const ModelKey& key, const ModelValue& value) {
    bool existed = false;
    const bool looks_first = model.size() % 2 == 0;
    pager.Do([&] {
      return Sealed(looks_first ? FindAndPut(key, value, &existed)
                                : tree.Put(key.key(), value.value(), &existed));
    });
    REQUIRE(existed == (model.count(key) != 0));
    model[key] = value;
  }
  Outcome FindAndPut(const ModelKey& key, const ModelValue& value, bool* existed) {
    Cursor cursor;
    const Outcome found = tree.Find(key.key(), &cursor);
    if (found != Outcome::kDone) return found;
    *existed = cursor.found;
    return cursor.found ? tree.Replace(cursor, value.value())
                        : tree.Add(&cursor, key.key(), value.value());
  }
  void Erase(const ModelKey& key) {
    bool existed = false;
    pager.Do([&] { return Sealed(tree.Erase(key.key(), &existed)); });
    REQUIRE(existed == (model.erase(key) != 0));
  }
  void EraseRange(uint64_t rank, uint64_t count) {
    pager.Do([&] { return Sealed(tree.EraseRange(rank, count)); });
    if (rank >= model.size()) return;
    const auto from = std::next(model.begin(), static_cast<long>(rank));
    model.erase(from, std::next(from, static_cast<long>(std::min(count, model.size() - rank))));
  }
  void SetDue(uint64_t rank, uint64_t due) {
    pager.Do([&] {
      Cursor cursor;
      const Outcome sought = tree.Seek(rank, &cursor);
      return sought == Outcome::kDone ? Sealed(tree.SetDue(cursor, due)) : sought;
    });
    std::next(model.begin(), static_cast<long>(rank))->second.due = due;
  }

  // The element under a cursor is this one of the model.
  Outcome Same(const Cursor& cursor, const std::pair<const ModelKey, ModelValue>& wanted) {
    std::string key, payload;
    std::string_view rest, bytes;
    REQUIRE(cursor.found);
    if (const Outcome read = tree.KeyRest(cursor.entry, &key, &rest); read != Outcome::kDone)
      return read;
    if (const Outcome read = tree.Payload(cursor.entry, &payload, &bytes); read != Outcome::kDone)
      return read;
    REQUIRE(cursor.entry.head == wanted.first.head);
    REQUIRE(rest == wanted.first.rest);
    REQUIRE(bytes == wanted.second.payload);
    REQUIRE(cursor.entry.due == wanted.second.due);
    return Outcome::kDone;
  }

  void CheckAll() {
    pager.DoWarm([&] { return tree.Check(); });
    RootHead head;
    pager.DoWarm([&] { return tree.Head(&head); });
    REQUIRE(head.count == model.size());
    uint64_t due = 0;
    for (const auto& [key, value] : model) {
      if (value.due != 0 && (due == 0 || value.due < due)) due = value.due;
    }
    REQUIRE(head.due == due);
    REQUIRE(head.next_page > pager.pages.rbegin()->first);
    // No page is left over.
    if (model.empty()) REQUIRE(pager.pages.size() == 1);
  }
  // By cursor, in both directions, in slices that go on by key.
  void CheckContent() {
    auto at = model.begin();
    Key from;
    std::string kept;
    while (at != model.end()) {
      auto end = at;
      pager.Do([&] {
        Cursor cursor;
        end = at;
        if (const Outcome o = tree.LowerBound(from, &cursor); o != Outcome::kDone) return o;
        for (int i = 0; i < 20 && end != model.end(); ++i, ++end) {
          if (const Outcome o = Same(cursor, *end); o != Outcome::kDone) return o;
          if (const Outcome o = tree.Next(&cursor); o != Outcome::kDone) return o;
        }
        REQUIRE(cursor.found == (end != model.end()));
        return Outcome::kDone;
      });
      at = end;
      if (at != model.end()) from = {at->first.head, kept = at->first.rest};
    }
    if (model.empty()) return;
    pager.Do([&] {
      Cursor cursor;
      if (const Outcome o = tree.Seek(model.size() - 1, &cursor); o != Outcome::kDone) return o;
      for (auto back = model.rbegin(); back != model.rend(); ++back) {
        REQUIRE(cursor.found);
        REQUIRE(cursor.entry.head == back->first.head);
        if (const Outcome o = tree.Prev(&cursor); o != Outcome::kDone) return o;
      }
      REQUIRE(!cursor.found);
      return Outcome::kDone;
    });
  }
  void CheckKey(const ModelKey& key) {
    const auto found = model.find(key);
    const auto bound = model.lower_bound(key);
    const auto less = static_cast<uint64_t>(std::distance(model.begin(), bound));
    pager.Do([&] {
      Cursor cursor;
      uint64_t rank = 0;
      if (const Outcome o = tree.Find(key.key(), &cursor); o != Outcome::kDone) return o;
      REQUIRE(cursor.found == (found != model.end()));
      if (cursor.found) {
        if (const Outcome o = Same(cursor, *found); o != Outcome::kDone) return o;
      }
      if (const Outcome o = tree.Rank(key.key(), &rank); o != Outcome::kDone) return o;
      REQUIRE(rank == less);
      if (const Outcome o = tree.LowerBound(key.key(), &cursor); o != Outcome::kDone) return o;
      REQUIRE(cursor.found == (bound != model.end()));
      if (!cursor.found) return Outcome::kDone;
      if (const Outcome o = Same(cursor, *bound); o != Outcome::kDone) return o;
      if (const Outcome o = tree.RankOf(cursor, &rank); o != Outcome::kDone) return o;
      REQUIRE(rank == less);
      if (const Outcome o = tree.Seek(less, &cursor); o != Outcome::kDone) return o;
      return Same(cursor, *bound);
    });
  }
  void CheckDue(uint64_t by) {
    std::vector<ModelKey> wanted, seen;
    for (const auto& [key, value] : model) {
      if (value.due != 0 && value.due <= by) wanted.push_back(key);
    }
    pager.Do([&] {
      Cursor cursor;
      seen.clear();
      Outcome o = tree.FirstDue(by, &cursor);
      for (; o == Outcome::kDone && cursor.found; o = tree.NextDue(by, &cursor)) {
        std::string buffer;
        std::string_view rest;
        if (o = tree.KeyRest(cursor.entry, &buffer, &rest); o != Outcome::kDone) return o;
        seen.push_back({cursor.entry.head, std::string(rest)});
      }
      return o;
    });
    REQUIRE(seen == wanted);
  }

  Outcome Sealed(Outcome outcome) {
    return outcome == Outcome::kDone ? cairn::tree::Seal(&pager) : outcome;
  }

 private:
  const TreeShape shape_;

 public:
  MapPager pager;
  Tree tree;
  std::map<ModelKey, ModelValue> model;
};

void RandomOrdered(uint64_t seed, uint64_t steps, const TreeShape& shape, bool dues) {
  INFO("seed " << seed);
  Random random(seed);
  OrderedPair pair(seed, shape);
  pair.pager.cold_one_in = seed % 3 == 0 ? 0 : 4;
  for (uint64_t step = 0; step < steps; ++step) {
    // Grows, then shrinks, and again.
    const bool growing = step / (steps / 4 + 1) % 2 == 0;
    const uint64_t what = random() % 100;
    const auto any = [&] {
      return pair.model.empty() || random() % 4 == 0
                 ? SomeKey(random)
                 : std::next(pair.model.begin(), static_cast<long>(random() % pair.model.size()))
                       ->first;
    };
    if (what < (growing ? 60u : 25u)) {
      pair.Put(SomeKey(random), {SomePayload(random), SomeDue(random, dues)});
    } else if (what < (growing ? 70u : 35u)) {
      pair.Put(any(), {SomePayload(random), SomeDue(random, dues)});
    } else if (what < (growing ? 85u : 85u)) {
      pair.Erase(any());
    } else if (what < 88) {
      const uint64_t size = pair.model.size() + 1;
      pair.EraseRange(random() % size, random() % (growing ? 10 : size / 2 + 2));
    } else if (what < 92 && dues && !pair.model.empty()) {
      pair.SetDue(random() % pair.model.size(), SomeDue(random, true));
    } else {
      pair.CheckKey(any());
    }
    pair.CheckAll();
    if (step % 50 == 0) pair.CheckContent();
    if (dues && step % 10 == 0) pair.CheckDue(1000 + random() % 500);
  }
  pair.CheckContent();
  pair.EraseRange(0, UINT64_MAX);
  pair.CheckAll();
}

class ListPair {
 public:
  ListPair(uint64_t seed, const TreeShape& shape) : pager(seed), tree(shape, &pager) {
    pager.pages[0].image = Tree::EmptyRoot(shape);
  }
  void Insert(uint64_t rank, const std::string& payload) {
    pager.Do([&] { return Sealed(tree.Insert(rank, {payload, 0})); });
    model.insert(model.begin() + static_cast<long>(rank), payload);
  }
  void Replace(uint64_t rank, const std::string& payload) {
    pager.Do([&] {
      Cursor cursor;
      const Outcome sought = tree.Seek(rank, &cursor);
      return sought == Outcome::kDone ? Sealed(tree.Replace(cursor, {payload, 0})) : sought;
    });
    model[rank] = payload;
  }
  void EraseRange(uint64_t rank, uint64_t count) {
    pager.Do([&] { return Sealed(tree.EraseRange(rank, count)); });
    if (rank >= model.size()) return;
    const auto from = model.begin() + static_cast<long>(rank);
    model.erase(from, from + static_cast<long>(std::min<uint64_t>(count, model.size() - rank)));
  }
  void Build(const std::vector<std::string>& payloads) {
    pager.Do([&] {
      Builder builder(&tree);
      for (const std::string& payload : payloads) {
        if (const Outcome o = builder.Add(Key(), {payload, 0}); o != Outcome::kDone) return o;
      }
      return Sealed(builder.Finish());
    });
    model.insert(model.end(), payloads.begin(), payloads.end());
  }
  void CheckAll() {
    pager.DoWarm([&] { return tree.Check(); });
    RootHead head;
    pager.DoWarm([&] { return tree.Head(&head); });
    REQUIRE(head.count == model.size());
    if (model.empty()) REQUIRE(pager.pages.size() == 1);
  }
  void CheckRange(uint64_t rank, uint64_t count) {
    pager.Do([&] {
      Cursor cursor;
      if (const Outcome o = tree.Want(rank, count); o != Outcome::kDone) return o;
      if (const Outcome o = tree.Seek(rank, &cursor); o != Outcome::kDone) return o;
      for (uint64_t i = rank; i < rank + count && i < model.size(); ++i) {
        std::string buffer;
        std::string_view payload;
        REQUIRE(cursor.found);
        if (const Outcome o = tree.Payload(cursor.entry, &buffer, &payload); o != Outcome::kDone)
          return o;
        REQUIRE(payload == model[i]);
        if (const Outcome o = tree.Next(&cursor); o != Outcome::kDone) return o;
      }
      return Outcome::kDone;
    });
  }
  Outcome Sealed(Outcome outcome) {
    return outcome == Outcome::kDone ? cairn::tree::Seal(&pager) : outcome;
  }

  MapPager pager;
  Tree tree;
  std::vector<std::string> model;
};

}  // namespace

TEST_SUITE_BEGIN("tree");

TEST_CASE("an ordered tree behaves like a map: random operations") {
  const uint64_t base = cairn::testing::FromEnvironment("CAIRN_TREE_SEED", 1);
  for (uint64_t run = 0; run < Runs(6); ++run) {
    TreeShape shape = SmallShape(true);
    if (run % 3 == 1) shape.leaf_bytes = 512, shape.root_leaf_bytes = 300;
    RandomOrdered(base + run, Runs(3000), shape, run % 2 == 1);
  }
}

TEST_CASE("a list behaves like a vector: random operations") {
  for (uint64_t seed = 1; seed <= Runs(6); ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    ListPair pair(seed, SmallShape(false));
    pair.pager.cold_one_in = seed % 3 == 0 ? 0 : 4;
    for (uint64_t step = 0; step < Runs(2000); ++step) {
      const bool growing = step / 300 % 2 == 0;
      const uint64_t size = pair.model.size(), what = random() % 100;
      if (what < (growing ? 60u : 25u)) {
        const uint64_t places[] = {0, size, random() % (size + 1)};
        pair.Insert(places[random() % 3], SomePayload(random));
      } else if (what < 70 && size > 0) {
        pair.Replace(random() % size, SomePayload(random));
      } else if (what < 90) {
        pair.EraseRange(random() % 2 == 0 ? 0 : random() % (size + 1),
                        growing ? random() % 4 : random() % 40);
      } else if (what < 93) {
        std::vector<std::string> payloads(random() % 40);
        for (std::string& payload : payloads) payload = SomePayload(random);
        pair.Build(payloads);
      } else {
        pair.CheckRange(random() % (size + 1), random() % 60);
      }
      pair.CheckAll();
      if (step % 50 == 0) pair.CheckRange(0, pair.model.size());
    }
    pair.EraseRange(0, UINT64_MAX);
    pair.CheckAll();
  }
}

TEST_CASE("at both ends pages stay full") {
  TreeShape shape = SmallShape(false);
  shape.leaf_bytes = shape.root_leaf_bytes = 1024;
  for (const bool back : {true, false}) {
    ListPair list(1, shape);
    for (int i = 0; i < 3000; ++i) list.Insert(back ? list.model.size() : 0, std::to_string(i));
    list.CheckAll();
    list.CheckRange(0, 3000);
    const size_t pages = list.pager.PagesOf(PageKind::kListLeaf);
    REQUIRE(list.pager.BytesOf(PageKind::kListLeaf) > (pages - 1) * 1024 * 95 / 100);
    const size_t inner = list.pager.PagesOf(PageKind::kListInner);
    REQUIRE(inner > 0);
    REQUIRE(list.pager.BytesOf(PageKind::kListInner) > (inner - 1) * 256 * 80 / 100);
  }
  shape.ordered = true;
  OrderedPair stream(1, shape);
  for (uint64_t i = 0; i < 2000; ++i)
    stream.Put({i / 3, std::string(7, '\0') + char(i % 3)}, {"x"});
  stream.CheckAll();
  REQUIRE(stream.pager.BytesOf(PageKind::kOrderedLeaf) >
          (stream.pager.PagesOf(PageKind::kOrderedLeaf) - 1) * 1024 * 95 / 100);
}

TEST_CASE("light pages are merged, and the root shrinks") {
  OrderedPair pair(1, SmallShape(true));
  for (uint64_t i = 0; i < 2000; ++i) pair.Put({i * 7919 % 2000, "field"}, {"value"});
  const size_t pages = pair.pager.pages.size();
  // All but every twelfth.
  for (uint64_t i = 0; i < 2000; ++i) {
    if (i % 12 != 0) pair.Erase({i, "field"});
  }
  pair.CheckAll();
  REQUIRE(pair.pager.pages.size() < pages / 4);
  while (pair.model.size() > 3) pair.Erase(pair.model.begin()->first);
  pair.CheckAll();
  pair.CheckContent();
  REQUIRE(pair.pager.pages.size() == 1);
}

TEST_CASE("a change of one element is a small delta") {
  TreeShape shape;
  OrderedPair pair(1, shape);
  for (uint64_t i = 0; i < 5000; ++i)
    pair.Put({i * 0x9e3779b97f4a7c15u, "field"}, {std::string(40, 'v')});
  pair.Put({2500 * 0x9e3779b97f4a7c15u, "field"}, {std::string(40, 'w')});
  REQUIRE(pair.pager.changed == 1);
  REQUIRE(pair.pager.delta_bytes < 50);
  pair.Put({12345, "field"}, {std::string(40, 'w')});
  REQUIRE(pair.pager.delta_bytes < 100);
}

TEST_CASE("cold descents wait for one level at a time, ranges once for their leaves") {
  OrderedPair pair(1, TreeShape());
  for (uint64_t i = 0; i < 20000; ++i) pair.Put({i, "field"}, {"some value of an element"});
  pair.pager.EvictAll();
  RootHead head;
  pair.pager.Do([&] { return pair.tree.Head(&head); });
  REQUIRE(head.height == 2);
  pair.CheckKey({10000, "field"});
  REQUIRE(pair.pager.waves <= 2);
  pair.pager.Do([&] {
    Cursor cursor;
    Outcome o = pair.tree.Want(3000, 1500);
    if (o == Outcome::kDone) o = pair.tree.Seek(3000, &cursor);
    for (int i = 0; i < 1500 && o == Outcome::kDone; ++i) o = pair.tree.Next(&cursor);
    return o;
  });
  // The range may go on in a second inner page.
  REQUIRE(pair.pager.waves <= 4);
}

TEST_CASE("a range goes without its leaves being read") {
  OrderedPair pair(1, TreeShape());
  for (uint64_t i = 0; i < 20000; ++i) pair.Put({i, "field"}, {"some value of an element"});
  pair.CheckAll();
  pair.pager.EvictAll();
  size_t read = 0;
  pair.pager.Do([&] {
    const Outcome o = pair.Sealed(pair.tree.EraseRange(100, 19000));
    read += pair.pager.missing().size();
    return o;
  });
  REQUIRE(pair.pager.changed > 500);
  // Inner pages, a leaf at either end, and what these are merged with.
  REQUIRE(read < 30);
  pair.model.erase(std::next(pair.model.begin(), 100), std::next(pair.model.begin(), 19100));
  pair.CheckAll();
  pair.CheckContent();
}

TEST_CASE("elements with parts outside go together in few waves") {
  ListPair list(1, SmallShape(false));
  // Four of a leaf, each with an index page.
  for (uint64_t i = 0; i < 12; ++i) list.Insert(i, std::string(400, static_cast<char>('a' + i)));
  list.CheckAll();
  list.pager.EvictAll();
  list.EraseRange(1, 10);
  // A leaf, and then all index pages of blobs at once.
  REQUIRE(list.pager.waves <= 3);
  list.CheckAll();
  list.CheckRange(0, 2);
}

TEST_CASE("a change of more pages than a unit has is refused, and leaves nothing behind") {
  TreeShape shape = SmallShape(false);
  shape.chunk_log2 = kChunkLog2Min;
  ListPair list(1, shape);
  list.Insert(0, "element");
  const std::string large(24 * Pager::kChangesMax, 'x');
  REQUIRE(list.pager.Run([&] { return list.tree.Insert(0, {large, 0}); }) == Outcome::kFailed);
  REQUIRE(list.pager.status().code() == cairn::Code::kTooLarge);
  list.CheckAll();
  list.CheckRange(0, 1);
}

TEST_CASE("a scan by head resumes at equal heads") {
  OrderedPair pair(1, SmallShape(true));
  for (uint64_t i = 0; i < 300; ++i) pair.Put({i / 25 * 1000, std::to_string(i)}, {"v"});
  uint64_t cursor_head = 0, seen = 0;
  for (;;) {
    uint64_t in_slice = 0, head = 0;
    bool end = false;
    pair.pager.Do([&] {
      Cursor cursor;
      in_slice = 0;
      Outcome o = pair.tree.LowerBound({cursor_head, ""}, &cursor);
      // At least ten, and then all of the same head.
      for (; o == Outcome::kDone && cursor.found; o = pair.tree.Next(&cursor)) {
        if (in_slice >= 10 && cursor.entry.head != head) return o;
        head = cursor.entry.head;
        ++in_slice;
      }
      end = true;
      return o;
    });
    seen += in_slice;
    if (end) break;
    REQUIRE(in_slice == 25);
    cursor_head = head + 1;
  }
  REQUIRE(seen == 300);
}

TEST_CASE("bulk building makes full pages, in slices, and refuses what is not in order") {
  for (const bool cold : {false, true}) {
    OrderedPair pair(5, SmallShape(true));
    pair.pager.cold_one_in = cold ? 3 : 0;
    for (uint64_t slice = 0; slice < 20; ++slice) {
      std::vector<std::pair<ModelKey, ModelValue>> some;
      for (uint64_t i = 0; i < 60; ++i) {
        ModelKey key{(slice * 60 + i) / 4, std::string(40, 'k') + char('a' + i % 4)};
        some.push_back({key, {std::string(i % 90, 'v'), i % 7 == 0 ? 1000 + i : 0}});
      }
      pair.pager.Do([&] {
        Builder builder(&pair.tree);
        for (const auto& [key, value] : some) {
          if (const Outcome o = builder.Add(key.key(), value.value()); o != Outcome::kDone)
            return o;
        }
        return pair.Sealed(builder.Finish());
      });
      pair.model.insert(some.begin(), some.end());
      pair.CheckAll();
    }
    pair.CheckContent();
    pair.CheckDue(1030);
    const size_t pages = pair.pager.PagesOf(PageKind::kOrderedLeaf);
    REQUIRE(pair.pager.BytesOf(PageKind::kOrderedLeaf) > pages * 256 * 60 / 100);
    const Outcome refused = pair.pager.Run([&] {
      Builder builder(&pair.tree);
      return builder.Add({3, "k"}, {"v"});
    });
    REQUIRE(refused == Outcome::kFailed);
    REQUIRE(pair.pager.status().code() == cairn::Code::kInvalid);
  }
}

TEST_CASE("keys alike for long are told apart by reading, and leave nothing behind") {
  OrderedPair pair(1, SmallShape(true));
  pair.pager.cold_one_in = 5;
  Random random(7);
  // Separators between these lie outside, too.
  for (int i = 0; i < 120; ++i) {
    pair.Put({1, std::string(300, 'x') + std::to_string(random() % 1000)}, {std::to_string(i)});
    pair.CheckAll();
  }
  pair.CheckContent();
  for (const auto& [key, value] : std::map(pair.model)) pair.CheckKey(key);
  pair.CheckKey({1, std::string(300, 'x')});
  pair.CheckKey({1, std::string(300, 'y')});
  pair.CheckKey({1, std::string(40, 'x')});
  while (pair.model.size() > 20) {
    pair.Erase(
        std::next(pair.model.begin(), static_cast<long>(random() % pair.model.size()))->first);
    pair.CheckAll();
  }
  pair.EraseRange(3, 100);
  pair.CheckAll();
  pair.EraseRange(0, 3);
  pair.CheckAll();
}

TEST_SUITE_END();

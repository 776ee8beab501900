// Collections on trees of pages, by themselves: `tree_bench [elements]`. Pages lie in a vector; a
// pass is Begin, the operation, and copying what it has changed to the vector, with its deltas
// counted. Prints instructions (where the system has a counter for them) and nanoseconds of CPU per
// operation, bytes of memory per element, and bytes of deltas per change. Build: make measuring
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "measuring.h"
#include "tree/build.h"
#include "tree/tree.h"

namespace cairn {
namespace {

using measuring::CpuNanos;
using measuring::Mix;
using namespace cairn::tree;

class VectorPager final : public Pager {
 public:
  VectorPager() : pages_(kFirstPage) {}
  // For operations that only read.
  void Look() { Begin(next_); }
  template <typename Operation>
  void Run(Operation&& operation) {
    Begin(next_);
    if (operation() != Outcome::kDone) std::abort();
    next_ = next_page();
    if (pages_.size() < next_) pages_.resize(next_ + next_ / 8);
    for (size_t i = 0; i < change_count(); ++i) {
      const Change& one = change(i);
      if (one.what == Change::What::kRemoved || one.what == Change::What::kNothing) {
        pages_[one.page] = std::string();
      } else {
        pages_[one.page].assign(one.staging.image);
        delta_bytes += one.staging.whole ? one.staging.image.size() : one.staging.delta.size();
      }
    }
  }
  std::string& page(uint64_t page) { return pages_[page]; }
  size_t bytes() const {
    size_t bytes = 0;
    for (const std::string& one : pages_) bytes += one.size();
    return bytes;
  }
  uint64_t delta_bytes = 0;

 protected:
  Outcome Find(uint64_t page, std::string_view* image) override {
    if (page >= pages_.size()) return Outcome::kFailed;
    *image = pages_[page];
    return Outcome::kDone;
  }

 private:
  std::vector<std::string> pages_;
  uint64_t next_ = kFirstPage;
};

const measuring::Instructions counter;

template <typename Operation>
void Measure(const char* name, VectorPager* pager, uint64_t count, Operation&& operation) {
  pager->Look();
  pager->delta_bytes = 0;
  const uint64_t instructions = counter.Now(), nanos = CpuNanos();
  for (uint64_t i = 0; i < count; ++i) operation(i);
  const double per = static_cast<double>(count);
  const auto ns = static_cast<double>(CpuNanos() - nanos) / per;
  const auto in = static_cast<double>(counter.Now() - instructions) / per;
  std::printf("  %-28s", name);
  if (counter.counted()) std::printf(" %7.0f instructions", in);
  std::printf(" %7.0f ns", ns);
  const uint64_t deltas = pager->delta_bytes;
  if (deltas != 0) std::printf(" %7.0f bytes of deltas", static_cast<double>(deltas) / per);
  std::printf("\n");
  std::fflush(stdout);
}

void Done(Outcome outcome) {
  if (outcome != Outcome::kDone) std::abort();
}

std::string_view Field(uint64_t n, char* text) {
  return {text, static_cast<size_t>(
                    std::snprintf(text, 24, "field:%08llu", static_cast<unsigned long long>(n)))};
}

// The names of elements are made ahead.
struct Names {
  explicit Names(uint64_t count) : texts(count * 24), views(count) {
    for (uint64_t i = 0; i < count; ++i) views[i] = Field(i, &texts[24 * i]);
  }
  std::vector<char> texts;
  std::vector<std::string_view> views;
};

uint64_t HashOf(uint64_t n) { return Mix(n + 1); }

void Hash(const Names& names, uint64_t count) {
  VectorPager pager;
  const TreeShape shape;
  pager.page(0) = Tree::EmptyRoot(shape);
  Tree tree(shape, &pager);
  std::string value(32, 'v');
  bool existed = false;
  const auto at = [&](uint64_t i) { return Mix(i ^ 0x77) % count; };
  std::printf("hash of %llu fields, 14 + 32 bytes\n", static_cast<unsigned long long>(count));
  const auto put = [&](uint64_t n) {
    pager.Run([&] { return tree.Put({HashOf(n), names.views[n]}, {value, 0}, &existed); });
  };
  Measure("insert", &pager, count, put);
  for (int round = 0; round < 2; ++round) {
    Measure("find", &pager, count, [&](uint64_t i) {
      Cursor cursor;
      const uint64_t n = at(i);
      Done(tree.Find({HashOf(n), names.views[n]}, &cursor));
      if (!cursor.found) std::abort();
    });
  }
  value.assign(32, 'w');
  Measure("overwrite", &pager, count, [&](uint64_t i) { put(at(i)); });
  Measure("one at random", &pager, count, [&](uint64_t i) {
    Cursor cursor;
    Done(tree.Seek(at(i), &cursor));
  });
  std::printf("  %.1f bytes per element\n",
              static_cast<double>(pager.bytes()) / static_cast<double>(count));
  Measure("erase", &pager, count, [&](uint64_t n) {
    pager.Run([&] { return tree.Erase(Key{HashOf(n), names.views[n]}, &existed); });
  });
}

void SortedSet(const Names& names, uint64_t count) {
  VectorPager pager;
  const TreeShape shape;
  pager.page(0) = pager.page(1) = Tree::EmptyRoot(shape);
  Tree scores(shape, &pager, 0), members(shape, &pager, 1);
  bool existed = false;
  const auto at = [&](uint64_t i) { return Mix(i ^ 0x77) % count; };
  std::printf("sorted set of %llu members, 14 bytes\n", static_cast<unsigned long long>(count));
  const auto score_of = [&](uint64_t n, Cursor* cursor) {
    Done(members.Find({HashOf(n), names.views[n]}, cursor));
    if (!cursor->found) std::abort();
    return Big64(cursor->entry.payload.data());
  };
  Measure("insert", &pager, count, [&](uint64_t n) {
    pager.Run([&] {
      char score[8];
      PutBig64(score, Mix(n ^ 0x5c03e));
      Done(members.Put({HashOf(n), names.views[n]}, {{score, 8}, 0}, &existed));
      return scores.Put({Mix(n ^ 0x5c03e), names.views[n]}, {}, &existed);
    });
  });
  uint64_t sum = 0;
  Measure("score", &pager, count, [&](uint64_t i) {
    Cursor cursor;
    sum += score_of(at(i), &cursor);
  });
  Measure("rank", &pager, count, [&](uint64_t i) {
    Cursor cursor;
    uint64_t rank = 0;
    const uint64_t n = at(i), score = score_of(n, &cursor);
    Done(scores.Rank({score, names.views[n]}, &rank));
    sum += rank;
  });
  Measure("change of a score", &pager, count, [&](uint64_t i) {
    pager.Run([&] {
      Cursor cursor;
      char score[8];
      const uint64_t n = at(i), old = score_of(n, &cursor), changed = Mix(i + count);
      PutBig64(score, changed);
      Done(members.Replace(cursor, {{score, 8}, 0}));
      Done(scores.Erase(Key{old, names.views[n]}, &existed));
      return scores.Put({changed, names.views[n]}, {}, &existed);
    });
  });
  std::printf("  %.1f bytes per element (%u)\n",
              static_cast<double>(pager.bytes()) / static_cast<double>(count),
              static_cast<unsigned>(sum & 1));
}

void List(uint64_t count) {
  VectorPager pager;
  TreeShape shape;
  shape.ordered = false;
  shape.leaf_bytes = shape.root_leaf_bytes = 4096;
  pager.page(0) = Tree::EmptyRoot(shape);
  Tree tree(shape, &pager);
  const std::string value(32, 'v');
  std::printf("list of %llu elements, 32 bytes\n", static_cast<unsigned long long>(count));
  Measure("append", &pager, count, [&](uint64_t n) {
    pager.Run([&] { return tree.Insert(n, {value, 0}); });
  });
  Measure("prepend", &pager, count, [&](uint64_t) {
    pager.Run([&] { return tree.Insert(0, {value, 0}); });
  });
  Measure("append, 100 in a pass", &pager, count / 100, [&](uint64_t) {
    pager.Run([&] {
      Builder builder(&tree);
      for (int i = 0; i < 100; ++i) Done(builder.Add(Key(), {value, 0}));
      return builder.Finish();
    });
  });
  Measure("index", &pager, count, [&](uint64_t i) {
    Cursor cursor;
    Done(tree.Seek(Mix(i) % count, &cursor));
  });
  Cursor cursor;
  Done(tree.Seek(0, &cursor));
  Measure("next", &pager, count, [&](uint64_t) { Done(tree.Next(&cursor)); });
  std::printf("  %.1f bytes per element\n",
              static_cast<double>(pager.bytes()) / static_cast<double>(3 * count));
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  const uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 200000;
  const cairn::Names names(count);
  cairn::Hash(names, count);
  cairn::SortedSet(names, count);
  cairn::List(count);
  return 0;
}

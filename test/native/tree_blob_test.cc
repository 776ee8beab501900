// Blobs against std::string, with pages that leave memory.
#include <algorithm>
#include <string>

#include "environment.h"
#include "tree/blob.h"
#include "tree_testing.h"

using cairn::testing::MapPager;
using cairn::testing::Runs;
using namespace cairn::tree;

namespace {

void SameBytes(MapPager* pager, Blobs* blobs, const Blob& blob, const std::string& model) {
  REQUIRE(blob.bytes == model.size());
  REQUIRE(IsBlob(blob));
  std::string bytes;
  pager->Do([&] {
    bytes.clear();
    return blobs->Read(blob, 0, blob.bytes, &bytes);
  });
  REQUIRE(bytes == model);
}

}  // namespace

TEST_SUITE_BEGIN("tree");

TEST_CASE("a blob behaves like a string: random operations") {
  for (uint64_t seed = 1; seed <= Runs(6); ++seed) {
    INFO("seed " << seed);
    MapPager pager(seed);
    pager.cold_one_in = seed % 2 == 0 ? 3 : 0;
    Blobs blobs(&pager);
    std::mt19937_64& random = pager.random;
    const uint8_t log2 = seed % 3 == 0 ? 9 : 5;
    Blob blob = NewBlob(log2);
    std::string model;
    for (int step = 0; step < 300; ++step) {
      const uint64_t what = random() % 10, size = model.size();
      Blob next;
      const std::string bytes(random() % (random() % 10 == 0 ? 9000 : 100),
                              static_cast<char>(random()));
      if (what < 6) {
        const uint64_t at = what < 2 ? size : random() % (size + (what == 2 ? 3000 : 1));
        pager.Do([&] { return blobs.Write(&(next = blob), at, bytes); });
        if (!bytes.empty()) {
          model.resize(std::max(size, at + bytes.size()), '\0');
          model.replace(at, bytes.size(), bytes);
        }
      } else if (what < 7) {
        pager.Do([&] { return blobs.Extend(&(next = blob), size + bytes.size()); });
        model.resize(size + bytes.size(), '\0');
      } else if (what < 9) {
        const uint64_t keep = random() % 20 == 0 ? 0 : size - std::min(size, random() % 300);
        pager.Do([&] { return blobs.Truncate(&(next = blob), keep); });
        model.resize(keep);
      } else {
        std::string other = model;
        if (!other.empty() && random() % 2 == 0) other[random() % other.size()] ^= 1;
        int order = 0;
        pager.Do([&] { return blobs.Compare(blob, blob.bytes, other, &order); });
        REQUIRE(order == (model < other ? -1 : model > other));
        next = blob;
      }
      blob = next;
      if (step % 10 == 0) SameBytes(&pager, &blobs, blob, model);
    }
    SameBytes(&pager, &blobs, blob, model);
    pager.Do([&] { return blobs.Remove(blob); });
    REQUIRE(pager.pages.empty());
  }
}

TEST_CASE("a byte far behind the end of a blob takes a few pages") {
  MapPager pager(1);
  Blobs blobs(&pager);
  Blob blob = NewBlob(13);
  const uint64_t far = (uint64_t{512} << 20) - 1;
  pager.Do([&] { return blobs.Write(&blob, far, "x"); });
  REQUIRE(blob.bytes == far + 1);
  REQUIRE(pager.pages.size() == 3);
  std::string bytes;
  pager.Do([&] { return blobs.Read(blob, far - 9, 10, &bytes); });
  REQUIRE(bytes == std::string(9, '\0') + "x");
  std::string_view piece;
  pager.Do([&] { return blobs.Piece(blob, 12345, &piece); });
  REQUIRE(!piece.empty());
  REQUIRE(piece[0] == 0);
}

TEST_CASE("a change in a blob is a small delta") {
  MapPager pager(1);
  Blobs blobs(&pager);
  Blob blob = NewBlob(13);
  pager.Do([&] { return blobs.Append(&blob, std::string(1 << 20, 'a')); });
  pager.Do([&] { return blobs.Write(&blob, 500000, "b"); });
  REQUIRE(pager.changed == 1);
  REQUIRE(pager.delta_bytes < 8);
  pager.Do([&] { return blobs.Append(&blob, std::string(100, 'c')); });
  REQUIRE(pager.changed <= 2);
  REQUIRE(pager.delta_bytes < 120);
}

TEST_SUITE_END();

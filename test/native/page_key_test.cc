// How pages are keys: the bytes are on disk, and are frozen.
#include "engine/page_key.h"

#include <doctest/doctest.h>

#include <string>

#include "hex.h"

using namespace cairn;
using namespace cairn::testing;

TEST_CASE("page key: the bytes, and what they tell") {
  const SpaceId space = uint64_t{4} << kHomeBits | 5;
  const PageKey page(space, 300);
  CHECK(Hex(std::string(page.view())) == "0000000000001005000000000000012c");
  CHECK(page.space_prefix() == page.view().substr(0, 8));
  CHECK_FALSE(IsMark(page.view()));
  CHECK(SpaceOfPageKey(page.view()) == space);
  CHECK(HomeOfPageKey(page.view()) == 5);
  const PageKey mark = PageKey::OfMark(space);
  CHECK(Hex(std::string(mark.view())) == "00000000000000000000000000001005");
  CHECK(IsMark(mark.view()));
  CHECK(SpaceOfPageKey(mark.view()) == space);
  CHECK(HomeOfPageKey(mark.view()) == 5);
  // Marks come before all pages, pages of a space one behind the other, by their ids.
  CHECK(PageKey::OfMark(UINT64_MAX).view() < PageKey(1, 0).view());
  CHECK(PageKey(space, UINT64_MAX).view() < PageKey(space + 1, 0).view());
  CHECK(PageKey(space, 255).view() < PageKey(space, 256).view());
}

TEST_CASE("page key: what is none is no mark and has a home") {
  for (const size_t bytes : {0, 7, 8, 15, 17}) {
    const std::string key(bytes, '\0');
    CHECK_FALSE(IsPageKey(key));
    CHECK_FALSE(IsMark(key));
    CHECK(HomeOfPageKey(key) == 0);
  }
}

TEST_CASE("page key: namespaces of pages stand beside those of keys") {
  CHECK(PagesOf(0) == 0x8000);
  CHECK(PagesOf(kDatabasesMax - 1) == 0xbfff);
  CHECK(IsOfPages(PagesOf(7)));
  CHECK_FALSE(IsOfPages(7));
  CHECK(KeysOf(PagesOf(7)) == 7);
}

// Beside them: of values, in the formats of both engines.
TEST_CASE("page key: types of values are frozen") {
  CHECK(static_cast<int>(ValueType::kString) == 0);
  CHECK(static_cast<int>(ValueType::kList) == 1);
  CHECK(static_cast<int>(ValueType::kSet) == 2);
  CHECK(static_cast<int>(ValueType::kZset) == 3);
  CHECK(static_cast<int>(ValueType::kHash) == 4);
  CHECK(static_cast<int>(ValueType::kStream) == 6);
}

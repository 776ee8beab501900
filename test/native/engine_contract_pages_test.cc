// The contract of pages and spaces (engine/spaces.h), on every engine that has them; those that
// have none yet say so (Engine::spaces), and are left out.
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <set>

#include "host_pages.h"
#include "page_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

#define SKIP_WITHOUT_SPACES(host) \
  if ((host).engine->spaces() == nullptr) return

}  // namespace

CONTRACT_TEST("pages: ids of spaces are given once, whatever becomes of who took them") {
  EngineHost host(&medium);
  SKIP_WITHOUT_SPACES(host);
  std::set<SpaceId> given;
  for (int life = 0; life < 6; ++life) {
    Pages pages(&host);
    for (const uint16_t home : {0, 1, 5, 1023}) {
      for (int i = 0; i < 20; ++i) {
        const SpaceId space = pages.New(home);
        CHECK(space != 0);
        CHECK(given.insert(space).second);
        if (i % 4 == 0) pages.Staged({}, {Pages::Image(0, space, 1, "image")});
      }
    }
    if (life % 2 == 0 || !host.CrashAndReopen(life % 4 == 1)) host.Reopen();
  }
}

CONTRACT_TEST("pages: nothing that knows keys sees them") {
  EngineHost host(&medium);
  SKIP_WITHOUT_SPACES(host);
  Pages pages(&host);
  const SpaceId space = pages.New(ShardOf("k"));
  std::string key(16, '\0');
  std::memcpy(key.data(), &space, 8);
  const auto check = [&](uint64_t keys) {
    CHECK(host.engine->KeyCount(0) == keys);
    CHECK(host.engine->ExpiringCount(0) == 0);
    CHECK(host.ListAll(0).size() == keys);
    CHECK(host.Random(0, 17).has_value() == (keys != 0));
    CHECK_FALSE(host.Get(0, key).has_value());
  };
  CHECK_FALSE(pages.store().AnyPages());
  pages.Staged({},
               {Pages::Image(0, space, 0, "image"), Pages::Image(0, space, UINT64_MAX, "last")});
  CHECK(pages.store().AnyPages());
  check(0);
  host.Settle();
  check(0);
  host.Set(0, "k", "root");
  check(1);
  host.Reopen();
  check(1);
  CHECK(Pages(&host).store().AnyPages());
  CHECK(Pages(&host).Get(0, space, 0) == "image");
  CHECK(Pages(&host).Get(0, space, UINT64_MAX) == "last");
}

CONTRACT_TEST("pages: an image and its deltas, from memory, from disk, after a restart") {
  for (const char* cache : {"0", "4194304"}) {
    EngineHost host(&medium, [&](EngineOptions* options) {
      options->cache_bytes = std::strtoull(cache, nullptr, 10);
    });
    SKIP_WITHOUT_SPACES(host);
    Pages pages(&host);
    const SpaceId space = pages.New(7);
    std::string places(40, '.');
    std::string list = "begin";
    const auto check = [&] {
      CHECK(Pages(&host).Get(0, space, 1) == places);
      CHECK(Pages(&host).Get(0, space, 2) == list);
      CHECK_FALSE(Pages(&host).Get(0, space, 3).has_value());
      CHECK_FALSE(Pages(&host).Get(1, space, 1).has_value());
    };
    pages.Staged({}, {Pages::Image(0, space, 1, places), Pages::Image(0, space, 2, list, 1)});
    check();
    for (int i = 0; i < 60; ++i) {
      const std::string change = std::to_string(i);
      const std::string splice = SuiteFolds::Splice(static_cast<size_t>(i * 7 % 45), change);
      places = SuiteFolds::Folded(0, places, splice);
      list = SuiteFolds::Folded(1, list, change);
      // Two deltas of one page in a unit, as well.
      const std::string more = SuiteFolds::Folded(1, list, "!");
      pages.Staged({}, {Pages::Amend(0, space, 1, places, splice),
                        Pages::Amend(0, space, 2, list, change, 1),
                        Pages::Amend(0, space, 2, more, "!", 1)});
      list = more;
      check();
      if (i % 10 == 3) host.Settle();
      if (i % 10 == 5) pages.Staged({}, {Pages::Image(0, space, 2, list = "anew", 1)});
      check();
      if (i % 20 == 7) host.Reopen();
      check();
    }
    pages.Staged({}, {Pages::Remove(0, space, 2)});
    CHECK_FALSE(pages.Get(0, space, 2).has_value());
    pages.Staged({}, {Pages::Image(0, space, 2, list = "again", 1)});
    host.Reopen();
    check();
  }
}

CONTRACT_TEST("pages: a root and its pages change together, or not at all") {
  // So that a crash finds what is written and not synced.
  EngineHost host(&medium,
                  [](EngineOptions* options) { options->fsync = FsyncPolicy::kEverySecond; });
  SKIP_WITHOUT_SPACES(host);
  std::mt19937_64 random(3);
  const std::string root = "root";
  const SpaceId near = Pages(&host).New(ShardOf(root));
  const SpaceId far = Pages(&host).New(static_cast<uint16_t>((ShardOf(root) + 1) % kShardCount));
  std::string text = "0";
  const auto write = [&](uint64_t number) {
    Pages pages(&host);
    const std::string next = std::to_string(number);
    const std::string delta = SuiteFolds::Splice(0, next);
    const std::string image = SuiteFolds::Folded(0, text, delta);
    text = image;
    return pages.Staged({host.Put(0, root, image)}, {Pages::Amend(0, near, 1, image, delta),
                                                     Pages::Amend(0, far, 9, image, delta)});
  };
  REQUIRE(host.UntilDurable(Pages(&host).Staged(
      {host.Put(0, root, text)}, {Pages::Image(0, near, 1, text), Pages::Image(0, far, 9, text)})));
  uint64_t number = 100;
  uint64_t acknowledged = 0;
  for (int life = 0; life < 60; ++life) {
    for (uint64_t i = random() % 6; i-- > 0;) {
      const std::vector<Ticket> tickets = write(++number);
      if (random() % 2 == 0) {
        REQUIRE(host.UntilDurable(tickets));
        acknowledged = number;
      }
      if (random() % 2 == 0) host.Pass(10);
    }
    if (!host.CrashAndReopen(life % 3 != 0)) return;
    text = *host.Get(0, root);
    CHECK(Pages(&host).Get(0, near, 1) == text);
    CHECK(Pages(&host).Get(0, far, 9) == text);
    CHECK(std::stoull(text) >= acknowledged);
    CHECK(std::stoull(text) <= number);
    number += 1;
  }
}

CONTRACT_TEST("pages: a space goes as a whole, with its root") {
  EngineHost host(&medium);
  SKIP_WITHOUT_SPACES(host);
  Pages pages(&host);
  const SpaceId gone = pages.New(3);
  const SpaceId other = pages.New(3);
  host.Set(0, "root", "of gone");
  for (uint64_t page = 0; page < 500; ++page)
    pages.Staged({}, {Pages::Image(0, gone, page, "g"), Pages::Image(0, other, page, "o")});
  host.Settle();
  pages.Staged({host.Del(0, "root")}, {Pages::Drop(0, gone)});
  const auto check = [&] {
    Pages now(&host);
    CHECK_FALSE(host.Get(0, "root").has_value());
    for (const uint64_t page : {uint64_t{0}, uint64_t{250}, uint64_t{499}}) {
      CHECK_FALSE(now.Get(0, gone, page).has_value());
      CHECK(now.Get(0, other, page) == "o");
    }
  };
  check();
  host.Settle();
  check();
  host.Reopen();
  check();
  if (host.CrashAndReopen(true)) check();
  const SpaceId fresh = Pages(&host).New(3);
  CHECK_FALSE(Pages(&host).Get(0, fresh, 0).has_value());
}

CONTRACT_TEST("pages: a flush takes them along, a swap exchanges them") {
  EngineHost host(&medium);
  SKIP_WITHOUT_SPACES(host);
  Pages pages(&host);
  const SpaceId a = pages.New(1), b = pages.New(2);
  pages.Staged({}, {Pages::Image(0, a, 1, "of a"), Pages::Image(1, b, 1, "of b")});
  host.Staged({host.Swap(0, 1)});
  const auto check = [&](bool flushed) {
    Pages now(&host);
    CHECK(now.Get(1, a, 1) == "of a");
    CHECK_FALSE(now.Get(0, a, 1).has_value());
    CHECK(now.Get(0, b, 1).has_value() == !flushed);
  };
  check(false);
  host.Reopen();
  check(false);
  host.Staged({host.Flush(0)});
  check(true);
  host.Reopen();
  check(true);
  host.Staged({host.Flush(kAllNamespaces)});
  CHECK_FALSE(Pages(&host).Get(1, a, 1).has_value());
}

CONTRACT_TEST("pages: what is refused changes nothing; what frees goes on when the disk is full") {
  EngineHost host(&medium, [&](EngineOptions* options) { medium.WantStreams(options, 1); });
  SKIP_WITHOUT_SPACES(host);
  Pages pages(&host);
  const SpaceId space = pages.New(1), dropped = pages.New(1);
  pages.Staged({host.Put(0, "root", "before")},
               {Pages::Image(0, space, 1, "image"), Pages::Image(0, dropped, 1, "image")});
  const std::string large(kPageBytesMax + 1, 'x');
  std::vector<Ticket> tickets;
  const auto refused = [&](const PageOp& op) {
    return pages
        .Try({host.Put(0, "root", "after")}, {Pages::Image(0, space, 1, "other"), op}, &tickets)
        .code();
  };
  CHECK(refused(Pages::Image(0, space, 2, large)) == Code::kTooLarge);
  CHECK(refused(Pages::Amend(0, space, 1, "other", large)) == Code::kTooLarge);
  CHECK(
      pages.Try({}, std::vector<PageOp>(kPageOpsMax + 1, Pages::Image(0, space, 1, "x")), &tickets)
          .code() == Code::kTooLarge);
  const auto unchanged = [&] {
    CHECK(host.Get(0, "root") == "before");
    CHECK(pages.Get(0, space, 1) == "image");
    CHECK_FALSE(pages.Get(0, space, 2).has_value());
  };
  unchanged();
  host.Settle();
  if (!medium.SetFull(true)) return;
  // Some room may have been taken ahead.
  uint64_t page = 100;
  for (const size_t bytes : {50000, 10}) {
    const std::string filler(bytes, 'f');
    Status status;
    REQUIRE(host.Until([&] {
      status = pages.Try({}, {Pages::Image(0, space, ++page, filler)}, &tickets);
      return !status.ok() && status.code() != Code::kBusy;
    }));
    CHECK(status.code() == Code::kNoSpace);
  }
  CHECK(refused(Pages::Image(0, space, 2, "image")) == Code::kNoSpace);
  CHECK_FALSE(pages.Get(0, space, page).has_value());
  unchanged();
  pages.Staged({}, {Pages::Remove(0, space, 1), Pages::Drop(0, dropped)});
  CHECK_FALSE(pages.Get(0, dropped, 1).has_value());
  CHECK_FALSE(pages.Get(0, space, 1).has_value());
  medium.SetFull(false);
  REQUIRE(host.Until(
      [&] { return pages.Try({}, {Pages::Image(0, space, 2, "image")}, &tickets).ok(); }));
  CHECK(pages.Get(0, space, 2) == "image");
  CHECK_FALSE(pages.Get(0, dropped, 1).has_value());
}

CONTRACT_TEST("pages: a space that is being dropped stays so, wherever its namespace goes") {
  EngineHost host(&medium);
  SKIP_WITHOUT_SPACES(host);
  constexpr uint64_t kPages = 10000;  // more than go at once
  const SpaceId a = Pages(&host).New(5), b = Pages(&host).New(5), c = Pages(&host).New(6);
  const auto fill = [&](uint16_t ns, SpaceId space) {
    std::vector<std::string> images(kPages);
    std::vector<PageOp> ops;
    for (uint64_t page = 0; page < kPages; ++page) {
      images[page] = "page " + std::to_string(page);
      ops.push_back(Pages::Image(ns, space, page, images[page]));
    }
    Pages(&host).Staged({}, ops);
  };
  const auto check = [&](uint16_t ns_of_b) {
    Pages now(&host);
    for (const uint64_t page : {uint64_t{0}, kPages / 2, kPages - 1}) {
      for (const uint16_t ns : {0, 1, 2}) {
        CHECK_FALSE(now.Get(ns, a, page).has_value());
        CHECK_FALSE(now.Get(ns, c, page).has_value());
        CHECK(now.Get(ns, b, page).has_value() == (ns == ns_of_b));
      }
    }
  };
  fill(0, a);
  fill(0, b);
  fill(2, c);
  Pages(&host).Staged({}, {Pages::Drop(0, a), Pages::Drop(2, c)});
  check(0);
  host.Staged({host.Swap(0, 1)});
  const std::vector<Ticket> flushed = host.Staged({host.Flush(2)});
  check(1);
  REQUIRE(host.UntilDurable(flushed));  // in all streams
  check(1);
  if (!host.CrashAndReopen(false)) host.Reopen();
  check(1);
  host.Staged({host.Swap(1, 2)});
  for (int i = 0; i < 20; ++i) host.Pass(10);
  check(2);
  host.Settle();
  host.Reopen();
  check(2);
  host.Staged({host.Flush(kAllNamespaces)});
  check(3);
}

CONTRACT_TEST("types of values stay what they are") {
  const ValueType types[] = {ValueType::kString, ValueType::kList, ValueType::kSet,
                             ValueType::kZset,   ValueType::kHash, ValueType::kStream};
  for (const uint64_t cache : {0, 1 << 20}) {
    EngineHost host(&medium, [&](EngineOptions* options) { options->cache_bytes = cache; });
    const auto key = [](ValueType type) { return "k" + std::to_string(static_cast<int>(type)); };
    const auto check = [&] {
      for (const ValueType type : types) {
        CHECK(host.Meta(0, key(type)).type == type);
        ReadKeys read;
        read.part = host.engine->PartOf(ShardOf(key(type)));
        read.from = read.prefix = key(type);
        host.engine->ReadRange(0, &read);
        if (!host.engine->RangesInMemory()) host.Await(&read);
        REQUIRE(read.rows().size() == 1);
        CHECK(read.rows()[0].type == type);
      }
    };
    for (const ValueType type : types) {
      const std::string name = key(type);
      const std::string value = "value of " + name;
      WriteOp op = host.Put(0, name, value);
      op.type = type;
      host.Staged({op});
    }
    check();
    host.Settle();
    check();
    host.Reopen();
    check();
    host.Staged({host.Flush(0)});
  }
}

// So that nothing above is left out by mistake.
TEST_CASE("engine contract: pages: who has them") {
  for (const NamedEngine& named : EnginesUnderTest()) {
    CAPTURE(named.name);
    const std::unique_ptr<Engine> engine = named.make(1)->NewEngine();
    CHECK(engine->spaces() != nullptr);
    CHECK(engine->cuts() == nullptr);
  }
}

// Random operations on every engine, with crashes and restarts, against a model of the contract
// (engine_history.h). One run again:
//   CAIRN_SIM_SEED=<seed> CAIRN_CONTRACT_RUNS=1 native-tests -tc="engine contract: random*"
#include <cstdlib>
#include <random>

#include "engine_history.h"
#include "environment.h"
#include "host_pages.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr uint16_t kSpaces = EngineHost::kDatabases;
constexpr uint64_t kFarMs = 4102444800000;  // in 2100

// Some of them in one shard.
std::vector<std::string> KeyNames() {
  std::vector<std::string> names = {"", std::string(1, '\0'), "{t}"};
  for (int i = 0; i < 10; ++i) names.push_back("k" + std::to_string(i));
  for (int i = 0; i < 10; ++i) names.push_back("{t}" + std::to_string(i));
  std::sort(names.begin(), names.end());
  return names;
}

// Spaces come and go, no more in a run than these. To the history a page is a key of a name that no
// key has, and a drop deletes the pages there are.
constexpr uint32_t kPageSpaces = 24;
constexpr uint64_t kPageIds[] = {0, 1, UINT64_MAX};
std::string PageName(uint32_t space, size_t page) {
  return "page " + std::to_string(space) + "/" + std::to_string(page);
}
std::vector<std::string> AllNames() {
  std::vector<std::string> names = KeyNames();
  for (uint32_t space = 0; space < kPageSpaces; ++space)
    for (size_t page = 0; page < std::size(kPageIds); ++page)
      names.push_back(PageName(space, page));
  return names;
}

struct PageSpace {
  SpaceId id = 0;        // 0: not made yet
  bool retired = false;  // written to no more
};

class RandomRun {
 public:
  RandomRun(EngineUnderTest* medium, uint64_t seed)
      : medium_(medium), random_(seed), names_(KeyNames()), history_(AllNames()) {}

  void Run(uint32_t lives, uint32_t steps) {
    host_ = std::make_unique<EngineHost>(medium_,
                                         [this](EngineOptions* options) { Configure(options); });
    for (uint32_t life = 0; life < lives; ++life) {
      for (uint32_t step = 0; step < steps; ++step) Step();
      End();
      Judge();
    }
  }

 private:
  uint32_t Pick(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  const std::string& Name() { return names_[Pick(static_cast<uint32_t>(names_.size()))]; }
  uint16_t Space() { return static_cast<uint16_t>(Pick(kSpaces)); }
  uint64_t Deadline() { return Pick(3) == 0 ? 0 : kFarMs + Pick(1000000); }

  void Configure(EngineOptions* options) {
    options->reactors = 1 + Pick(2);
    medium_->WantStreams(options, 1 + Pick(3));
    options->cache_bytes = Pick(2) == 0 ? 0 : 64u << 10;
    medium_->WantSmallFiles(options, Pick(3));
    options->fsync = Pick(2) == 0 ? FsyncPolicy::kAlways : static_cast<FsyncPolicy>(Pick(3));
  }

  History::Unit NewUnit() {
    History::Unit unit;
    const uint32_t what = Pick(60);
    std::set<std::pair<uint16_t, std::string>> changed;
    for (uint32_t n = Pick(3) == 0 ? 2 + Pick(8) : 1; n > 0; --n) {
      History::Op op;
      op.ns = Space();
      op.key = Name();
      const bool exists = history_.Now(op.ns, op.key).has_value();
      const bool again = !changed.insert({op.ns, op.key}).second;
      const uint32_t kind = exists && !again ? Pick(6) : 0;
      if (kind == 1 || kind == 2) {
        op.kind = WriteKind::kDelete;
      } else if (kind == 3) {
        op.kind = WriteKind::kExpire;
        op.expire_at_ms = Deadline();
      } else {
        op.value = "v" + std::to_string(++serial_) + ":";
        const uint32_t size = Pick(30);
        op.value.resize(op.value.size() + (size == 0  ? Pick(150000)
                                           : size < 5 ? Pick(5000)
                                                      : Pick(60)),
                        static_cast<char>('a' + serial_ % 26));
        op.expire_at_ms = Pick(3) == 0 ? Deadline() : 0;
      }
      unit.ops.push_back(std::move(op));
    }
    if (what < 2) {  // also behind other changes
      History::Op op;
      op.kind = what == 0 ? WriteKind::kFlush : WriteKind::kSwap;
      op.ns = op.kind == WriteKind::kFlush && Pick(4) == 0 ? kAllNamespaces : Space();
      op.other_ns = static_cast<uint16_t>((op.ns + 1 + Pick(kSpaces - 1)) % kSpaces);
      if (Pick(2) == 0) unit.ops.clear();
      unit.ops.push_back(op);
    }
    return unit;
  }

  // The namespace that has pages of the space; kSpaces: none has.
  uint16_t NamespaceOf(uint32_t space) const {
    for (size_t page = 0; page < std::size(kPageIds); ++page) {
      const History::States& states = history_.Now(PageName(space, page));
      if (!states.empty()) return states.begin()->first;
    }
    return kSpaces;
  }

  // Writes to a space, or drops it. Nothing: there is no space that can be.
  void AddPages(History::Unit* unit, std::vector<PageOp>* ops) {
    const uint32_t number = Pick(kPageSpaces);
    PageSpace& space = spaces_[number];
    uint16_t ns = NamespaceOf(number);
    if (space.retired || (space.id != 0 && ns == kSpaces)) return;
    Pages pages(host_.get());
    if (space.id == 0) {
      space.id = pages.New(static_cast<uint16_t>(Pick(kShardCount)));
      ns = Space();
    } else if (Pick(6) == 0) {
      for (size_t page = 0; page < std::size(kPageIds); ++page)
        if (history_.Now(ns, PageName(number, page))) AddPage(unit, number, page, ns, true);
      ops->push_back(Pages::Drop(ns, space.id));
      space.retired = true;
      return;
    }
    for (size_t page = 0; page < std::size(kPageIds); ++page) {
      if (Pick(2) == 0) continue;
      const bool remove = history_.Now(ns, PageName(number, page)) && Pick(5) == 0;
      AddPage(unit, number, page, ns, remove);
      ops->push_back(remove ? Pages::Remove(ns, space.id, kPageIds[page])
                            : Pages::Image(ns, space.id, kPageIds[page], {}, 1));
    }
  }
  void AddPage(History::Unit* unit, uint32_t space, size_t page, uint16_t ns, bool remove) {
    History::Op op;
    op.kind = remove ? WriteKind::kDelete : WriteKind::kPut;
    op.ns = ns;
    op.key = PageName(space, page);
    if (!remove) op.value = "p" + std::to_string(++serial_) + std::string(1 + Pick(3000), 'p');
    unit->ops.push_back(std::move(op));
  }

  // A unit with pages, and perhaps with keys.
  void TryPages() {
    History::Unit unit;
    std::vector<PageOp> pages;
    if (Pick(2) == 0) {
      unit = NewUnit();
      const auto whole = [](const History::Op& op) {
        return op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap ||
               op.kind == WriteKind::kExpire;
      };
      std::erase_if(unit.ops, whole);
    }
    const size_t keys = unit.ops.size();
    AddPages(&unit, &pages);
    if (pages.empty()) return;
    std::vector<WriteOp> ops;
    for (size_t i = 0; i < keys; ++i) {
      const History::Op& op = unit.ops[i];
      ops.push_back(host_->Put(op.ns, op.key, op.value, op.expire_at_ms));
      ops.back().kind = op.kind;
    }
    size_t at = keys;
    for (PageOp& op : pages)
      if (op.what != PageOp::What::kDropSpace) op.image = unit.ops[at++].value;
    const Status status = Pages(host_.get()).Try(ops, pages, &unit.tickets);
    if (status.code() == Code::kBusy) {
      unit.ops.clear();
      return;
    }
    REQUIRE_MESSAGE(status.ok(), status.message());
    waiting_.push_back(history_.Add(std::move(unit)));
  }

  void LookAtPage() {
    const uint32_t number = Pick(kPageSpaces);
    const size_t page = Pick(static_cast<uint32_t>(std::size(kPageIds)));
    if (spaces_[number].id == 0) return;
    const uint16_t ns = Space();
    const std::string name = PageName(number, page);
    PageEntry entry;
    {
      LatchGuard guard(host_->engine->ShardLatch(HomeOf(spaces_[number].id)));
      host_->engine->spaces()->FindPage(ns, spaces_[number].id, kPageIds[page], &entry);
    }
    // What is missing may have been so before a flush that had nothing to take.
    if (entry.found && host_->Durable({entry.ticket})) history_.Observed(ns, name);
    const std::optional<std::string> found =
        Pages(host_.get()).Get(ns, spaces_[number].id, kPageIds[page]);
    const std::optional<Seen> expected = history_.Now(ns, name);
    CHECK(found.has_value() == expected.has_value());
    if (found && expected) CHECK(*found == expected->value);
  }

  void TryUnit() {
    History::Unit unit = NewUnit();
    std::vector<WriteOp> ops;
    for (const History::Op& op : unit.ops) {
      WriteOp made = host_->Put(op.ns, op.key, op.value, op.expire_at_ms);
      made.kind = op.kind;
      made.other_ns = op.other_ns;
      ops.push_back(made);
    }
    if (ops.size() == 1 && Pick(8) == 0) ops[0].awaited = false;
    const Status status = host_->TryApply(ops, &unit.tickets, Pick(host_->options().reactors));
    if (status.code() == Code::kBusy) return;
    REQUIRE_MESSAGE(status.ok(), status.message());
    CHECK_FALSE(unit.tickets.empty());
    waiting_.push_back(history_.Add(std::move(unit)));
  }

  void Acknowledge() {
    std::erase_if(waiting_, [&](const std::shared_ptr<History::Unit>& unit) {
      if (!host_->Durable(unit->tickets)) return false;
      history_.Acknowledge(unit.get());
      return true;
    });
  }

  void LookAt(uint16_t ns, const std::string& name) {
    const Entry entry = host_->Meta(ns, name);
    if (host_->Durable({entry.ticket})) history_.Observed(ns, name);
    const std::optional<Seen> seen = host_->See(ns, name);
    const std::optional<Seen> expected = history_.Now(ns, name);
    if (seen == expected) return;
    FAIL("namespace " << ns << ", key \"" << name << "\": expected "
                      << (expected ? expected->value.substr(0, 20) : "nothing") << ", found "
                      << (seen ? seen->value.substr(0, 20) : "nothing"));
  }

  void Step() {
    if (Pick(5) < 3) TryUnit();
    if (has_pages() && Pick(5) == 0) TryPages();
    if (has_pages() && Pick(5) == 0) LookAtPage();
    if (Pick(2) == 0) LookAt(Space(), Name());
    if (Pick(2) == 0) host_->Pass(Pick(3) == 0 ? 1 + Pick(700) : 1 + Pick(10));
    if (Pick(40) == 0) host_->engine->RequestSync(Pick(host_->options().reactors));
    static constexpr const char* kPolicies[] = {"always", "everysec", "no"};
    if (Pick(60) == 0) CHECK(host_->engine->SetOption("appendfsync", kPolicies[Pick(3)]).ok());
    if (Pick(60) == 0) (void)host_->engine->RequestSave();
    if (Pick(60) == 0)
      CHECK(host_->engine->SetOption("cache-size", Pick(2) == 0 ? "0" : "64kb").ok());
    if (Pick(30) == 0) CompareAll();
    Acknowledge();
  }

  // Everything that an engine shows against what it should be.
  History::Found CompareAll() {
    History::Found found;
    for (uint16_t ns = 0; ns < kSpaces; ++ns) {
      std::vector<std::string> listed;
      uint64_t expiring = 0;
      std::set<uint16_t> shards;
      for (const std::string& name : names_) shards.insert(ShardOf(name));
      for (const uint16_t shard : shards) {
        for (const Listed& one : host_->List(ns, shard)) {
          listed.push_back(one.key);
          expiring += one.expire_at_ms != 0 ? 1 : 0;
          const std::optional<Seen> seen = host_->See(ns, one.key);
          REQUIRE(seen.has_value());
          CHECK(seen->expire_at_ms == one.expire_at_ms);
          found[one.key][ns] = *seen;
        }
      }
      for (const std::string& name : names_) {
        const bool is_listed = std::find(listed.begin(), listed.end(), name) != listed.end();
        CHECK(host_->Meta(ns, name).found == is_listed);
      }
      for (uint32_t space = 0; space < kPageSpaces; ++space) {
        for (size_t page = 0; spaces_[space].id != 0 && page < std::size(kPageIds); ++page) {
          const std::optional<std::string> image =
              Pages(host_.get()).Get(ns, spaces_[space].id, kPageIds[page]);
          if (image) found[PageName(space, page)][ns] = Seen{*image, 0};
        }
      }
      CHECK(host_->engine->KeyCount(ns) == listed.size());
      CHECK(host_->engine->ExpiringCount(ns) == expiring);
    }
    return found;
  }

  void End() {
    const uint32_t how = Pick(4);
    bool died = false;
    if (how != 0) {
      Acknowledge();
      died =
          host_->CrashAndReopen(how != 1, [this](EngineOptions* options) { Configure(options); });
    }
    if (!died) {
      history_.AcknowledgeAll();
      host_->Reopen([this](EngineOptions* options) { Configure(options); });
    }
    waiting_.clear();
  }

  void Judge() {
    const std::string wrong = history_.Judge(CompareAll());
    if (!wrong.empty()) FAIL(wrong);
    // Those that a crash has brought back may be written to; of others, nobody knows the id.
    for (uint32_t space = 0; space < kPageSpaces; ++space)
      spaces_[space].retired = spaces_[space].id != 0 && NamespaceOf(space) == kSpaces;
  }
  bool has_pages() const { return host_->engine->spaces() != nullptr; }

  EngineUnderTest* medium_;
  std::mt19937_64 random_;
  const std::vector<std::string> names_;
  History history_;
  std::unique_ptr<EngineHost> host_;
  std::vector<std::shared_ptr<History::Unit>> waiting_;
  uint64_t serial_ = 0;
  PageSpace spaces_[kPageSpaces];
};

}  // namespace

TEST_CASE("engine contract: random operations, crashes, restarts" * doctest::test_suite("long")) {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", Runs(60));
  for (const NamedEngine& engine : EnginesUnderTest()) {
    SUBCASE(engine.name) {
      // Those that take their time get more of it from who has said how many runs.
      const bool asked = std::getenv("CAIRN_CONTRACT_RUNS") != nullptr;
      const bool whole = engine.simulated || std::getenv("CAIRN_SOAK") != nullptr;
      const uint64_t count = engine.simulated || asked ? runs : 2;
      for (uint64_t seed = first; seed < first + count; ++seed) {
        INFO("CAIRN_SIM_SEED=" << seed << " CAIRN_CONTRACT_RUNS=1");
        const std::unique_ptr<EngineUnderTest> medium = engine.make(seed);
        RandomRun run(medium.get(), seed);
        run.Run(whole ? 6 : 2, 120);
      }
    }
  }
}

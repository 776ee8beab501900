// Streams and their consumer groups against models of maps, in passes over a map engine.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "collection/stream_groups.h"
#include "engine_host.h"
#include "environment.h"
#include "txn/txn_control.h"

using namespace cairn;
using namespace cairn::testing;
using tree::Outcome;

namespace {

constexpr uint64_t kNowMs = 1'000'000;
const std::string kKey = "stream";

std::unique_ptr<EngineUnderTest> MapUnderTest() {
  for (const NamedEngine& engine : EnginesUnderTest()) {
    if (std::string_view(engine.name) == "map") return engine.make(1);
  }
  FAIL("no such engine");
  return nullptr;
}

// Runs passes on one key, all of which is in memory.
class Passes {
 public:
  Passes()
      : medium_(MapUnderTest()),
        host_(medium_.get()),
        control_(&txn_, host_.engine.get(), &watches_, 0, EngineHost::kDatabases) {}

  // body(StreamValue*), of a stream that is made if it is not there.
  template <typename Body>
  void Do(Body body, bool save = true) {
    control_.Begin(0, kNowMs);
    control_.LatchKey(kKey);
    {
      StreamValue stream(&txn_, kKey, &thresholds);
      REQUIRE(stream.OpenOrMake() == Opened::kFound);
      body(&stream);
      if (save) REQUIRE(stream.Save() == Outcome::kDone);
      INFO(stream.status().message());
      REQUIRE(stream.status().ok());
    }
    REQUIRE_FALSE(txn_.pending());
    if (control_.has_writes()) REQUIRE(control_.Commit().ok());
    control_.Unlatch();
    host_.Turn();
  }
  template <typename Body>
  void Look(Body body) {
    Do(body, false);
  }

  Thresholds thresholds;

 private:
  std::unique_ptr<EngineUnderTest> medium_;
  EngineHost host_;
  WatchTable watches_;
  Txn txn_;
  TxnControl control_;
};

using Fields = std::vector<std::string>;

Outcome Append(StreamValue* stream, StreamId id, const Fields& fields) {
  const std::vector<std::string_view> views(fields.begin(), fields.end());
  return stream->Append(id, views);
}

Fields FieldsAt(StreamValue* stream, const StreamValue::Cursor& at) {
  StreamFields fields;
  Fields all;
  REQUIRE(stream->Fields(at, &fields) == Outcome::kDone);
  for (uint64_t i = 0; i < fields.count(); ++i) {
    std::string_view name, value;
    REQUIRE(fields.Next(&name, &value));
    all.emplace_back(name);
    all.emplace_back(value);
  }
  return all;
}

using Entries = std::map<StreamId, Fields>;

Entries Upwards(StreamValue* stream, StreamId from) {
  Entries all;
  StreamValue::Cursor at;
  REQUIRE(stream->SeekUp(from, &at) == Outcome::kDone);
  while (at.found) {
    all[at.id] = FieldsAt(stream, at);
    REQUIRE(stream->StepUp(&at) == Outcome::kDone);
  }
  return all;
}

std::vector<StreamId> Downwards(StreamValue* stream, StreamId from) {
  std::vector<StreamId> all;
  StreamValue::Cursor at;
  REQUIRE(stream->SeekDown(from, &at) == Outcome::kDone);
  while (at.found) {
    all.push_back(at.id);
    REQUIRE(stream->StepDown(&at) == Outcome::kDone);
  }
  return all;
}

void CheckEntries(StreamValue* stream, const Entries& model, StreamId from) {
  REQUIRE(stream->length() == model.size());
  CHECK(stream->state().first_id == (model.empty() ? StreamId() : model.begin()->first));
  CHECK(Upwards(stream, from) == Entries(model.lower_bound(from), model.end()));
  std::vector<StreamId> before;
  for (auto at = model.begin(); at != model.end() && at->first <= from; ++at)
    before.push_back(at->first);
  std::reverse(before.begin(), before.end());
  CHECK(Downwards(stream, from) == before);
}

struct ModelPending {
  std::string consumer;
  int64_t delivered_ms;
  uint64_t deliveries;
  auto operator<=>(const ModelPending&) const = default;
};
struct ModelGroup {
  std::map<StreamId, ModelPending> pending;
  std::set<std::string> consumers;
};
using ModelGroups = std::map<std::string, ModelGroup>;

void CheckGroup(StreamGroups* groups, const StreamGroup& group, const ModelGroup& model) {
  uint64_t count = 0;
  REQUIRE(groups->CountPending(group.number, &count) == Outcome::kDone);
  CHECK(count == model.pending.size());
  REQUIRE(groups->CountConsumers(group.number, &count) == Outcome::kDone);
  CHECK(count == model.consumers.size());
  std::map<StreamId, ModelPending> found;
  StreamGroups::PendingCursor at;
  REQUIRE(groups->SeekPending(group.number, StreamId(), &at) == Outcome::kDone);
  while (at.found) {
    std::string buffer;
    std::string_view name;
    REQUIRE(groups->NameOf(at.pending.consumer, &buffer, &name) == Outcome::kDone);
    found[at.pending.id] = {std::string(name), at.pending.delivered_ms, at.pending.deliveries};
    REQUIRE(groups->Next(&at) == Outcome::kDone);
  }
  CHECK(found == model.pending);
  StreamPending last;
  bool any = false;
  REQUIRE(groups->LastPending(group.number, &any, &last) == Outcome::kDone);
  REQUIRE(any == !model.pending.empty());
  if (any) CHECK(last.id == model.pending.rbegin()->first);
  std::set<std::string> names;
  StreamGroups::NameCursor name;
  REQUIRE(groups->FirstConsumer(group.number, &name) == Outcome::kDone);
  while (name.found) {
    names.insert(std::string(name.name));
    uint64_t owned = 0;
    std::vector<StreamId> ids, expected;
    REQUIRE(groups->CountOwned(name.consumer.number, &owned) == Outcome::kDone);
    REQUIRE(groups->SeekOwned(name.consumer.number, StreamId(), &at) == Outcome::kDone);
    while (at.found) {
      ids.push_back(at.pending.id);
      REQUIRE(groups->Next(&at) == Outcome::kDone);
    }
    for (const auto& [id, pending] : model.pending) {
      if (pending.consumer == name.name) expected.push_back(id);
    }
    CHECK(ids == expected);
    CHECK(owned == expected.size());
    REQUIRE(groups->NextName(&name) == Outcome::kDone);
  }
  CHECK(names == model.consumers);
}

void CheckGroups(StreamValue* stream, const ModelGroups& model) {
  StreamGroups groups(stream);
  uint64_t count = 0;
  REQUIRE(groups.Count(&count) == Outcome::kDone);
  CHECK(count == model.size());
  std::vector<std::string> names, expected;
  StreamGroups::NameCursor at;
  REQUIRE(groups.FirstGroup(&at) == Outcome::kDone);
  while (at.found) {
    names.emplace_back(at.name);
    const auto found = model.find(names.back());
    REQUIRE(found != model.end());
    CheckGroup(&groups, at.group, found->second);
    REQUIRE(groups.NextName(&at) == Outcome::kDone);
  }
  for (const auto& [name, group] : model) expected.push_back(name);
  CHECK(names == expected);
}

Fields SomeFields(std::mt19937_64* random) {
  Fields fields;
  const uint64_t pairs = 1 + (*random)() % 3;
  const bool usual = (*random)() % 4 != 0;
  for (uint64_t i = 0; i < pairs; ++i) {
    fields.push_back(usual ? "name" + std::to_string(i)
                           : "other" + std::to_string((*random)() % 9));
    const uint64_t dice = (*random)() % 100;
    fields.emplace_back(dice == 0 ? 3000 : dice % 30, static_cast<char>('a' + dice % 26));
  }
  return fields;
}

// Random changes of entries.
void EntriesRun(uint64_t seed) {
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Passes passes;
  Entries model;
  StreamId last;
  uint64_t added = 0;
  for (int step = 0; step < 300; ++step) {
    passes.Do([&](StreamValue* stream) {
      const uint64_t dice = random() % 100;
      if (dice < 70) {
        for (uint64_t n = 1 + random() % 20; n-- > 0;) {
          if (random() % 3 == 0) last.ms += random() % 5;
          ++last.seq;
          const Fields fields = SomeFields(&random);
          REQUIRE(Append(stream, last, fields) == Outcome::kDone);
          model[last] = fields;
          ++added;
        }
      } else if (dice < 90) {
        for (uint64_t n = random() % 10; n-- > 0 && !model.empty();) {
          auto at = model.begin();
          std::advance(at, random() % model.size());
          const StreamId id = random() % 8 == 0 ? StreamId{at->first.ms, 0} : at->first;
          bool existed;
          REQUIRE(stream->Remove(id, &existed) == Outcome::kDone);
          CHECK(existed == (model.erase(id) != 0));
        }
      } else {
        StreamValue::Trim trim;
        uint64_t trimmed = 0, expected = 0;
        trim.about = random() % 3 == 0;
        if (random() % 2 == 0 || model.empty()) {
          trim.by = StreamValue::Trim::By::kLength;
          trim.length = random() % 300;
          expected = model.size() - std::min<uint64_t>(model.size(), trim.length);
        } else {
          auto at = model.begin();
          std::advance(at, random() % model.size());
          trim.by = StreamValue::Trim::By::kId;
          trim.id = at->first;
          expected = static_cast<uint64_t>(std::distance(model.begin(), at));
        }
        if (random() % 3 == 0 && trim.about) trim.limit = random() % 100;
        REQUIRE(stream->TrimBy(trim, &trimmed) == Outcome::kDone);
        if (trim.about) {
          CHECK(trimmed <= expected);
          if (trim.limit == 0) CHECK(expected - trimmed < 100);
          if (trim.limit != 0) CHECK(trimmed <= trim.limit);
        } else {
          CHECK(trimmed == expected);
        }
        for (uint64_t i = 0; i < trimmed; ++i) model.erase(model.begin());
      }
    });
    passes.Look([&](StreamValue* stream) {
      StreamId from;
      if (!model.empty()) {
        auto at = model.begin();
        std::advance(at, random() % model.size());
        from = {at->first.ms, at->first.seq + random() % 2};
      }
      CHECK(stream->last_id() == last);
      CHECK(stream->state().entries_added == added);
      CheckEntries(stream, model, from);
      bool there = false;
      REQUIRE(stream->Contains(from, &there) == Outcome::kDone);
      CHECK(there == model.contains(from));
    });
  }
}

struct GroupRun {
  Passes passes;
  ModelGroups model;
  std::mt19937_64 random;

  explicit GroupRun(uint64_t seed) : random(seed) {}
  std::string Name(const char* kind) { return kind + std::to_string(random() % 4); }
  StreamGroup Group(StreamGroups* groups, const std::string& name, bool* found) {
    StreamGroup group;
    REQUIRE(groups->Find(name, found, &group) == Outcome::kDone);
    CHECK(*found == model.contains(name));
    return group;
  }
  StreamConsumer Consumer(StreamGroups* groups, uint64_t group, const std::string& name,
                          ModelGroup* of) {
    StreamConsumer consumer;
    bool found = false;
    REQUIRE(groups->FindConsumer(group, name, &found, &consumer) == Outcome::kDone);
    CHECK(found == of->consumers.contains(name));
    if (!found) REQUIRE(groups->CreateConsumer(group, name, &consumer) == Outcome::kDone);
    of->consumers.insert(name);
    return consumer;
  }
  void Step(StreamValue* stream);
};

void GroupRun::Step(StreamValue* stream) {
  StreamGroups groups(stream);
  const std::string name = Name("group"), who = Name("consumer");
  bool found = false;
  StreamGroup group = Group(&groups, name, &found);
  if (!found) {
    group.last_id = {random() % 9, 1};
    REQUIRE(groups.Create(name, &group) == Outcome::kDone);
    model[name] = {};
    return;
  }
  ModelGroup* const of = &model[name];
  const uint64_t dice = random() % 100;
  if (dice < 4) {
    REQUIRE(groups.Destroy(name, group) == Outcome::kDone);
    model.erase(name);
  } else if (dice < 10) {
    StreamConsumer consumer;
    REQUIRE(groups.FindConsumer(group.number, who, &found, &consumer) == Outcome::kDone);
    if (!found) return;
    REQUIRE(groups.RemoveConsumer(group.number, who, consumer) == Outcome::kDone);
    of->consumers.erase(who);
    std::erase_if(of->pending, [&](const auto& item) { return item.second.consumer == who; });
  } else if (dice < 70) {
    const StreamConsumer consumer = Consumer(&groups, group.number, who, of);
    for (uint64_t n = 1 + random() % 30; n-- > 0;) {
      StreamPending pending{{random() % 20, random() % 40},
                            consumer.number,
                            static_cast<int64_t>(random() % 1000),
                            random() % 7};
      REQUIRE(groups.PutPending(group.number, pending) == Outcome::kDone);
      of->pending[pending.id] = {who, pending.delivered_ms, pending.deliveries};
    }
  } else {
    for (uint64_t n = 1 + random() % 30; n-- > 0;) {
      const StreamId id{random() % 20, random() % 40};
      StreamPending pending;
      REQUIRE(groups.FindPending(group.number, id, &found, &pending) == Outcome::kDone);
      CHECK(found == of->pending.contains(id));
      if (found) REQUIRE(groups.RemovePending(group.number, pending) == Outcome::kDone);
      of->pending.erase(id);
    }
  }
}

}  // namespace

TEST_CASE("streams: entries as in a map") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  for (uint64_t run = 0; run < Runs(9); ++run) EntriesRun(first + run);
}

TEST_CASE("streams: groups, consumers and what is pending as in maps") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  for (uint64_t run = 0; run < Runs(9); ++run) {
    const uint64_t seed = first + run;
    CAPTURE(seed);
    GroupRun one(seed);
    for (int step = 0; step < 200; ++step) {
      one.passes.Do([&](StreamValue* stream) { one.Step(stream); });
      one.passes.Look([&](StreamValue* stream) { CheckGroups(stream, one.model); });
    }
  }
}

TEST_CASE("streams: many entries that are trimmed go by and by, and nobody sees them") {
  // Without groups a trim of everything makes a new space.
  bool with_group = false;
  SUBCASE("with a group") { with_group = true; }
  SUBCASE("without") {}
  constexpr uint64_t kEntries = 20'000, kStays = 10;
  Passes passes;
  Entries model;
  if (with_group) {
    passes.Do([](StreamValue* stream) {
      StreamGroup group;
      REQUIRE(StreamGroups(stream).Create("g", &group) == Outcome::kDone);
    });
  }
  for (uint64_t at = 1; at <= kEntries;) {
    passes.Do([&](StreamValue* stream) {
      for (uint64_t n = 0; n < 1000; ++n, ++at)
        REQUIRE(Append(stream, {at, 0}, {"a", "b"}) == Outcome::kDone);
    });
  }
  for (uint64_t at = kEntries - kStays + 1; at <= kEntries; ++at) model[{at, 0}] = {"a", "b"};
  const auto trim_to = [&](uint64_t length) {
    passes.Do([&](StreamValue* stream) {
      StreamValue::Trim trim;
      uint64_t trimmed = 0;
      trim.by = StreamValue::Trim::By::kLength;
      trim.length = length;
      REQUIRE(stream->TrimBy(trim, &trimmed) == Outcome::kDone);
      CHECK(trimmed > 0);
    });
  };
  trim_to(kStays);
  const auto check = [&](StreamValue* stream) {
    CheckEntries(stream, model, {kEntries - 3, 0});
    CheckEntries(stream, model, StreamId());
    CheckEntries(stream, model, kStreamIdMax);
  };
  uint64_t dead = 0;
  passes.Look([&](StreamValue* stream) {
    dead = stream->state().dead;
    CHECK(dead == kEntries - kStays - StreamValue::kCleanMax);
    check(stream);
  });
  uint64_t next = kEntries;
  for (int writes = 0; dead > 0; ++writes) {
    REQUIRE(writes < 10);
    passes.Do([&](StreamValue* stream) {
      REQUIRE(Append(stream, {++next, 0}, {"a", "b"}) == Outcome::kDone);
      model[{next, 0}] = {"a", "b"};
    });
    passes.Look([&](StreamValue* stream) {
      CHECK(stream->state().dead == dead - std::min(dead, StreamValue::kCleanMax));
      dead = stream->state().dead;
      check(stream);
    });
  }
  trim_to(0);
  model.clear();
  passes.Look([&](StreamValue* stream) { check(stream); });
  // So many at once, and nothing else there: they go with their space.
  passes.Do([&](StreamValue* stream) {
    for (uint64_t n = 0; n < 2 * StreamValue::kCleanMax; ++n)
      REQUIRE(Append(stream, {++next, 0}, {"c", "d"}) == Outcome::kDone);
  });
  trim_to(0);
  passes.Look([&](StreamValue* stream) {
    CHECK((stream->state().dead == 0) == !with_group);
    CHECK(stream->collection().has_space() == with_group);
    check(stream);
  });
  passes.Do([&](StreamValue* stream) {
    REQUIRE(Append(stream, {++next, 0}, {"e", "f"}) == Outcome::kDone);
    model[{next, 0}] = {"e", "f"};
  });
  passes.Look([&](StreamValue* stream) { check(stream); });
}

TEST_CASE("streams: a last id that goes back leaves no dead entries behind it") {
  Passes passes;
  passes.Do([](StreamValue* stream) {
    StreamGroup group;
    REQUIRE(StreamGroups(stream).Create("g", &group) == Outcome::kDone);
    for (uint64_t at = 100; at < 10'100; ++at)
      REQUIRE(Append(stream, {at, 0}, {"a", "b"}) == Outcome::kDone);
  });
  passes.Do([](StreamValue* stream) {
    uint64_t trimmed;
    StreamValue::Trim trim;
    trim.by = StreamValue::Trim::By::kLength;
    REQUIRE(stream->TrimBy(trim, &trimmed) == Outcome::kDone);
  });
  passes.Do([](StreamValue* stream) {
    REQUIRE(stream->state().dead > 0);
    REQUIRE(stream->SetLastId({5, 0}) == Outcome::kDone);
    REQUIRE(Append(stream, {6, 0}, {"c", "d"}) == Outcome::kDone);
  });
  passes.Look([](StreamValue* stream) { CheckEntries(stream, {{{6, 0}, {"c", "d"}}}, {6, 0}); });
}

TEST_CASE("streams: who is gone is seen nowhere, though what was pending goes by and by") {
  constexpr uint64_t kPending = 3 * StreamValue::kCleanMax;
  Passes passes;
  ModelGroups model;
  StreamGroup group, other;
  StreamConsumer goes, stays;
  passes.Do([&](StreamValue* stream) {
    StreamGroups groups(stream);
    REQUIRE(groups.Create("g", &group) == Outcome::kDone);
    REQUIRE(groups.Create("h", &other) == Outcome::kDone);
    REQUIRE(groups.CreateConsumer(group.number, "goes", &goes) == Outcome::kDone);
    REQUIRE(groups.CreateConsumer(group.number, "stays", &stays) == Outcome::kDone);
  });
  model["h"] = {};
  model["g"].consumers = {"goes", "stays"};
  for (uint64_t at = 0; at < kPending;) {
    passes.Do([&](StreamValue* stream) {
      StreamGroups groups(stream);
      for (uint64_t n = 0; n < 1024; ++n, ++at) {
        const bool of_goes = at % 8 != 3 && at + 5 < kPending;
        const StreamPending pending{{at, 1}, (of_goes ? goes : stays).number, 7, 1};
        REQUIRE(groups.AppendPending(group.number, pending) == Outcome::kDone);
        model["g"].pending[pending.id] = {of_goes ? "goes" : "stays", 7, 1};
      }
    });
  }
  passes.Look([&](StreamValue* stream) { CheckGroups(stream, model); });
  passes.Do([&](StreamValue* stream) {
    StreamGroups groups(stream);
    REQUIRE(groups.RemoveConsumer(group.number, "goes", goes) == Outcome::kDone);
  });
  model["g"].consumers.erase("goes");
  std::erase_if(model["g"].pending,
                [](const auto& item) { return item.second.consumer == "goes"; });
  uint64_t doomed = 0;
  passes.Look([&](StreamValue* stream) {
    doomed = stream->state().doomed;
    CheckGroups(stream, model);
  });
  CHECK(doomed == 1);
  // What is pending for one who is gone may become somebody else's before it is removed.
  passes.Do([&](StreamValue* stream) {
    StreamGroups groups(stream);
    const StreamId id{kPending - 6, 1};
    REQUIRE(groups.PutPending(group.number, {id, stays.number, 9, 2}) == Outcome::kDone);
    model["g"].pending[id] = {"stays", 9, 2};
  });
  passes.Look([&](StreamValue* stream) { CheckGroups(stream, model); });
  for (int writes = 0; doomed > 0; ++writes) {
    REQUIRE(writes < 10);
    passes.Do([](StreamValue*) {});
    passes.Look([&](StreamValue* stream) {
      doomed = stream->state().doomed;
      CheckGroups(stream, model);
    });
  }
  passes.Do([&](StreamValue* stream) {
    REQUIRE(StreamGroups(stream).Destroy("g", group) == Outcome::kDone);
  });
  model.erase("g");
  passes.Look([&](StreamValue* stream) { CheckGroups(stream, model); });
}

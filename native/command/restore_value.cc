// What a payload of DUMP says becomes a collection. Its elements are gathered, and nothing is made
// of them before all of the payload has turned out to be true. Few are put in as by a command, and
// keep their order; of many, trees are built aside, sorted, in slices.
#include <memory>
#include <string>

#include "collection/detached.h"
#include "collection/hash.h"
#include "collection/list.h"
#include "collection/set.h"
#include "collection/zset.h"
#include "command/collection_args.h"
#include "command/dump_value.h"
#include "command/restore_elements.h"
#include "rdb/decoder.h"
#include "resp/set_errors.h"
#include "tree/build.h"

namespace cairn {
namespace {

using rdb::Decoder;
using rdb::Kind;
using tree::Outcome;

// So many elements of so many bytes are put in one by one. More do not fit the root of a tree.
inline constexpr size_t kFewElements = 512;
inline constexpr uint64_t kFewBytes = 256u << 10;
// Smaller payloads need no slices.
inline constexpr size_t kOnePassBytes = 4096;
// Of one step of the decoder: 1,024 elements or 256 KiB.
inline constexpr uint32_t kStepCost = 1024;

// What is kept from slice to slice.
struct RestoreWork {
  const char* payload = nullptr;  // which moves when the command is kept for a second pass
  std::unique_ptr<RestoredElements> elements;
  std::unique_ptr<Decoder> decoder;
  enum class Stage : uint8_t { kDecoding, kSorting, kBuilding, kBuilt } stage = Stage::kDecoding;
  Encoding encoding = Encoding::kListpack;
  std::unique_ptr<Detached> made;
  uint8_t tree = 0;  // that is being built
  size_t built = 0;  // elements of it
};

// False: the slice is over, and there will be another one.
bool GoOn(Call& call) {
  if (!call.txn.SliceOver()) return true;
  call.txn.Again();
  return false;
}

void BeginWork(Call& call, std::string_view payload, RestoreWork* work) {
  *work = {};
  work->payload = payload.data();
  work->elements = std::make_unique<RestoredElements>(Txn::NextRandom(), call.txn.now_ms(),
                                                      &call.server.thresholds);
  rdb::DecodeLimits limits;
  limits.string_bytes_max = kValueBytesMax;
  work->decoder = std::make_unique<Decoder>(payload, work->elements.get(), limits);
}

// False: pending, or answered.
bool Decode(Call& call, RestoreWork* work) {
  Decoder::Progress progress = Decoder::Progress::kMore;
  while (progress == Decoder::Progress::kMore) {
    if (!GoOn(call)) return false;
    progress = work->decoder->Step({});
    call.txn.Charge(kStepCost);
  }
  if (progress == Decoder::Progress::kFailed)
    return Refuse(call, RestoreError(work->decoder->fault()));
  if (work->elements->unknown()) return Refuse(call, errors::kNoRestoreOfType);
  return progress == Decoder::Progress::kDone || Refuse(call, errors::kRestoreFormat);
}

// --- few elements ---

// add(element, *twice): puts it in, or finds that it was there. False: answered.
template <typename Value, typename Add>
bool PutEach(Call& call, Value* value, RestoredElements* elements, uint64_t expire_at_ms, Add add) {
  Outcome in = Outcome::kDone;
  bool twice = false;
  for (const RestoredElement& element : elements->all()) {
    if (in == Outcome::kDone && !twice) in = add(element, &twice);
  }
  if (twice) return Refuse(call, errors::kRestoreFormat);
  if (!Done(call, in, value->status())) return false;
  Collection& collection = value->collection();
  collection.set_encoding(elements->encoding());
  collection.set_expire_at_ms(expire_at_ms);
  uint64_t count;
  if (!Done(call, collection.Count(&count), value->status())) return false;
  if (count == 0) call.txn.Delete(collection.key());  // all fields have ended
  return count == 0 || Done(call, collection.Save(), value->status());
}

bool PutFewItems(Call& call, std::string_view key, RestoredElements* elements, uint64_t end) {
  ListValue list(&call.txn, key, &call.server.thresholds);
  list.Make();
  return PutEach(call, &list, elements, end, [&](const RestoredElement& element, bool*) {
    return list.Push(false, {&element.value, 1});
  });
}

bool PutFewMembers(Call& call, std::string_view key, RestoredElements* elements, uint64_t end) {
  SetValue set(&call.txn, key, &call.server.thresholds);
  set.Make(elements->encoding(), elements->seed());
  return PutEach(call, &set, elements, end, [&](const RestoredElement& element, bool* twice) {
    bool added = true;
    const Outcome outcome = set.Add(element.name, &added);
    *twice = !added;
    return outcome;
  });
}

bool PutFewFields(Call& call, std::string_view key, RestoredElements* elements, uint64_t end) {
  HashValue hash(&call.txn, key, &call.server.thresholds);
  hash.Make();
  return PutEach(call, &hash, elements, end, [&](const RestoredElement& element, bool* twice) {
    return hash.Set(element.name, element.value, twice, element.due);
  });
}

bool PutFewScores(Call& call, std::string_view key, RestoredElements* elements, uint64_t end) {
  ZsetValue zset(&call.txn, key, &call.server.thresholds);
  zset.Make(elements->count(), 0);
  return PutEach(call, &zset, elements, end, [&](const RestoredElement& element, bool* twice) {
    double other;
    const Outcome outcome = zset.Find(element.name, twice, &other);
    if (outcome != Outcome::kDone || *twice) return outcome;
    return zset.Put({element.name, element.score}, nullptr);
  });
}

bool PutFew(Call& call, std::string_view key, RestoredElements* elements, uint64_t expire_at_ms) {
  switch (elements->kind()) {
    case Kind::kList:
      return PutFewItems(call, key, elements, expire_at_ms);
    case Kind::kSet:
      return PutFewMembers(call, key, elements, expire_at_ms);
    case Kind::kHash:
      return PutFewFields(call, key, elements, expire_at_ms);
    case Kind::kZset:
      return PutFewScores(call, key, elements, expire_at_ms);
    case Kind::kString:
    case Kind::kStream:
      break;
  }
  return Refuse(call, errors::kNoRestoreOfType);
}

// --- many ---

ValueType TypeOf(Kind kind) {
  switch (kind) {
    case Kind::kList:
      return ValueType::kList;
    case Kind::kSet:
      return ValueType::kSet;
    case Kind::kHash:
      return ValueType::kHash;
    case Kind::kZset:
      return ValueType::kZset;
    case Kind::kString:
    case Kind::kStream:
      break;
  }
  return ValueType::kString;
}

void BeginTrees(RestoreWork* work) {
  RestoredElements& elements = *work->elements;
  constexpr bool kOrdered[] = {true, true};
  constexpr bool kByPlace[] = {false};
  work->encoding = elements.encoding();
  const bool two = elements.kind() == Kind::kZset;
  work->made = elements.kind() == Kind::kList
                   ? std::make_unique<Detached>(kByPlace)
                   : std::make_unique<Detached>(std::span(kOrdered, two ? 2 : 1));
  // Of a sorted set its index comes first: names that come twice are found there.
  work->tree = two ? ZsetValue::kIndexTree : 0;
  work->stage = RestoreWork::Stage::kSorting;
  if (work->encoding != Encoding::kIntset) return;
  for (RestoredElement& element : elements.all()) {  // SetValue::kIntsetMembersMax at most
    int64_t integer = 0;
    CAIRN_CHECK(ParseInt64(element.name, &integer), "the encoding says so");
    element.head = SetValue::KeyOf(integer).head;
    element.name = {};
  }
}

// An element in the tree that is being built. *buffer: for the value.
void EntryOf(const RestoreWork& work, const RestoredElement& element, std::string* buffer,
             tree::Key* key, tree::Value* value) {
  *key = {element.head, element.name};
  *value = {element.value, element.due};
  if (work.elements->kind() != Kind::kZset) return;
  if (work.tree == ZsetValue::kIndexTree) {
    *buffer = ZsetValue::ScoreBytes(element.score);
    value->payload = *buffer;
  } else {
    value->payload = tree::ScorePayload(element.score);
  }
}

// What the next tree of a sorted set is sorted by.
void HeadByScore(const RestoreWork& work, RestoredElement* element) {
  if (work.elements->kind() != Kind::kZset) return;
  element->head = tree::SortableScore(element->score);
}

bool Sort(Call& call, RestoreWork* work) {
  if (work->elements->kind() != Kind::kList) {
    do {
      if (!GoOn(call)) return false;
      call.txn.Charge(SliceSort<RestoredElement>::kPiece);
    } while (!work->elements->SortStep());
  }
  work->stage = RestoreWork::Stage::kBuilding;
  return true;
}

// False: pending, or answered.
bool BuildTree(Call& call, RestoreWork* work) {
  std::vector<RestoredElement>& all = work->elements->all();
  const bool ordered = work->elements->kind() != Kind::kList;
  tree::Tree tree({.ordered = ordered}, work->made->pager(), work->tree);
  tree::Builder builder(&tree);
  std::string buffer;
  Outcome outcome = Outcome::kDone;
  while (outcome == Outcome::kDone && work->built < all.size() && !call.txn.SliceOver()) {
    RestoredElement& element = all[work->built];
    // A listpack of Redis knows no negative zero.
    if (work->encoding == Encoding::kListpack && element.score == 0) element.score = 0;
    tree::Key key;
    tree::Value value;
    EntryOf(*work, element, &buffer, &key, &value);
    outcome = builder.Add(key, value);
    if (outcome != Outcome::kDone) break;
    ++work->built;
    HeadByScore(*work, &element);
    call.txn.ChargeElement(value.payload.size());
  }
  if (outcome == Outcome::kDone) outcome = builder.Finish();
  const Status& status = work->made->pager()->status();
  if (outcome == Outcome::kFailed && status.code() == Code::kInvalid)
    return Refuse(call, errors::kRestoreFormat);  // an element came twice
  if (!Done(call, outcome, status)) return false;
  return work->built == all.size() || GoOn(call);
}

// False: pending, or answered.
bool Build(Call& call, RestoreWork* work) {
  while (work->stage != RestoreWork::Stage::kBuilt) {
    if (work->stage == RestoreWork::Stage::kDecoding) BeginTrees(work);
    if (work->stage == RestoreWork::Stage::kSorting && !Sort(call, work)) return false;
    if (!BuildTree(call, work)) return false;
    work->built = 0;
    work->elements->Unsort();
    work->stage = work->tree == 0 ? RestoreWork::Stage::kBuilt : RestoreWork::Stage::kSorting;
    if (work->tree > 0) --work->tree;
  }
  return true;
}

}  // namespace

std::string_view RestoreError(rdb::DumpResult fault) {
  switch (fault) {
    case rdb::DumpResult::kBadFooter:
      return errors::kRestoreChecksum;
    case rdb::DumpResult::kTooLong:
      return errors::kStringTooLong;
    case rdb::DumpResult::kOtherType:
      return errors::kNoRestoreOfType;
    case rdb::DumpResult::kOk:
    case rdb::DumpResult::kBadFormat:
      break;
  }
  return errors::kRestoreFormat;
}

bool RestoreCollection(Call& call, std::string_view key, std::string_view payload,
                       uint64_t expire_at_ms, bool check) {
  RestoreWork local;
  RestoreWork* const work = call.txn.ProgressIf(payload.size() > kOnePassBytes, &local);
  if (work->payload != payload.data()) BeginWork(call, payload, work);
  RestoredElements& elements = *work->elements;
  if (work->stage == RestoreWork::Stage::kDecoding && !Decode(call, work)) return false;
  if (check) return true;
  if (elements.all().size() <= kFewElements && elements.bytes() <= kFewBytes)
    return PutFew(call, key, &elements, expire_at_ms);
  if (!Build(call, work)) return false;
  const Status put = work->made->PutInto(&call.txn, key, TypeOf(elements.kind()), work->encoding,
                                         elements.state(), expire_at_ms, work != &local);
  return put.ok() || (!call.txn.pending() && RefuseFailed(call, put));
}

}  // namespace cairn

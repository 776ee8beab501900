#include "lsm/namespaces.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <utility>

#include "base/check.h"
#include "engine/limits.h"
#include "lsm/drop_gate.h"
#include "lsm/key.h"
#include "lsm/merge_counters.h"
#include "lsm/value.h"

namespace cairn::lsm {

namespace {

constexpr std::string_view kCountersName = "keys";
constexpr size_t kKeysAt = 0;
constexpr size_t kExpiringAt = 1;
constexpr size_t kExpirySecondsAt = 2;
constexpr uint64_t kMillisPerSecond = 1000;

// Takes the number at the front of *text, and the blank or line end behind it.
bool TakeNumber(std::string_view* text, uint32_t* number) {
  const char* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, *number);
  if (error != std::errc() || at == end || (*at != ' ' && *at != '\n')) return false;
  text->remove_prefix(static_cast<size_t>(at - text->data()) + 1);
  return true;
}

void Add(std::atomic<uint64_t>* figure, uint64_t delta) {
  figure->store(figure->load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
}

}  // namespace

std::string MetadataKey(std::string_view name) {
  std::string key;
  EncodeKey({.category = Category::kSystem, .index = system_index::kMetadata}, name, &key);
  return key;
}

std::string CountersKey(uint32_t collection) {
  std::string key;
  EncodeKey(
      {.category = Category::kSystem, .collection = collection, .index = system_index::kCounters},
      kCountersName, &key);
  return key;
}

bool Namespaces::Begin(uint32_t databases, bool* changed) {
  *changed = databases > slots_.size();
  if (*changed && databases - slots_.size() > unused()) return false;
  std::vector<Slot> slots(std::max<size_t>(databases, slots_.size()));
  for (size_t ns = 0; ns < slots.size(); ++ns) {
    slots[ns].collection = ns < slots_.size() ? slots_[ns].collection.load() : next_collection_++;
  }
  slots_ = std::move(slots);
  return true;
}

FormatFault Namespaces::ParseMapping(std::string_view text) {
  const size_t bytes = text.size();
  std::vector<uint32_t> collections;
  std::set<uint32_t> seen;
  if (!TakeNumber(&text, &next_collection_)) return {"number expected", 0};
  if (next_collection_ == 0) return {"no such collection", 0};
  while (!text.empty()) {
    const size_t at = bytes - text.size();
    uint32_t collection;
    if (!TakeNumber(&text, &collection)) return {"number expected", at};
    if (collection == 0 || collection >= next_collection_ || !seen.insert(collection).second)
      return {"no such collection", at};
    if (collections.size() == kDatabasesMax) return {"too many databases", at};
    collections.push_back(collection);
  }
  std::vector<Slot> slots(collections.size());
  for (size_t ns = 0; ns < slots.size(); ++ns) slots[ns].collection = collections[ns];
  slots_ = std::move(slots);
  return {};
}

FormatFault Namespaces::ParseDropped(std::string_view text) {
  const size_t bytes = text.size();
  std::set<uint32_t> current;
  for (const Slot& slot : slots_) current.insert(slot.collection.load());
  dropped_.clear();
  while (!text.empty()) {
    const size_t at = bytes - text.size();
    uint32_t collection;
    if (!TakeNumber(&text, &collection)) return {"number expected", at};
    if (!dropped_.empty() && dropped_.back() >= collection) return {"not in order", at};
    if (collection == 0 || collection >= next_collection_) return {"no such collection", at};
    if (current.contains(collection)) return {"collection of a database", at};
    if (dropped_.size() == kDroppedCollectionsMax) return {"too many collections", at};
    dropped_.push_back(collection);
  }
  return {};
}

FormatFault Namespaces::ParseCounters(uint16_t ns, std::string_view body) {
  Counters counters;
  if (const FormatFault fault = AddCounters(body, &counters)) return fault;
  slots_[ns].keys = static_cast<uint64_t>(counters.values[kKeysAt]);
  slots_[ns].expiring = static_cast<uint64_t>(counters.values[kExpiringAt]);
  slots_[ns].expiry_seconds = static_cast<uint64_t>(counters.values[kExpirySecondsAt]);
  return {};
}

void Namespaces::SetCounters(uint16_t ns, uint64_t keys, uint64_t expiring, uint64_t expiry_seconds,
                             Batch* batch) {
  slots_[ns].keys = keys;
  slots_[ns].expiring = expiring;
  slots_[ns].expiry_seconds = expiry_seconds;
  Note(ns, batch);
}

void Namespaces::Note(uint16_t ns, Batch* batch) {
  if (slots_[ns].noted) return;
  slots_[ns].noted = true;
  batch->changed.push_back(ns);
}

void Namespaces::Count(uint16_t ns, Change change, uint64_t old_expire_at_ms, uint64_t expire_at_ms,
                       Batch* batch) {
  Note(ns, batch);
  Slot& slot = slots_[ns];
  if (change != Change::kStayed) Add(&slot.keys, change == Change::kCame ? 1 : uint64_t{0} - 1);
  const uint64_t had = old_expire_at_ms != 0 ? 1 : 0;
  const uint64_t has = expire_at_ms != 0 ? 1 : 0;
  if (had + has == 0) return;
  // Where writes are blind, it counts too many, and never too few.
  if (has < had && slot.expiring.load(std::memory_order_relaxed) == 0) return;
  Add(&slot.expiring, has - had);
  Add(&slot.expiry_seconds, expire_at_ms / kMillisPerSecond - old_expire_at_ms / kMillisPerSecond);
}

void Namespaces::TouchPages(uint16_t ns, Batch* batch) {
  slots_[ns].pages = true;
  Note(ns, batch);
}

void Namespaces::Flush(uint16_t ns, bool exact, Batch* batch) {
  Slot& slot = slots_[ns];
  if (exact && slot.keys.load(std::memory_order_relaxed) == 0 && !slot.pages) return;
  const uint32_t old = slot.collection.load(std::memory_order_relaxed);
  dropped_.insert(std::lower_bound(dropped_.begin(), dropped_.end(), old), old);
  batch->dropped.push_back(old);
  CAIRN_CHECK(unused() != 0, "Apply looks before it flushes");
  slot.collection.store(next_collection_++, std::memory_order_relaxed);
  slot.keys.store(0, std::memory_order_relaxed);
  slot.expiring.store(0, std::memory_order_relaxed);
  slot.expiry_seconds.store(0, std::memory_order_relaxed);
  slot.pages = false;
  batch->mapping_changed = true;
  Note(ns, batch);
}

void Namespaces::Swap(uint16_t a, uint16_t b, Batch* batch) {
  const auto exchange = [&](auto figure) {
    const auto of_a = (slots_[a].*figure).load(std::memory_order_relaxed);
    (slots_[a].*figure)
        .store((slots_[b].*figure).load(std::memory_order_relaxed), std::memory_order_relaxed);
    (slots_[b].*figure).store(of_a, std::memory_order_relaxed);
  };
  exchange(&Slot::collection);
  exchange(&Slot::keys);
  exchange(&Slot::expiring);
  exchange(&Slot::expiry_seconds);
  std::swap(slots_[a].pages, slots_[b].pages);
  batch->mapping_changed = true;
  Note(a, batch);
  Note(b, batch);
}

void Namespaces::Forget(const std::vector<uint32_t>& collections, Batch* batch) {
  std::vector<uint32_t> left;
  std::set_difference(dropped_.begin(), dropped_.end(), collections.begin(), collections.end(),
                      std::back_inserter(left));
  dropped_ = std::move(left);
  for (const uint32_t collection : collections)
    batch->records.push_back({CountersKey(collection), {}, true});
  batch->mapping_changed = true;
}

void Namespaces::AddRecords(uint64_t version, Batch* batch) {
  std::string text;
  std::string value;
  if (!batch->changed.empty() || batch->mapping_changed) batch->version = version;
  for (const uint16_t ns : batch->changed) {
    Slot& slot = slots_[ns];
    slot.noted = false;
    const int64_t values[] = {static_cast<int64_t>(slot.keys.load(std::memory_order_relaxed)),
                              static_cast<int64_t>(slot.expiring.load(std::memory_order_relaxed)),
                              static_cast<int64_t>(slot.expiry_seconds.load())};
    text.clear();
    AppendCounters(values, &text);
    EncodeValue({.kind = Kind::kCounters, .version = version}, text, &value);
    batch->records.push_back({CountersKey(slot.collection.load()), value, false});
  }
  if (!batch->mapping_changed) return;
  text = std::to_string(next_collection_) + "\n";
  for (const Slot& slot : slots_) text += std::to_string(slot.collection.load()) + "\n";
  EncodeValue({.kind = Kind::kMetadata, .version = version}, text, &value);
  batch->records.push_back({MetadataKey("namespaces"), value, false});
  text.clear();
  for (const uint32_t collection : dropped_) text += std::to_string(collection) + "\n";
  EncodeValue({.kind = Kind::kMetadata, .version = version}, text, &value);
  batch->records.push_back({MetadataKey("dropped"), value, false});
}

uint64_t Namespaces::keys() const {
  uint64_t sum = 0;
  for (const Slot& slot : slots_) sum += slot.keys.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace cairn::lsm

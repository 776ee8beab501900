// Pages: numbers for their spaces, what a start has to know of them, and the thread that deletes
// what is left of spaces that were dropped. The rest is in engine/keyed_spaces.h.
#include <rocksdb/iterator.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lsm/key.h"
#include "lsm/lsm_engine.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

constexpr std::string_view kSpacesName = "spaces";
constexpr uint64_t kDropMillis = 50;
// More than any starts since the latest page can have set aside.
constexpr uint64_t kNumbersLeftOut = 1024 * KeyedSpaces::kNumbersAside;

std::string PrefixBytes(const KeyPrefix& prefix) {
  std::string bytes(kPrefixBytes, '\0');
  EncodePrefix(prefix, bytes.data());
  return bytes;
}

std::string NumbersValue(uint64_t end, uint64_t version) {
  std::string value;
  EncodeValue({.kind = Kind::kMetadata, .version = version}, std::to_string(end), &value);
  return value;
}

}  // namespace

// set_aside: metadata "spaces", the first number of a space that no start has set aside.
Status LsmEngine::LoadSpaces(const std::optional<std::string>& set_aside) {
  const bool found = set_aside.has_value();
  uint64_t numbers = 0;
  if (found) {
    const char* const end = set_aside->data() + set_aside->size();
    const auto [at, error] = std::from_chars(set_aside->data(), end, numbers);
    if (error != std::errc() || at != end)
      return Status(Code::kCorruption, "metadata 'spaces': number expected");
  }
  // Without it there never was a page, unless it was lost.
  if (found || options_.salvage) {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    uint64_t highest = 0;
    for (uint32_t ns = 0; ns < namespaces_.count(); ++ns)
      highest = std::max(highest, LookAtPages(static_cast<uint16_t>(ns), at.get()));
    if (!at->status().ok()) return Status(Code::kIoError, "RocksDB: " + at->status().ToString());
    if (!found && highest != 0) numbers = highest + kNumbersLeftOut;
  }
  const uint64_t end = numbers + tuning_.space_numbers;
  if (end >= KeyedSpaces::kNumbersMax)
    return Status(Code::kInvalid, options_.dir + ": the numbers of spaces are used up");
  spaces_.BeginNumbers(numbers, end);
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status wrote =
      db_->Put(options, MetadataKey(kSpacesName), NumbersValue(end, ++version_));
  return wrote.ok() ? Status() : Status(Code::kIoError, "RocksDB: " + wrote.ToString());
}

// What a start finds of the pages of a namespace. Returns the highest number of one of its spaces.
uint64_t LsmEngine::LookAtPages(uint16_t ns, rocksdb::Iterator* at) {
  const std::string prefix = PrefixBytes(PrefixOf(PagesOf(ns)));
  const auto here = [&] {
    return at->Valid() && Viewed(at->key()).starts_with(prefix) &&
           Viewed(at->key()).size() == kPrefixBytes + kPageKeyBytes;
  };
  uint64_t highest = 0;
  for (at->Seek(Sliced(prefix)); here(); at->Next()) {
    namespaces_.slot(ns).pages = true;
    spaces_.FoundPages();
    const std::string_view key = Viewed(at->key()).substr(kPrefixBytes);
    if (!IsMark(key)) break;  // marks come first
    spaces_.FoundMark(ns, SpaceOfPageKey(key));
    highest = std::max(highest, SpaceOfPageKey(key) >> kHomeBits);
  }
  if (!here()) return highest;
  at->SeekForPrev(Sliced(PrefixSuccessor(prefix)));
  if (!here()) return highest;
  return std::max(highest, SpaceOf(Viewed(at->key()).substr(kPrefixBytes)) >> kHomeBits);
}

// A home has used up its numbers: the next ones, for all homes, when a batch with the new end is
// durable.
void LsmEngine::MoreNumbers() {
  const uint64_t end = spaces_.numbers_end() + tuning_.space_numbers;
  if (end >= KeyedSpaces::kNumbersMax) return;
  if (numbers_batch_ != 0) {
    if (committer_->durable() < numbers_batch_) return;
    numbers_batch_ = 0;
    spaces_.AddNumbers(end);
    listener_->OnDurable(0);
    return;
  }
  {
    const std::lock_guard lock(committer_->mutex());
    if (!committer_->HasRoom()) return;
    BatchRecord record{MetadataKey(kSpacesName), NumbersValue(end, version_), false};
    const uint64_t bytes = record.key.size() + record.value.size();
    committer_->open().records.push_back(std::move(record));
    committer_->Added(bytes, true);
    numbers_batch_ = committer_->open().number;
  }
  committer_->Kick(true);
  committer_->Sync();
}

void LsmEngine::RunDrops() {
  std::unique_lock lock(jobs_mutex_);
  while (!jobs_stop_) {
    jobs_wake_.wait_for(lock, std::chrono::milliseconds(kDropMillis),
                        [this] { return jobs_stop_.load(); });
    if (jobs_stop_) return;
    lock.unlock();
    if (spaces_.wants_numbers()) MoreNumbers();
    // Their pages may still wait for RocksDB, where they are looked for.
    uint64_t left = spaces_.queued();
    if (left != 0 && !committer_->AwaitWritten()) left = 0;
    for (; left != 0 && !jobs_stop_ && DeletePages(); --left) {
    }
    lock.lock();
  }
}

// Of one space. False: not for now.
bool LsmEngine::DeletePages() {
  KeyedSpaces::Dropped dropped;
  if (!spaces_.Take(&dropped)) return false;
  const uint16_t home = HomeOf(dropped.space);
  const auto prefix_of = [&] { return PrefixOf(PagesOf(spaces_.NamespaceOf(dropped))); };
  KeyPrefix prefix;
  {
    const LatchGuard guard(ShardLatch(home));
    prefix = prefix_of();
  }
  std::string from;
  EncodePageKey(prefix, dropped.space, 0, &from);
  const std::string end = PrefixSuccessor(std::string_view(from).substr(0, kPrefixBytes + 8));
  const rocksdb::Slice upper = Sliced(end);
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.fill_cache = false;
  options.iterate_upper_bound = &upper;
  std::vector<std::string> keys;
  std::vector<std::string_view> views;
  while (!jobs_stop_) {
    keys.clear();
    views.clear();
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
    for (at->Seek(Sliced(from)); at->Valid() && keys.size() < KeyedSpaces::kPagesPerSlice;
         at->Next())
      keys.emplace_back(Viewed(at->key()).substr(kPrefixBytes));
    if (!at->status().ok()) break;
    const bool last = !at->Valid();
    for (const std::string& key : keys) views.push_back(key);
    {
      const LatchGuard guard(ShardLatch(home));
      // A flush has taken its pages along, and it is looked for where the namespace is now.
      if (prefix_of() != prefix) break;
      if (!spaces_.Erase(0, dropped, views, last).ok()) break;
    }
    if (last) return true;
    from.resize(kPrefixBytes);
    from += keys.back();
    from += '\0';  // behind it
  }
  spaces_.PutBack(dropped);
  return false;
}

}  // namespace cairn::lsm

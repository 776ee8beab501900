// The index of pending writes: what it shows of a key, and that a key that is written over and over
// costs what one that is written once does.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "lsm/key.h"
#include "lsm/pending.h"

using namespace cairn::lsm;

namespace {

struct Written {
  std::string key;
  PendingWrite write;
};

class Writes {
 public:
  PendingWrite* Add(PendingIndex* index, const std::string& key, uint64_t batch) {
    Written& written = writes_.emplace_back();
    written.key = key;
    PendingWrite& write = written.write;
    write.key = written.key;
    write.batch = batch;
    write.hash = HashOf(write.key);
    index->Add(&write);
    return &write;
  }
  std::deque<Written>& all() { return writes_; }

 private:
  std::deque<Written> writes_;
};

std::string StoredKey(size_t i) {
  return std::string(kPrefixBytes, '\0') + "key " + std::to_string(i);
}

const PendingWrite* Look(const PendingIndex& index, const std::string& key) {
  return index.Find(0, key, HashOf(key));
}

}  // namespace

TEST_CASE("lsm pending: the newest write of a key is the one that shows") {
  PendingIndex index;
  Writes writes;
  constexpr size_t kKeys = 300;  // of 128 buckets
  CHECK(Look(index, StoredKey(0)) == nullptr);
  std::vector<PendingWrite*> first;
  std::vector<PendingWrite*> second;
  for (size_t i = 0; i < kKeys; ++i) first.push_back(writes.Add(&index, StoredKey(i), 1));
  for (size_t i = 0; i < kKeys; i += 2) second.push_back(writes.Add(&index, StoredKey(i), 2));
  for (size_t i = 0; i < kKeys; ++i)
    CHECK(Look(index, StoredKey(i)) == (i % 2 == 0 ? second[i / 2] : first[i]));
  // Older ones first, as batches are retired: those that have a newer one leave it there.
  for (size_t i = 0; i < kKeys; ++i) CHECK(index.Remove(first[i]) == (i % 2 == 1));
  for (size_t i = 0; i < kKeys; ++i)
    CHECK(Look(index, StoredKey(i)) == (i % 2 == 0 ? second[i / 2] : nullptr));
  for (PendingWrite* write : second) CHECK(index.Remove(write));
  for (size_t i = 0; i < kKeys; ++i) CHECK(Look(index, StoredKey(i)) == nullptr);
}

TEST_CASE("lsm pending: writes of one key cost what writes of many keys do") {
  constexpr size_t kWrites = 12'000;
  const auto seconds_of = [](size_t keys) {
    PendingIndex index;
    Writes writes;
    const auto began = std::chrono::steady_clock::now();
    for (size_t i = 0; i < kWrites; ++i) writes.Add(&index, StoredKey(i % keys), i);
    for (Written& written : writes.all()) index.Remove(&written.write);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  double one = 1e9;
  double many = 1e9;
  for (int round = 0; round < 3; ++round) {
    one = std::min(one, seconds_of(1));
    many = std::min(many, seconds_of(1000));
  }
  // Chains of one key made this 15 and more.
  CHECK(one < 4 * many);
}

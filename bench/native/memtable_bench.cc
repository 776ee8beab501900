// Insertions into memtables and look-ups there, RocksDB's skip list against the tree, through a
// database without a log: `memtable_bench [versions] [keys] [batch]`. Prints nanoseconds of CPU of
// the thread per write and per Get, of both in turns. Build: make measuring
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lsm/comparator.h"
#include "lsm/memtable.h"
#include "measuring.h"

namespace {

using measuring::CpuNanos;
using measuring::Mix;

using namespace cairn::lsm;

void Must(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

std::string KeyOf(uint64_t n) {
  char text[32];
  std::snprintf(text, sizeof(text), "key:%012llu", static_cast<unsigned long long>(n));
  return std::string("\x01\x01\0\0\0\x01\0\0\0\0\0\0\0\0", 14) + text;
}

void Run(const char* name, bool tree, bool sorted, uint64_t versions, uint64_t keys,
         uint64_t batch_writes, uint64_t round) {
  const std::string path = std::filesystem::temp_directory_path() / "cairn-memtable-bench";
  LargeValues large;
  rocksdb::Options options;
  options.create_if_missing = true;
  options.comparator = ComparatorOf(KeyOrder::kAscending);
  options.write_buffer_size = size_t{4} << 30;
  options.arena_block_size = 1 << 20;
  options.allow_concurrent_memtable_write = false;
  if (tree) options.memtable_factory = NewMemtables(nullptr, &large);
  Must(rocksdb::DestroyDB(path, options));
  rocksdb::DB* opened = nullptr;
  Must(rocksdb::DB::Open(options, path, &opened));
  const std::unique_ptr<rocksdb::DB> db(opened);

  rocksdb::WriteOptions write;
  write.disableWAL = true;
  const std::string value(130, 'v');
  uint64_t write_nanos = 0;
  rocksdb::WriteBatch batch;
  std::vector<uint64_t> chosen(batch_writes);
  for (uint64_t i = 0; i < versions; i += batch_writes) {
    for (uint64_t j = 0; j < batch_writes; ++j) chosen[j] = Mix(round << 40 | (i + j + 1)) % keys;
    if (sorted) std::sort(chosen.begin(), chosen.end());
    batch.Clear();
    for (const uint64_t n : chosen) Must(batch.Put(KeyOf(n), value));
    const uint64_t begin = CpuNanos();
    Must(db->Write(write, &batch));
    write_nanos += CpuNanos() - begin;
  }

  constexpr uint64_t kGets = 200000;
  std::vector<std::string> wanted;
  for (uint64_t i = 0; i < kGets; ++i) wanted.push_back(KeyOf(Mix(~i) % keys));
  std::string found;
  const uint64_t begin = CpuNanos();
  for (const std::string& key : wanted) (void)db->Get({}, key, &found);
  const uint64_t get_nanos = CpuNanos() - begin;
  std::printf("%-12s %6llu ns/write %6llu ns/get\n", name,
              static_cast<unsigned long long>(write_nanos / versions),
              static_cast<unsigned long long>(get_nanos / kGets));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int n, uint64_t otherwise) {
    return argc > n ? std::strtoull(argv[n], nullptr, 10) : otherwise;
  };
  const uint64_t versions = argument(1, 1000000);
  const uint64_t keys = argument(2, 100000);
  const uint64_t batch = argument(3, 800);
  for (uint64_t round = 0; round < 5; ++round) {
    Run("list", false, false, versions, keys, batch, round);
    Run("tree", true, false, versions, keys, batch, round);
    Run("list sorted", false, true, versions, keys, batch, round);
    Run("tree sorted", true, true, versions, keys, batch, round);
  }
}

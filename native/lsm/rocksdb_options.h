// How RocksDB's options are made of ours (lsm_options.h).
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <cstdint>
#include <memory>

#include "lsm/lsm_options.h"

namespace cairn::lsm {

// Tables that are open at a time.
inline constexpr uint64_t kOpenFilesMax = 1000;

// The cache for blocks, with its share of `cache-size`.
std::shared_ptr<rocksdb::Cache> NewBlockCache(const LsmOptions& options);
// Bytes of that share; the rest is the record cache's.
uint64_t BlockCacheBytes(const LsmOptions& options, uint64_t cache_bytes);

// The part that depends on options alone. The caller adds environment, log, listeners, merge
// operator and compaction filter.
rocksdb::Options RocksdbOptions(const LsmOptions& options,
                                const std::shared_ptr<rocksdb::Cache>& block_cache);

}  // namespace cairn::lsm

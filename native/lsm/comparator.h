// Orders of stored keys, and what else RocksDB has to know about them.
//
// Ascending is the order of the bytes; descending is exactly its reverse. A directory keeps the
// order it was created with: RocksDB remembers the comparator's name and refuses another one. Both
// shorten what index blocks keep between two data blocks. The objects live as long as the process.
// Thread-safe.
//
// Iterators that stay within one prefix of 14 bytes may use the prefix filters; a range of whole
// collections or indexes is shorter than a prefix and needs `total_order_seek`.
#pragma once

#include <rocksdb/comparator.h>
#include <rocksdb/slice_transform.h>

#include <memory>
#include <string_view>

namespace cairn::lsm {

enum class KeyOrder : uint8_t { kAscending, kDescending };

const rocksdb::Comparator* ComparatorOf(KeyOrder order);

// The first kPrefixBytes of a key, or the whole of a shorter one.
std::shared_ptr<const rocksdb::SliceTransform> NewPrefixExtractor();

// A key that comes, in this order, behind everything that begins with `prefix` and not behind
// anything else: the upper bound of a range. `prefix` is not empty. Descending it must not be a
// whole prefix of 14 bytes: the key with an empty user key is the last that begins with it, and
// nothing comes between that and the next prefix. (An iterator with `prefix_same_as_start` ends
// there without a bound.)
std::string EndOfPrefix(KeyOrder order, std::string_view prefix);

}  // namespace cairn::lsm

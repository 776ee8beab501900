// RocksDB's views of bytes, and ours.
#pragma once

#include <rocksdb/slice.h>

#include <string_view>

namespace cairn::lsm {

inline rocksdb::Slice Sliced(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view Viewed(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace cairn::lsm

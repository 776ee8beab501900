// Payloads of DUMP for lists, sets, sorted sets and hashes, element by element. What is small takes
// the packed form that Redis would keep it in by the same thresholds, the rest stands element by
// element; either way every Redis loads it that knows the version. (Strings: string_payload.h,
// streams: stream_encoder.h.)
//
// The caller says how many elements come, brings that many, each once, and then finishes. Memory:
// what is packed, which is bounded by the thresholds, and for what is compressed its length.
// Threads: one at a time. Views are good during the call.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/lzf.h"
#include "rdb/listpack.h"
#include "rdb/payload_writer.h"

namespace cairn::rdb {

struct EncodeOptions {
  // In the footer, and types that came with later versions are not used: 10 loads in Redis 7.0, 11
  // in 7.2. (Hashes with fields that expire need 12, Redis 7.4, whatever stands here.)
  uint16_t version = kDumpVersion;
  // Nothing but lists and streams is packed, as in Redis once a value has been too large for it.
  bool table = false;
  // Redis's thresholds, with its names and defaults.
  uint64_t hash_max_listpack_entries = 512;
  uint64_t hash_max_listpack_value = 64;
  int64_t list_max_listpack_size = -2;
  uint64_t set_max_intset_entries = 512;
  uint64_t set_max_listpack_entries = 128;
  uint64_t set_max_listpack_value = 64;
  uint64_t zset_max_listpack_entries = 128;
  uint64_t zset_max_listpack_value = 64;
  uint64_t stream_node_max_bytes = 4096;  // 0: no limit, of the next one, too
  uint64_t stream_node_max_entries = 100;
  // Longer strings are not compressed: a call takes as long as that.
  uint64_t compress_bytes_max = kLzfInputBytesMax;
};

// Always a quicklist: nodes of items by `list_max_listpack_size`, and items beyond a node's bytes
// by themselves.
class ListEncoder {
 public:
  ListEncoder(Sink* sink, const EncodeOptions& options, uint64_t count);
  void Add(std::string_view item);
  void Finish();

 private:
  bool FitsNode(std::string_view item) const;
  void Start();
  void FlushNode();

  PayloadWriter writer_;
  const uint64_t count_;
  const uint64_t node_bytes_max_;
  const uint64_t node_items_max_;
  uint64_t added_ = 0;
  uint64_t nodes_ = 0;
  bool started_ = false;
  bool is_single_ = false;  // node
  Listpack node_;
};

// Members in any order.
class SetEncoder {
 public:
  SetEncoder(Sink* sink, const EncodeOptions& options, uint64_t count);
  void Add(std::string_view member);
  void Finish();

 private:
  enum class Form : uint8_t { kIntset, kListpack, kTable };

  bool MayPack() const;
  void StartTable();
  void LeaveIntset();
  void LeaveListpack();
  void WriteIntset();

  PayloadWriter writer_;
  const EncodeOptions options_;
  const uint64_t count_;
  uint64_t added_ = 0;
  Form form_ = Form::kIntset;
  std::vector<int64_t> integers_;
  Listpack pack_;
};

// Members by ascending score, those of equal score by ascending bytes. No NaN.
class ZsetEncoder {
 public:
  ZsetEncoder(Sink* sink, const EncodeOptions& options, uint64_t count);
  void Add(std::string_view member, double score);
  void Finish();

 private:
  void StartTable();
  void LeaveListpack();

  PayloadWriter writer_;
  const uint64_t value_bytes_max_;
  const uint64_t count_;
  uint64_t added_ = 0;
  double last_score_ = 0;
  bool is_packed_;
  Listpack pack_;
};

// Fields in any order.
class HashEncoder {
 public:
  // With the soonest expiry of a field, if any expires (ms since 1970, below kFieldExpiryEnd).
  HashEncoder(Sink* sink, const EncodeOptions& options, uint64_t count,
              std::optional<uint64_t> soonest_ms = std::nullopt);
  // 0: it does not expire.
  void Add(std::string_view field, std::string_view value, uint64_t expire_at_ms = 0);
  void Finish();

 private:
  void StartTable();
  void LeaveListpack();

  PayloadWriter writer_;
  const uint64_t value_bytes_max_;
  const uint64_t count_;
  const std::optional<uint64_t> soonest_ms_;
  uint64_t added_ = 0;
  bool is_packed_;
  Listpack pack_;
};

}  // namespace cairn::rdb

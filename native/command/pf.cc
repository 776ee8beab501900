// PFADD, PFCOUNT, PFMERGE, PFDEBUG and PFSELFTEST, on strings that are HyperLogLogs.
//
// PFCOUNT of one key answers the count that the value says, if it is valid, but does not write down
// one that it has taken: it only reads, so it waits for no disk, and leaves WATCH alone.

#include <cstring>
#include <vector>

#include "command/args.h"
#include "command/handlers.h"
#include "command/hyperloglog.h"

namespace cairn {
namespace {

using Words = std::span<const std::string_view>;

bool CheckHll(Call& call, std::string_view value) {
  return IsHll(value) || Refuse(call, errors::kNotHll);
}

// As ReadString: a missing key reads as "".
bool ReadHll(Call& call, std::string_view key, std::string_view* value, KeyMeta* meta) {
  return ReadString(call, key, value, meta) && (!meta->found || CheckHll(call, *value));
}

uint64_t SparseBytesMax(const Call& call) {
  return call.server.hll_sparse_bytes_max.load(std::memory_order_relaxed);
}

char* CopyOf(Call& call, std::string_view value) {
  char* made = call.txn.Alloc(value.size());
  std::memcpy(made, value.data(), value.size());
  return made;
}

char* DenseOf(Call& call, std::string_view value, const HllRanks& ranks) {
  char* made = call.txn.Alloc(kHllDenseBytes);
  WriteDenseHll(value, ranks, made);
  return made;
}

// The registers that the elements raise. If there are any, *value becomes what has to be stored.
uint64_t AddToDense(Call& call, Words elements, std::string_view* value) {
  uint64_t raised = 0;
  const char* registers = value->data() + kHllHeaderBytes;
  char* made = nullptr;
  for (std::string_view element : elements) {
    const HllElement hashed = HashHllElement(element);
    if (DenseRank(registers, hashed.index) >= hashed.rank) continue;
    if (made == nullptr) {
      made = CopyOf(call, *value);
      InvalidateHllCount(made);
      *value = {made, kHllDenseBytes};
      registers = made + kHllHeaderBytes;
    }
    SetDenseRank(made + kHllHeaderBytes, hashed.index, hashed.rank);
    ++raised;
  }
  return raised;
}

// The same. False: damaged, answered.
bool AddToSparse(Call& call, Words elements, std::string_view* value, uint64_t* raised) {
  SparseHll sparse(SparseBytesMax(call));
  if (!sparse.Load(*value)) return Refuse(call, errors::kDamagedHll);
  *raised = 0;
  for (size_t i = 0; i < elements.size(); ++i) {
    const HllElement hashed = HashHllElement(elements[i]);
    if (sparse.ranks()[hashed.index] >= hashed.rank) continue;
    ++*raised;
    if (sparse.Raise(hashed.index, hashed.rank)) continue;
    char* made = DenseOf(call, *value, sparse.ranks());
    InvalidateHllCount(made);
    *value = {made, kHllDenseBytes};
    *raised += AddToDense(call, elements.subspan(i + 1), value);
    return true;
  }
  if (*raised != 0) *value = call.txn.Copy(sparse.bytes());
  return true;
}

// One of several keys, as it was read.
struct Source {
  std::string_view key;
  KeyMeta meta;
  std::string_view value;
};

// Looks all of them up, so that what is not in memory is read at once. False: something is.
bool ReadSources(Call& call, Words keys, std::vector<Source>* sources) {
  bool ready = true;
  sources->reserve(keys.size());
  for (std::string_view key : keys) {
    Source& source = sources->emplace_back();
    source.key = key;
    ready &= call.txn.Get(key, &source.value, &source.meta) != ReadState::kPending;
  }
  return ready;
}

// Merges them in their order, and counts hits and misses up to one that is none: false, answered.
bool MergeSources(Call& call, const std::vector<Source>& sources, HllRanks* ranks) {
  for (const Source& source : sources) {
    call.txn.CountRead(source.meta.found, source.key);
    if (!source.meta.found) continue;
    if (source.meta.type != ValueType::kString) return Refuse(call, errors::kWrongType);
    if (!CheckHll(call, source.value)) return false;
    if (!MergeHll(source.value, ranks)) return Refuse(call, errors::kDamagedHll);
  }
  return true;
}

void CountOne(Call& call) {
  std::string_view value;
  KeyMeta meta;
  if (!ReadHll(call, call.argv[1], &value, &meta)) return;
  uint64_t count = 0;
  if (meta.found && !ValidHllCount(value, &count) && !CountHll(value, &count)) {
    return call.reply.Error(errors::kDamagedHll);
  }
  call.reply.Integer(static_cast<int64_t>(count));
}

// `stored` with the ranks, none of which is below its own, in its form if that has room for them.
std::string_view Merged(Call& call, std::string_view stored, const HllRanks& ranks, bool dense) {
  SparseHll sparse(SparseBytesMax(call));
  dense = dense || !sparse.Load(stored);
  for (uint32_t i = 0; i < kHllRegisters && !dense; ++i) {
    if (ranks[i] > sparse.ranks()[i]) dense = !sparse.Raise(i, ranks[i]);
  }
  char* made = dense ? DenseOf(call, stored, ranks) : CopyOf(call, sparse.bytes());
  InvalidateHllCount(made);
  return {made, dense ? kHllDenseBytes : sparse.bytes().size()};
}

// To the dense form, and stores that. False: damaged, answered.
bool MakeDense(Call& call, std::string_view key, const KeyMeta& meta, std::string_view* value) {
  HllRanks ranks{};
  if (!MergeHll(*value, &ranks)) return Refuse(call, errors::kDamagedHll);
  *value = {DenseOf(call, *value, ranks), kHllDenseBytes};
  call.txn.Put(key, *value, meta.expire_at_ms);
  return true;
}

void ShowRegisters(Call& call, std::string_view dense) {
  call.reply.ArrayHeader(kHllRegisters);
  for (uint32_t i = 0; i < kHllRegisters; ++i) {
    call.reply.Integer(DenseRank(dense.data() + kHllHeaderBytes, i));
  }
}

// "Z:16000 v:3,1 z:383": long zeros, a rank and how often, short zeros.
void ShowRuns(Call& call, std::string_view value) {
  if (!IsSparseHll(value)) return call.reply.Error(errors::kHllNotSparse);
  std::string text;
  const bool whole = ForEachHllRun(value.substr(kHllHeaderBytes), [&](uint32_t, const HllRun& run) {
    if (!text.empty()) text += ' ';
    if (run.rank != 0) {
      text += "v:" + std::to_string(run.rank) + ',';
    } else {
      text += run.bytes == 2 ? "Z:" : "z:";
    }
    text += std::to_string(run.registers);
  });
  whole ? call.reply.Bulk(text) : call.reply.Error(errors::kDamagedHll);
}

}  // namespace

void HandlePfAdd(Call& call) {
  std::string_view key = call.argv[1];
  const Words elements = call.argv.subspan(2);
  std::string_view value;
  KeyMeta meta;
  if (!ReadHll(call, key, &value, &meta)) return;
  if (!meta.found) value = kEmptyHll;
  uint64_t changes = 0;
  if (!IsSparseHll(value)) {
    changes = AddToDense(call, elements, &value);
  } else if (!elements.empty() && !AddToSparse(call, elements, &value, &changes)) {
    return;
  }
  if (!meta.found) ++changes;
  if (changes != 0) {
    call.txn.Put(key, value, meta.found ? meta.expire_at_ms : 0);
    call.txn.Notify(kNotifyString, "pfadd", key);
    call.txn.extra_changes += static_cast<int64_t>(changes) - 1;
  }
  call.reply.Integer(changes != 0 ? 1 : 0);
}

void HandlePfCount(Call& call) {
  if (call.argv.size() == 2) return CountOne(call);
  call.txn.set_count_hits(false);  // MergeSources does
  std::vector<Source> sources;
  if (!ReadSources(call, call.argv.subspan(1), &sources)) return;
  HllRanks ranks{};
  if (!MergeSources(call, sources, &ranks)) return;
  call.reply.Integer(static_cast<int64_t>(EstimateHll(ranks)));
}

void HandlePfMerge(Call& call) {
  std::vector<Source> sources;  // the destination is one of them
  if (!ReadSources(call, call.argv.subspan(1), &sources)) return;
  HllRanks ranks{};
  if (!MergeSources(call, sources, &ranks)) return;
  bool dense = false;
  for (const Source& source : sources) dense |= source.meta.found && !IsSparseHll(source.value);
  const Source& old = sources[0];
  const std::string_view stored = old.meta.found ? old.value : kEmptyHll;
  call.txn.Put(call.argv[1], Merged(call, stored, ranks, dense),
               old.meta.found ? old.meta.expire_at_ms : 0);
  call.txn.Notify(kNotifyString, "pfadd", call.argv[1]);
  call.reply.Ok();
}

void HandlePfDebug(Call& call) {
  std::string_view what = call.argv[1];
  std::string_view key = call.argv[2];
  std::string_view value;
  KeyMeta meta;
  if (!ReadString(call, key, &value, &meta)) return;
  if (!meta.found) return call.reply.Error(errors::kNoSuchHll);
  if (!CheckHll(call, value)) return;
  const bool sparse = IsSparseHll(value);
  if (Is(what, "getreg")) {
    if (!sparse || MakeDense(call, key, meta, &value)) ShowRegisters(call, value);
  } else if (Is(what, "decode")) {
    ShowRuns(call, value);
  } else if (Is(what, "encoding")) {
    call.reply.Simple(sparse ? "sparse" : "dense");
  } else if (Is(what, "todense")) {
    if (!sparse || MakeDense(call, key, meta, &value)) call.reply.Integer(sparse ? 1 : 0);
  } else {
    call.reply.Error(errors::UnknownPfdebug(what));
  }
}

void HandlePfSelfTest(Call& call) {
  const char* wrong = HllSelfTest();
  wrong == nullptr ? call.reply.Ok() : call.reply.Error(wrong);
}

}  // namespace cairn

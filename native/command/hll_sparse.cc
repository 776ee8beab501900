// The sparse form: where a write goes, and how runs are split and joined.

#include <cstring>

#include "base/check.h"
#include "command/hyperloglog.h"

namespace cairn {
namespace {

inline constexpr uint8_t kSparseRankMax = 32;
inline constexpr uint32_t kShortZerosMax = 64;
inline constexpr uint32_t kRankedRunMax = 4;
// So many runs are looked at for neighbours to join, from the one before the write on.
inline constexpr int kJoinRunsMax = 5;

char RankedRun(uint8_t rank, uint32_t registers) {
  return static_cast<char>(0x80 | (rank - 1) << 2 | (registers - 1));
}

// What takes the place of one run: at most two of long zeros and a register between.
struct Runs {
  char bytes[5];
  uint32_t size = 0;

  void Add(uint8_t rank, uint32_t registers) {
    if (registers == 0) return;
    if (rank != 0) {
      bytes[size++] = RankedRun(rank, registers);
    } else if (registers <= kShortZerosMax) {
      bytes[size++] = static_cast<char>(registers - 1);
    } else {
      bytes[size++] = static_cast<char>(0x40 | (registers - 1) >> 8);
      bytes[size++] = static_cast<char>((registers - 1) & 0xff);
    }
  }
};

// In the order of the runs, on ranks that were 0. Without a branch on what kind of run it is: four
// registers are written whatever its length, and those behind it are the next run's to write again.
void Unpack(uint32_t first, const HllRun& run, HllRanks* ranks) {
  const uint32_t four = run.rank * 0x01010101u;
  if (CAIRN_LIKELY(first <= kHllRegisters - sizeof(four))) {
    std::memcpy(ranks->data() + first, &four, sizeof(four));
  } else {
    std::memset(ranks->data() + first, run.rank, run.registers);
  }
}

}  // namespace

bool MergeSparse(std::string_view runs, HllRanks* ranks) {
  HllRanks own{};
  const bool whole =
      ForEachHllRun(runs, [&own](uint32_t first, const HllRun& run) { Unpack(first, run, &own); });
  if (!whole) return false;
  uint8_t* to = ranks->data();
  const uint8_t* from = own.data();
  for (uint32_t i = 0; i < kHllRegisters; ++i) to[i] = to[i] < from[i] ? from[i] : to[i];
  return true;
}

HllRun SparseHll::RunAt(uint32_t at) const {
  return ReadHllRun(reinterpret_cast<const uint8_t*>(bytes_.data()) + at);
}

bool SparseHll::Load(std::string_view value) {
  ranks_.fill(0);
  Place place{kHllHeaderBytes, 0};
  uint32_t blocks = 0;  // that begin before `place`
  const bool whole = ForEachHllRun(value.substr(kHllHeaderBytes), [&](uint32_t, const HllRun& run) {
    Unpack(place.first, run, &ranks_);
    const uint32_t end = place.first + run.registers;
    for (; blocks * kBlock < end; ++blocks) starts_[blocks] = place;
    place = {place.at + run.bytes, end};
  });
  if (whole) bytes_ = value;
  return whole;
}

SparseHll::Place SparseHll::Find(uint32_t index, Place* before) const {
  uint32_t block = index / kBlock;
  // Back to a run that ends before the register, so that there is one before the one that has it.
  while (block > 0 && starts_[block].first + RunAt(starts_[block].at).registers > index) --block;
  Place here = starts_[block];
  *before = here;
  for (;;) {
    const HllRun run = RunAt(here.at);
    if (index - here.first < run.registers) return here;
    *before = here;
    here = {here.at + run.bytes, here.first + run.registers};
  }
}

bool SparseHll::Raise(uint32_t index, uint8_t rank) {
  ranks_[index] = rank;
  if (rank > kSparseRankMax) return false;
  Place before;
  const Place here = Find(index, &before);
  const HllRun run = RunAt(here.at);
  Runs made;
  made.Add(run.rank, index - here.first);
  const uint32_t left_bytes = made.size;
  made.Add(rank, 1);
  made.Add(run.rank, here.first + run.registers - 1 - index);
  const int grown = static_cast<int>(made.size) - run.bytes;
  if (grown > 0 && bytes_.size() + static_cast<uint32_t>(grown) > bytes_max_) return false;
  bytes_.replace(here.at, run.bytes, made.bytes, made.size);
  InvalidateHllCount(bytes_.data());
  MoveStarts(here, index, left_bytes, grown);
  JoinRuns(before);
  return true;
}

// After the run at `split` has become three, the middle one for `index` alone.
void SparseHll::MoveStarts(Place split, uint32_t index, uint32_t left_bytes, int grown) {
  for (uint32_t block = split.first / kBlock; block < kBlocks; ++block) {
    Place& start = starts_[block];
    const uint32_t first = block * kBlock;
    if (start.at > split.at) {
      start.at += static_cast<uint32_t>(grown);
    } else if (start.at == split.at && first >= index) {
      start = {split.at + left_bytes, index};
      if (first > index) start = {start.at + 1, index + 1};
    }
  }
}

// Joins neighbours with the same rank where one run can hold both.
void SparseHll::JoinRuns(Place from) {
  for (int looked = 0; looked < kJoinRunsMax && from.at < bytes_.size(); ++looked) {
    const HllRun run = RunAt(from.at);
    if (run.rank != 0 && from.at + 1 < bytes_.size()) {
      const HllRun next = RunAt(from.at + 1);
      if (next.rank == run.rank && run.registers + next.registers <= kRankedRunMax) {
        bytes_[from.at] = RankedRun(run.rank, run.registers + next.registers);
        bytes_.erase(from.at + 1, 1);
        for (uint32_t block = from.first / kBlock; block < kBlocks; ++block) {
          if (starts_[block].at == from.at + 1) starts_[block] = from;
          if (starts_[block].at > from.at + 1) --starts_[block].at;
        }
        continue;  // the joined run may take the next one, too
      }
    }
    from = {from.at + run.bytes, from.first + run.registers};
  }
}

}  // namespace cairn

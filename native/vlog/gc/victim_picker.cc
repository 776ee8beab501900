#include "vlog/gc/victim_picker.h"

#include <algorithm>

namespace cairn::vlog {
namespace {

constexpr uint64_t kGainPercentMin = 5;  // of a segment that must be dead to collect it
// Dead in the active segment before it is ended early.
constexpr uint64_t kRollBytesMin = 256u << 10;
constexpr uint64_t kAmplificationFull = 103;
constexpr uint64_t kBrakePercent = 104;  // log bytes per 100 allowed from which writers are held up
constexpr uint64_t kBrakeBytesMin = 64u << 20;
constexpr uint64_t kOvershootMax = 1000;
constexpr uint64_t kLetBeSegmentsMax = 64;
constexpr uint64_t kLetBeShare = 8;  // of the free bytes
constexpr uint64_t kLetBeMs = 5000;  // after the last write

bool Better(const Victim& a, const Victim& b) { return a.score > b.score; }

}  // namespace

void VictimPicker::Pick(uint32_t most, std::vector<Victim>* victims) {
  const Terms terms = LookAround();
  std::lock_guard<std::mutex> lock(in_.catalog->mutex());
  std::vector<LaneSum> sums = SumUpLocked(terms);
  uint32_t overshoot = 0;
  for (uint32_t lane = 0; lane < sums.size(); ++lane)
    overshoot = std::max(overshoot, Choose(lane, terms, &sums[lane], victims));
  pace_.SetOvershoot(overshoot);
  std::stable_sort(victims->begin(), victims->end(), Better);
  if (victims->size() > most) victims->resize(most);
  for (const Victim& victim : *victims) victim.segment->Become(SegmentState::kCollecting);
}

VictimPicker::Terms VictimPicker::LookAround() {
  Terms terms = {};
  terms.now_ms = in_.shared->now_ms.load(std::memory_order_relaxed);
  terms.free_bytes = in_.space->free_bytes();
  // A disk that is about full: whatever can be had.
  const uint64_t least = in_.space->kept_back_bytes();
  const bool full = terms.free_bytes != 0 && terms.free_bytes < 2 * least;
  terms.amplification =
      std::min<uint64_t>(in_.catalog->amplification(), full ? kAmplificationFull : UINT32_MAX);
  terms.let_be =
      LetBeBytes(full ? 0 : terms.free_bytes - std::min(terms.free_bytes, least), terms.now_ms);
  return terms;
}

// What may be dead in a lane in any case, while somebody writes: where little lives, segments die
// by themselves before long, and to collect them would be to read, over and over, as much as is
// written. Less with many lanes, or where disk space is short.
uint64_t VictimPicker::LetBeBytes(uint64_t room, uint64_t now_ms) {
  if (quiescence_.Ms(in_.host->RecordsSoFar(), now_ms) > kLetBeMs) return 0;
  const uint64_t unit = in_.catalog->segment_bytes_min();
  // All lanes together.
  const uint64_t most = std::min(kLetBeSegmentsMax * unit, room / kLetBeShare);
  return std::min(in_.segments_let_be * unit, most / in_.lanes());
}

std::vector<VictimPicker::LaneSum> VictimPicker::SumUpLocked(const Terms& terms) {
  std::vector<LaneSum> sums(in_.lanes());
  std::vector<uint8_t> has_older(in_.lanes(), 0);  // of the lane: something before in the log
  const Manifest& manifest = in_.catalog->ManifestLocked();
  uint32_t first_epoch = manifest.epoch;
  for (const SegmentEntry& entry : manifest.segments)
    first_epoch = std::min(first_epoch, entry.epoch);
  for (const SegmentEntry& entry : InReadingOrder(manifest)) {
    Segment* segment = in_.segments->Get(entry.id);
    if (segment == nullptr) continue;
    const uint32_t lane = in_.LaneOf(*segment);
    LaneSum& sum = sums[lane];
    const uint64_t live = segment->live_bytes.load(std::memory_order_acquire);
    const bool first = entry.epoch == first_epoch && has_older[lane] == 0;
    if (segment->state() == SegmentState::kPendingDeletion) continue;
    if (!in_.catalog->SettledLocked(*segment)) {
      if (entry.epoch == first_epoch) has_older[lane] = 1;
      const uint64_t used = in_.catalog->UsedBytes(*segment);
      sum.used += used;
      sum.live += live;
      if (!segment->survivors() && used > live) sum.active_dead += used - live;
      continue;
    }
    const bool droppable = in_.retained->Droppable(*segment, first);
    const uint64_t removals =
        droppable ? 0 : segment->removal_bytes.load(std::memory_order_relaxed);
    const uint64_t size = segment->data_end;
    const bool swept = segment->state() == SegmentState::kSwept;
    const bool free = live == 0 && ((droppable && !segment->owes_deletes) || swept ||
                                    (removals == 0 && !segment->unread && !segment->owes_deletes &&
                                     !segment->flushes.load(std::memory_order_relaxed)));
    if (free) continue;  // on its way out
    if (entry.epoch == first_epoch) has_older[lane] = 1;
    sum.used += size;
    sum.live += std::min(live, size);
    const uint64_t kept = std::min(size, live + removals);
    if (!EligibleLocked(*segment, droppable, kept, terms)) continue;
    const double u = static_cast<double>(kept) / static_cast<double>(size);
    const double age = 1.0 + static_cast<double>(manifest.next_segment_id - segment->id);
    sum.choice.push_back({segment, figures_.lanes[lane].mode.load(std::memory_order_relaxed),
                          (1 - u) * age / (1 + u)});
  }
  return sums;
}

// kept: bytes of the segment that have to be copied.
bool VictimPicker::EligibleLocked(const Segment& segment, bool droppable, uint64_t kept,
                                  const Terms& terms) const {
  if (segment.state() != SegmentState::kSealed || terms.now_ms < segment.retry_ms ||
      segment.pins.load() > kPinsMax || in_.host->BeingIndexed(segment.id) ||
      (!droppable && segment.flushes.load(std::memory_order_relaxed)))
    return false;
  const uint64_t size = segment.data_end;
  if ((size - kept) * 100 < size * kGainPercentMin) return false;
  // What lives there must fit somewhere before its space comes back.
  return terms.free_bytes == 0 ||
         kept + SegmentSpace::kLastBytes <= terms.free_bytes + in_.space->spare_bytes();
}

// Returns how many log bytes the lane has per 100 allowed; 0: no more than that.
uint32_t VictimPicker::Choose(uint32_t lane, const Terms& terms, LaneSum* sum,
                              std::vector<Victim>* victims) {
  const bool aggressive =
      figures_.lanes[lane].mode.load(std::memory_order_relaxed) == GcMode::kAggressive;
  const uint64_t allowed =
      std::max(sum->live / 100 * terms.amplification, sum->live + (aggressive ? 0 : terms.let_be));
  // Enforced means that who writes faster than can be collected has to wait.
  const bool enforced = aggressive && !pace_.paused() && sum->used > kBrakeBytesMin;
  in_.lane(lane).SetBrake(enforced && !sum->choice.empty() &&
                          sum->used * 100 > allowed * kBrakePercent);
  // Who pauses lets the brakes go afterwards, and nobody is here again before it ends.
  if (pace_.paused()) in_.lane(lane).SetBrake(false);
  if (sum->used <= allowed) return 0;
  const auto overshoot = static_cast<uint32_t>(std::min<uint64_t>(
      kOvershootMax,
      allowed == 0 ? kOvershootMax : sum->used * 100 / std::max<uint64_t>(1, allowed)));
  if (sum->choice.empty()) {
    // Only the segment that is written to has anything dead.
    if (sum->active_dead >= std::max(kRollBytesMin, (sum->used - allowed) / 2))
      in_.lane(lane).RequestRoll();
    return overshoot;
  }
  std::sort(sum->choice.begin(), sum->choice.end(), Better);
  uint64_t excess = sum->used - allowed;
  for (const Victim& victim : sum->choice) {
    victims->push_back(victim);
    const uint64_t gain = victim.segment->data_end -
                          std::min(victim.segment->data_end, victim.segment->live_bytes.load());
    if (gain >= excess) break;
    excess -= gain;
  }
  return overshoot;
}

}  // namespace cairn::vlog

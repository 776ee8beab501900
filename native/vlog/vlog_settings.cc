// What an operator changes while the engine is open: options, and the commands of this engine.
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "base/text.h"
#include "vlog/vlog_engine.h"

namespace cairn {

namespace {

// Descriptors that may be opened beside those that are: of a lane its next segment, a spare, and
// two of survivors; of a segment that is collected its readers; and a checkpoint, a manifest, and
// what comes within a second.
constexpr uint64_t kFilesPerLane = 4;
constexpr uint64_t kFilesPerVictim = 2;
constexpr uint64_t kFilesBesides = 16;

Status Unknown(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : " ") + std::string(word);
  return {Code::kInvalid, "the engine vlog has no command '" + text + "'"};
}

}  // namespace

// ---- options ----

Status VlogEngine::SetOption(std::string_view name, std::string_view value) {
  std::lock_guard<std::mutex> lock(settings_mutex_);
  VlogOptions changed = settings_.options;
  const OptionRow* row = nullptr;
  Status status = changed.Set(name, value, &row);
  if (!status.ok()) return status;
  if (row->change != OptionChange::kAtRuntime)
    return {Code::kInvalid, std::string(name) + " takes effect at the next start only"};
  settings_.options = std::move(changed);
  if (name == "gc-mode") settings_.lane_modes.clear();
  ApplySettings();
  return Status::Ok();
}

void VlogEngine::ApplySettings() {
  const VlogOptions& options = settings_.options;
  shared_.fsync.store(options.fsync);
  cache_->SetBudget(options.cache_bytes);
  space_.SetMinFreeBytes(options.min_free_bytes);
  gc_.SetLimits(options.gc_iops, options.gc_max_parallel);
  catalog_.SetAmplification(std::max(101u, options.gc_space_amplification));
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    const auto own = settings_.lane_modes.find(lane);
    const GcMode mode = own == settings_.lane_modes.end() ? options.gc_mode : own->second;
    gc_.SetMode(lane, mode);
  }
  gc_.Wake();
}

// ---- commands ----

Status VlogEngine::Command(std::span<const std::string_view> words, std::string* reply) {
  reply->clear();
  if (words.size() < 2 || !EqualsIgnoreCase(words[0], "gc")) return Unknown(words);
  if (words.size() == 2 && EqualsIgnoreCase(words[1], "status")) {
    *reply = GcStatus();
    return Status::Ok();
  }
  const bool pause = EqualsIgnoreCase(words[1], "pause");
  if (words.size() == 2 && (pause || EqualsIgnoreCase(words[1], "resume"))) {
    PauseGc(pause);
    return Status::Ok();
  }
  if (words.size() == 4 && EqualsIgnoreCase(words[1], "mode"))
    return SetLaneMode(words[2], words[3]);
  return Unknown(words);
}

// A line for each lane, of names and values in turn.
std::string VlogEngine::GcStatus() const {
  std::string text;
  VlogStats all;
  Stats(&all);
  for (const LaneStats& lane : SinceReset(std::move(all)).lanes) {
    const std::pair<const char*, uint64_t> numbers[] = {
        {"log-bytes", lane.log_bytes},
        {"live-bytes", lane.live_bytes},
        {"segments", lane.segments},
        {"collected-segments", lane.gc_segments},
        {"moved-bytes", lane.gc_moved_bytes},
        {"reclaimed-segments", lane.gc_reclaimed_segments},
        {"reclaimed-bytes", lane.gc_reclaimed_bytes},
    };
    text += "lane " + std::to_string(lane.lane) + " mode " + std::string(lane.gc_mode);
    for (const auto& [name, value] : numbers)
      text += " " + std::string(name) + " " + std::to_string(value);
    text += "\n";
  }
  return text;
}

void VlogEngine::PauseGc(bool pause) {
  gc_.Pause(pause);
  for (const auto& lane : lanes_) lane->SetBrake(false);
  gc_.Wake();
}

void VlogEngine::SetGcMode(uint32_t lane, GcMode mode) {
  std::lock_guard<std::mutex> lock(settings_mutex_);
  settings_.lane_modes[lane] = mode;
  ApplySettings();
}

Status VlogEngine::SetLaneMode(std::string_view lane, std::string_view mode) {
  uint32_t number = 0;
  const char* const end = lane.data() + lane.size();
  const auto parsed = std::from_chars(lane.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number >= lanes_.size()) {
    return {Code::kInvalid, "no lane '" + std::string(lane) + "': it must be 0 to " +
                                std::to_string(lanes_.size() - 1)};
  }
  const OptionRow& row = FindOption(VlogOptionTable(), "gc-mode")->row;
  const Result<int64_t> value = OptionValue(row, mode);
  if (!value.ok()) {
    return {Code::kInvalid,
            "unknown mode '" + std::string(mode) + "': " + value.status().message()};
  }
  SetGcMode(number, static_cast<GcMode>(value.value()));
  return Status::Ok();
}

uint64_t VlogEngine::FilesAhead() const {
  return kFilesPerLane * lanes_.size() + kFilesPerVictim * gc_.parallel() + kFilesBesides;
}

}  // namespace cairn

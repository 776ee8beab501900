#include "vlog/vlog_options.h"

#include <string>

#include "base/check.h"

namespace cairn {

namespace {

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = 1 << 30;

constexpr BoundOption<VlogOptions> kOptions[] = {
    {.row = {.name = "cache-policy",
             .kind = OptionKind::kChoice,
             .initial = "s3fifo",
             .choices = "s3fifo lirs lru",
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc =
                 "Which values leave the cache first. s3fifo: those not used again soon after they "
                 "came; hits are cheapest. lirs: those with the longest time between uses; best "
                 "for loops a little larger than the cache. lru: the least recently used ones."},
     .set = &StoreOption<&VlogOptions::cache_policy>},
    {.row = {.name = "cache-small-value-bytes",
             .kind = OptionKind::kBytes,
             .initial = "256",
             .min = 0,
             .max = kValueBytesMax,
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Values up to this size that were read more than once stay in the cache longer "
                    "than larger ones. 0: size does not matter."},
     .set = &StoreOption<&VlogOptions::cache_small_value_bytes>},
    {.row = {.name = "lanes",
             .kind = OptionKind::kInteger,
             .initial = "auto",
             .min = 1,
             .max = kLanesMax,
             .automatic = true,
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Parallel log streams. A directory may be started with another number: new "
                    "segments then follow the new one. auto: what the directory has; for a new one "
                    "1 up to two reactor threads, then one per two."},
     .set =
         [](VlogOptions* options, int64_t value) {
           options->lanes_auto = value == kAutomatic;
           options->lanes = options->lanes_auto ? 1 : static_cast<uint32_t>(value);
         }},
    {.row = {.name = "segment-size",
             .kind = OptionKind::kBytes,
             .initial = "1gb",
             .min = kMiB,
             .max = kSegmentBytesMax,
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Size of one value-log file, at most: where little lives, files are smaller (a "
                    "twelfth of what gc-space-amplification allows to be dead, at least 64 MB)."},
     .set = &StoreOption<&VlogOptions::segment_bytes>},
    {.row = {.name = "wal-ring-size",
             .kind = OptionKind::kBytes,
             .initial = "64mb",
             .min = kMiB,
             .max = 4 * kGiB,
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Memory per lane for records on their way to disk."},
     .set = &StoreOption<&VlogOptions::wal_ring_bytes>},
    {.row = {.name = "commit-delay-us",
             .kind = OptionKind::kInteger,
             .initial = "0",
             .min = 0,
             .max = 1'000'000,
             .unit = "us",
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc =
                 "Group commit: microseconds to wait for more writes before a commit is issued. 0 "
                 "is best nearly everywhere: batches form while the last commit is in flight."},
     .set = &StoreOption<&VlogOptions::commit_delay_us>},
    {.row = {.name = "commit-batch-bytes",
             .kind = OptionKind::kBytes,
             .initial = "1mb",
             .min = kCommitBatchBytesMin,
             .max = kCommitBatchBytesMax,
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Group commit: enough bytes to commit without waiting, and the largest single "
                    "commit. At most a quarter of wal-ring-size, and 64 MB for all lanes together; "
                    "the log says when that makes it less."},
     .set = &StoreOption<&VlogOptions::commit_batch_bytes>},
    {.row = {.name = "gc-mode",
             .kind = OptionKind::kChoice,
             .initial = "lazy",
             .choices = "lazy throttled aggressive",
             .change = OptionChange::kAtRuntime,
             .section = "Garbage collection and checkpoints",
             .doc = "How the space of overwritten and deleted values is won back when a log has "
                    "grown beyond gc-space-amplification. lazy: what pays most first, with pauses "
                    "as long as there is not much too much. throttled: with at most gc-iops reads "
                    "and writes per second, whatever piles up. aggressive: without pauses. CAIRN "
                    "GC MODE sets it for one lane."},
     .set = &StoreOption<&VlogOptions::gc_mode>},
    {.row = {.name = "gc-iops",
             .kind = OptionKind::kInteger,
             .initial = "1000",
             .min = 1,
             .max = 10'000'000,
             .unit = "per second",
             .change = OptionChange::kAtRuntime,
             .section = "Garbage collection and checkpoints",
             .doc = "Reads and writes per second that garbage collection may make in the mode "
                    "throttled, all lanes together; every 128 kb count as one."},
     .set = &StoreOption<&VlogOptions::gc_iops>},
    {.row = {.name = "gc-max-parallel",
             .kind = OptionKind::kInteger,
             .initial = "1",
             .min = 1,
             .max = kGcParallelMax,
             .change = OptionChange::kAtRuntime,
             .section = "Garbage collection and checkpoints",
             .doc = "Segments that are collected at the same time, all lanes together."},
     .set = &StoreOption<&VlogOptions::gc_max_parallel>},
    {.row = {.name = "gc-space-amplification",
             .kind = OptionKind::kHundredths,
             .initial = "1.4",
             .min = 105,
             .max = 1000,
             .change = OptionChange::kAtRuntime,
             .section = "Garbage collection and checkpoints",
             .doc = "Bytes of log allowed per byte of live records. The smaller, the less disk is "
                    "used and the more is written: every live record in a collected segment is "
                    "moved. While writes go on, up to 256 MB per lane (four segments of the "
                    "smallest size; at most an eighth of the free disk space, all lanes together) "
                    "may be dead in any case, but for the mode aggressive."},
     .set = &StoreOption<&VlogOptions::gc_space_amplification>},
    {.row = {.name = "segment-recycle-max",
             .kind = OptionKind::kInteger,
             .initial = "auto",
             .min = 1,
             .max = 65536,
             .automatic = true,
             .change = OptionChange::kAtStart,
             .section = "Garbage collection and checkpoints",
             .doc = "Files of collected segments that are kept, to be written again: that is about "
                    "twice as fast as new files. They take up disk until then. auto: a seventh of "
                    "the live bytes, or one file."},
     .set =
         [](VlogOptions* options, int64_t value) {
           options->segment_recycle_max = value == kAutomatic ? 0 : static_cast<uint32_t>(value);
         }},
    {.row = {.name = "checkpoint-rate",
             .kind = OptionKind::kBytes,
             .initial = "128mb",
             .min = 64 * kKiB,
             .max = kNoLimit,
             .unit = "per second",
             .change = OptionChange::kAtStart,
             .section = "Garbage collection and checkpoints",
             .doc = "Bytes per second at which a checkpoint of the index is written. A checkpoint "
                    "makes the next start short; slower ones disturb clients less."},
     .set = &StoreOption<&VlogOptions::checkpoint_bytes_per_second>},
};

uint32_t LanesFor(uint32_t reactors) { return reactors <= 2 ? 1 : reactors / 2; }

}  // namespace

std::span<const BoundOption<VlogOptions>> VlogOptionTable() { return kOptions; }

std::string_view NameOf(GcMode mode) {
  static const BoundOption<VlogOptions>* const option = FindOption(VlogOptionTable(), "gc-mode");
  return OptionChoice(option->row, static_cast<int64_t>(mode));
}

std::string_view NameOf(CachePolicy policy) {
  static const BoundOption<VlogOptions>* const option =
      FindOption(VlogOptionTable(), "cache-policy");
  return OptionChoice(option->row, static_cast<int64_t>(policy));
}

VlogOptions::VlogOptions() {
  for (const BoundOption<VlogOptions>& option : kOptions)
    CAIRN_CHECK(SetOptionText(option, option.row.initial, this).ok());
}

Result<VlogOptions> VlogOptions::From(const EngineOptions& given) {
  VlogOptions options;
  static_cast<EngineOptions&>(options) = given;
  for (const OptionText& own : given.own) {
    const OptionRow* row = nullptr;
    Status status = options.Set(own.name, own.value, &row);
    if (!status.ok()) return status;
  }
  if (options.lanes_auto) options.lanes = LanesFor(options.reactors);
  return options;
}

Status VlogOptions::Set(std::string_view name, std::string_view value, const OptionRow** row) {
  if (const auto* own = FindOption(VlogOptionTable(), name)) {
    *row = &own->row;
    return SetOptionText(*own, value, this, any_value);
  }
  if (const auto* common = FindOption(CommonOptions(), name)) {
    *row = &common->row;
    return SetOptionText(*common, value, static_cast<EngineOptions*>(this), any_value);
  }
  return {Code::kInvalid, "the engine vlog has no option '" + std::string(name) + "'"};
}

}  // namespace cairn

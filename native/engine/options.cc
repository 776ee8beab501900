#include "engine/options.h"

namespace cairn {

namespace {

constexpr int64_t kMiB = 1 << 20;

constexpr BoundOption<EngineOptions> kOptions[] = {
    {.row = {.name = "io-threads",
             .kind = OptionKind::kInteger,
             .initial = "auto",
             .min = 1,
             .max = kReactorsMax,
             .automatic = true,
             .change = OptionChange::kAtStart,
             .section = "Threads and input/output",
             .doc = "Reactor threads: each accepts, reads, executes and replies. auto: half of the "
                    "cores, at most 64."},
     .set = &StoreOption<&EngineOptions::reactors>},
    {.row = {.name = "dir",
             .kind = OptionKind::kPath,
             .initial = "./data",
             .change = OptionChange::kProtected,
             .section = "Storage",
             .doc = "Directory of the data. One server at a time: it is locked."},
     .set_text = [](EngineOptions* options, std::string_view text) { options->dir = text; }},
    {.row = {.name = "databases",
             .kind = OptionKind::kInteger,
             .initial = "16",
             .min = 1,
             .max = kDatabasesMax,
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Number of databases for SELECT."},
     .set = &StoreOption<&EngineOptions::databases>},
    {.row = {.name = "appendfsync",
             .kind = OptionKind::kChoice,
             .initial = "always",
             .choices = "everysec always no",
             .change = OptionChange::kAtRuntime,
             .section = "Storage",
             .doc =
                 "always: a reply leaves when the write is on disk (group commit makes it cheap). "
                 "everysec: replies leave at once, a killed process may cost 50 ms of writes, a "
                 "power cut a second. no: the same, but the system decides when to sync."},
     .set = &StoreOption<&EngineOptions::fsync>},
    {.row = {.name = "cache-size",
             .kind = OptionKind::kShareOfBytes,
             .initial = "25%",
             .min = kMiB,
             .max = kNoLimit,
             .change = OptionChange::kAtRuntime,
             .section = "Storage",
             .doc = "Memory for values, with all bookkeeping; keys are always in memory. Bytes, or "
                    "a share of the machine (or of its control group)."},
     .set = &StoreOption<&EngineOptions::cache_bytes>},
    {.row = {.name = "min-free-bytes",
             .kind = OptionKind::kBytes,
             .initial = "64mb",
             .min = 0,
             .max = kNoLimit,
             .change = OptionChange::kAtRuntime,
             .section = "Storage",
             .doc = "Take no more room for writes while the file system has less than this free. "
                    "When what is reserved is used up, writes are refused; reads, deletes and "
                    "garbage collection go on, and writes are taken again by themselves when there "
                    "is room. At least 16 MiB are left alone in any case: garbage collection needs "
                    "them to make room."},
     .set = &StoreOption<&EngineOptions::min_free_bytes>},
    {.row = {.name = "salvage",
             .kind = OptionKind::kFlag,
             .initial = "no",
             .change = OptionChange::kAtStart,
             .section = "Storage",
             .doc = "Start in spite of damage in the middle of a log: damaged records are lost, "
                    "each one is reported. Without it the server refuses to start."},
     .set = &StoreOption<&EngineOptions::salvage>},
};

}  // namespace

std::span<const BoundOption<EngineOptions>> CommonOptions() { return kOptions; }

}  // namespace cairn

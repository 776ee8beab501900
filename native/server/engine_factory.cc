#include "server/engine_factory.h"

#include <unistd.h>

#include <string>

#include "base/clock.h"
#include "lsm/lsm_options.h"
#include "server/lsm_module.h"
#include "vlog/check.h"
#include "vlog/vlog.h"
#include "vlog/vlog_options.h"

namespace cairn {

namespace {

Result<std::unique_ptr<Engine>> NewLsmEngine() {
  const Result<const lsm::Module*> module = LoadLsmModule(OwnFolder());
  if (!module.ok()) return module.status();
  if (module.value()->new_engine == nullptr)
    return Status(Code::kInvalid, "engine lsm: this build can load RocksDB, but has no engine");
  return module.value()->new_engine();
}

}  // namespace

Result<std::unique_ptr<Engine>> NewEngine(std::string_view name) {
  if (name == "vlog") return NewVlogEngine();
  if (name == "lsm") return NewLsmEngine();
  return Status(Code::kInvalid, "there is no engine '" + std::string(name) + "'");
}

Status CheckOwner(std::string_view name, const std::string& dir) {
  // What an engine makes in a directory, and none of the others does.
  constexpr std::string_view kOwned[][2] = {{"vlog", "MANIFEST"}, {"lsm", "rocksdb"}};
  for (const auto& [engine, file] : kOwned) {
    if (engine == name || access((dir + "/" + std::string(file)).c_str(), F_OK) != 0) continue;
    return {Code::kInvalid, dir + " holds the data of the engine " + std::string(engine) +
                                ", and the option engine says " + std::string(name) +
                                "; to change the engine, copy the keys to a server on another "
                                "directory (scripts/copy-keys.mjs)"};
  }
  return Status();
}

Result<CheckReport> CheckDirectory(const std::string& dir, Disk* disk) {
  if (access((dir + "/rocksdb").c_str(), F_OK) != 0) return CheckVlogDirectory(dir, disk);
  const Result<const lsm::Module*> module = LoadLsmModule(OwnFolder());
  if (!module.ok()) return module.status();
  return module.value()->check(dir, disk, WallMillis());
}

EngineNeeds NeedsOf(std::string_view name, const EngineOptions& options) {
  EngineNeeds needs;
  if (name == "vlog") {
    const Result<VlogOptions> vlog = VlogOptions::From(options);
    if (!vlog.ok()) return needs;
    needs.free_bytes_min = kGcFreeBytesMin;
    needs.reserved_by = "segment-size and lanes";
    needs.buffer_bytes = vlog.value().lanes * vlog.value().wal_ring_bytes;
    needs.buffers =
        "rings (wal-ring-size, for each of the lanes: " + std::to_string(vlog.value().lanes) + ")";
  } else if (name == "lsm") {
    const Result<lsm::LsmOptions> lsm = lsm::LsmOptions::From(options);
    if (!lsm.ok()) return needs;
    lsm::LsmOptions scaled = lsm.value();
    lsm::Machine machine;
    machine.memory_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                           static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    machine.free_bytes = UINT64_MAX;
    (void)lsm::ScaleDown(machine, &scaled);
    needs.buffer_bytes = lsm::MemtableBytesMax(scaled);
    needs.buffers = "memtables (rocksdb-write-buffer-size, rocksdb-max-write-buffer-number: " +
                    std::to_string(lsm.value().max_write_buffer_number) + ")";
  }
  return needs;
}

}  // namespace cairn

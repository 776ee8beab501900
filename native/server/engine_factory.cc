#include "server/engine_factory.h"

#include <string>

#include "server/lsm_module.h"
#include "vlog/vlog.h"

namespace cairn {

namespace {

Result<std::unique_ptr<Engine>> NewLsmEngine() {
  const Result<const lsm::Module*> module = LoadLsmModule(OwnFolder());
  if (!module.ok()) return module.status();
  if (module.value()->new_engine == nullptr)
    return Status(Code::kInvalid, "engine lsm: this build can load RocksDB, but has no engine yet");
  return module.value()->new_engine();
}

}  // namespace

Result<std::unique_ptr<Engine>> NewEngine(std::string_view name) {
  if (name == "vlog") return NewVlogEngine();
  if (name == "lsm") return NewLsmEngine();
  return Status(Code::kInvalid, "there is no engine '" + std::string(name) + "'");
}

}  // namespace cairn

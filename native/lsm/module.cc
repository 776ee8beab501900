#include "lsm/module.h"

#include "lsm/check.h"
#include "lsm/lsm_engine.h"
#include "lsm/rocksdb_version.h"

extern "C" __attribute__((visibility("default"))) const cairn::lsm::Module* cairn_lsm_module();

const cairn::lsm::Module* cairn_lsm_module() {
  static const cairn::lsm::Module module = {
      .stamp = cairn::lsm::kModuleStamp,
      .build = cairn::lsm::RocksdbBuild(),
      .describe = cairn::lsm::DescribeLibrary,
      .mismatch = cairn::lsm::LibraryMismatch,
      .new_engine = [] { return std::unique_ptr<cairn::Engine>(new cairn::lsm::LsmEngine); },
      .check = cairn::lsm::CheckDirectory,
  };
  return &module;
}

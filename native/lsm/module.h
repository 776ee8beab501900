// The door between a server and the lsm engine, which is a shared object of its own: cairn_lsm.so,
// beside the addon. A server that never uses the engine loads neither it nor RocksDB. Whoever wants
// the engine loads it (server/lsm_module.h) and gets a Module from the one function it exports.
//
// The object has copies of its own of what it uses of base/, all hidden, instead of resolving them
// against the addon: the addon exports nothing, because calls within it would be slower if it did,
// and Node loads it in a way that keeps its symbols to itself anyway. So what passes the door are
// interfaces (virtual calls), plain data, and standard containers and memory, which are the same on
// both sides: both objects come from the same compiler and the same headers, which `stamp` proves.
//
// What there is twice, and why that is right:
//   ReleaseMemory     each object has a thread that unmaps its own large memory, while there is
//                     some. The bound on what waits holds for each
//   IoErrors::All()   counts what io/ met, and the engine does its I/O through RocksDB. Its own
//                     errors are figures of the engine
//   kSystemClock      no state
// What must not be there twice: the identity of a thread that holds a latch (base/latch.h) is the
// system's. No type information passes the door, and no exception: RocksDB throws none to us, and
// both objects are compiled without.
//
// Once loaded it stays: its threads and those of RocksDB may run until the process ends. Its names
// are resolved before those of libraries that are loaded later, but after those of the program: a
// Node that exports compression functions of its own lends them to RocksDB. DescribeLibrary would
// have to say so if their formats differed; they do not. RTLD_DEEPBIND would prevent that, but an
// allocator that was preloaded would then be one for the addon and not for the engine.
#pragma once

#include <memory>
#include <string>

#include "engine/check_report.h"
#include "engine/engine.h"

namespace cairn::lsm {

#ifdef CAIRN_LSM_STAMP
// Of the headers that both sides share, and the compiler: set for the two files that compare it.
inline constexpr const char* kModuleStamp = CAIRN_LSM_STAMP " " __VERSION__;
#endif
inline constexpr const char* kModuleFile = "cairn_lsm.so";
inline constexpr const char* kModuleFunction = "cairn_lsm_module";

// Functions may be called by any thread. Lives as long as the process.
struct Module {
  const char* stamp;  // first, so that it can be compared whatever else has changed
  const char* build;  // for INFO: "system 7.8.3 (asserts on)"
  // For the log: library, version, what is off in it and why.
  std::string (*describe)();
  // Empty, or why the library that was found is not the right one.
  std::string (*mismatch)();
  // Null: there is no engine in it.
  std::unique_ptr<Engine> (*new_engine)();
  // lsm/check.h.
  Result<CheckReport> (*check)(const std::string& dir, Disk* disk, uint64_t now_ms);
};

using ModuleFunction = const Module* (*)();

}  // namespace cairn::lsm

#include "server/lsm_module.h"

#include <dlfcn.h>
#include <unistd.h>

namespace cairn {

namespace {

Status Refused(const std::string& why) { return {Code::kInvalid, "engine lsm: " + why}; }

}  // namespace

std::string OwnFolder() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&OwnFolder), &info) == 0 || info.dli_fname == nullptr) {
    return ".";
  }
  const std::string file = info.dli_fname;
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, slash);
}

std::string DescribeLoadError(const std::string& path, const std::string& error) {
  constexpr std::string_view kLibrary = "librocksdb.so.";
  constexpr std::string_view kMissing = ": cannot open shared object file";
  const size_t begin = error.find(kLibrary);
  const size_t end = error.find(kMissing);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    return path + " cannot be loaded: " + error;
  }
  const std::string file = error.substr(begin, end - begin);
  return file + " is not installed: install the package librocksdb" + file.substr(kLibrary.size()) +
         " (or librocksdb-dev, and build again)";
}

Result<const lsm::Module*> LoadLsmModule(const std::string& folder) {
  const std::string path = folder + "/" + lsm::kModuleFile;
  if (access(path.c_str(), F_OK) != 0) {
    return Refused(path +
                   " is not there: this server was built without RocksDB. Install the package "
                   "librocksdb-dev and build again");
  }
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* const error = dlerror();
    return Refused(DescribeLoadError(path, error == nullptr ? "no reason given" : error));
  }
  const auto function = reinterpret_cast<lsm::ModuleFunction>(dlsym(handle, lsm::kModuleFunction));
  if (function == nullptr) return Refused(path + " is not the engine of this server");
  const lsm::Module* const module = function();
  if (std::string_view(module->stamp) != lsm::kModuleStamp) {
    return Refused(path + " was built from other sources than this server: build again");
  }
  const std::string mismatch = module->mismatch();
  if (!mismatch.empty()) {
    return Refused(mismatch + ": install the matching package librocksdb-dev and build again");
  }
  return module;
}

}  // namespace cairn

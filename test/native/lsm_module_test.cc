// The engine as a shared object: it loads, says what it is, and errors say what to do.
#include "server/lsm_module.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lsm/rocksdb_version.h"

using namespace cairn;

namespace {

// Of a folder that lives as long as the test.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "cairn-module-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST_CASE("lsm module: loads, and was built from the same sources") {
  const Result<const lsm::Module*> loaded = LoadLsmModule(OwnFolder());
  INFO(loaded.status().message());
  REQUIRE(loaded.ok());
  const lsm::Module& module = *loaded.value();
  CHECK(std::string(module.build).find(lsm::LibraryVersion()) != std::string::npos);
  CHECK(module.describe().starts_with("RocksDB: "));
  CHECK(module.mismatch() == "");
  CHECK(LoadLsmModule(OwnFolder()).value() == &module);
}

TEST_CASE("lsm module: what is missing is named") {
  const Folder folder;
  const Status missing = LoadLsmModule(folder.path).status();
  CHECK(missing.code() == Code::kInvalid);
  CHECK(missing.message() == "engine lsm: " + folder.path +
                                 "/cairn_lsm.so is not there: this server was built without "
                                 "RocksDB. Install the package librocksdb-dev and build again");
  std::ofstream(folder.path + "/cairn_lsm.so") << "not an object";
  CHECK(LoadLsmModule(folder.path)
            .status()
            .message()
            .starts_with("engine lsm: " + folder.path + "/cairn_lsm.so cannot be loaded: "));

  CHECK(DescribeLoadError("/x/cairn_lsm.so",
                          "librocksdb.so.7.8: cannot open shared object file: No such file or "
                          "directory") ==
        "librocksdb.so.7.8 is not installed: install the package librocksdb7.8 (or "
        "librocksdb-dev, and build again)");
  CHECK(DescribeLoadError("/x/cairn_lsm.so", "undefined symbol: y") ==
        "/x/cairn_lsm.so cannot be loaded: undefined symbol: y");
}

TEST_CASE("lsm library: each feature that is off has a reason") {
  const std::string text = lsm::DescribeLibrary();
  for (const lsm::FeatureRow& row : lsm::FeatureRows()) {
    CHECK(row.on == (*row.why_not == 0));
    CHECK(lsm::IsOn(row.feature) == row.on);
    CHECK((text.find(std::string(row.name) + " (") != std::string::npos) == !row.on);
  }
  CHECK(lsm::LibraryMismatch() == "");
  const std::string build = lsm::RocksdbBuild();
  CHECK((build.starts_with("system ") || build.starts_with("static ")));
  CHECK(build.ends_with("(asserts on)") == lsm::LibraryHasAsserts());
  CHECK(lsm::kRocksdbVersion >= 708);
}

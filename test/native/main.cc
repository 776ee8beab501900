// The one main of the native unit tests; every other file here only adds test cases.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#ifdef __SANITIZE_THREAD__
// RocksDB is not instrumented: what its own atomics order cannot be seen.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
const char* __tsan_default_suppressions() { return "race:librocksdb\nrace:^rocksdb::\n"; }
#endif

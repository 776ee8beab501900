# Native build. Everything but native/addon/ builds without Node. Output: build/<variant>/.
#
#   make native        the addon (build/release/cairn.node), and the lsm engine (cairn_lsm.so) if RocksDB is there
#   make test          native unit tests, as many at once as there are cores
#   make test-asan     the same under the address and undefined-behaviour sanitizers
#   make test-tsan     those that use threads, under the thread sanitizer
#   make fuzz-resp     fuzzes the request parser for FUZZ_SECONDS (60)
#   make fuzz-checkpoint  the same for the decoder of checkpoint files
#   make clean
#
# VARIANT=release|asan|tsan chooses the flags of native and native-tests. CXX, CLANGXX, JOBS, BUILD_ROOT, FUZZ_SECONDS may be
# set, and ROCKSDB, the folder of a RocksDB of our own.

VARIANT ?= release
CXX ?= g++
CLANGXX ?= clang++
BUILD_ROOT ?= build
BUILD := $(BUILD_ROOT)/$(VARIANT)
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60

# Called without -j, the build still uses all cores.
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(JOBS)
endif

WARNINGS := -Wall -Wextra -Werror
CPPFLAGS := -Inative -MMD -MP
CXXFLAGS_release := -O2 -g1
# -g1: line tables are all that the reports need. -Og compiles a quarter faster than -O1 under the address sanitizer, and runs as fast.
# vptr would need the type information that the library is built without.
# Values that a release build would copy go the way of large ones, see base/large_buffer.h.
SMALL_IS_LARGE := -DCAIRN_LARGE_VALUE_BYTES=1024 -DCAIRN_LARGE_UNIT_BYTES=4096
CXXFLAGS_asan := $(SMALL_IS_LARGE) -Og -g1 -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all \
  -fno-omit-frame-pointer
CXXFLAGS_tsan := $(SMALL_IS_LARGE) -O1 -g1 -fsanitize=thread -Wno-tsan
# Nobody outside calls into the library but through Node-API's entry, which is exported by name: without the two flags every
# call between its files would go through the table of a shared object, and none within one could be inlined.
CXXFLAGS := -std=c++20 -fPIC -fvisibility=hidden -fno-semantic-interposition -march=x86-64-v2 $(WARNINGS) \
  $(CXXFLAGS_$(VARIANT))
LIBRARY_FLAGS := -fno-exceptions -fno-rtti
LDFLAGS := $(filter -fsanitize=% -fno-sanitize=%,$(CXXFLAGS_$(VARIANT)))
# Only what runs scripts needs Lua.
LDLIBS := -luring -Wl,--push-state,--as-needed -llua5.1 -Wl,--pop-state -lpthread -ldl

# RocksDB: the one that scripts/build-rocksdb.mjs has built, without asserts and so for the release only, else the system's,
# else none, and no lsm engine.
ROCKSDB ?= $(BUILD_ROOT)/rocksdb
ifeq ($(VARIANT)$(wildcard $(ROCKSDB)/librocksdb.a),release$(ROCKSDB)/librocksdb.a)
ROCKSDB_KIND := static
ROCKSDB_FLAGS := -isystem $(ROCKSDB)/include -DCAIRN_ROCKSDB_STATIC $(shell cat $(ROCKSDB)/flags)
ROCKSDB_LIBS := $(ROCKSDB)/librocksdb.a $(shell cat $(ROCKSDB)/libraries)
else
ROCKSDB_KIND := $(shell $(CXX) -E -x c++ -include rocksdb/version.h /dev/null >/dev/null 2>&1 && echo system)
ROCKSDB_FLAGS :=
ROCKSDB_LIBS := -lrocksdb
endif
# What the two sides of native/lsm/module.h have in common.
LSM_STAMP := $(VARIANT)-$(shell cat $(wildcard native/base/*.h native/io/*.h native/engine/*.h) native/lsm/module.h | \
  sha256sum | cut -c1-16)
# $(call remember,FILE,TEXT): FILE says TEXT, and is as old as that is.
remember = $(shell mkdir -p $(dir $(1)) && printf '%s\n' '$(2)' | cmp -s - $(1) || printf '%s\n' '$(2)' >$(1))
$(call remember,$(BUILD)/obj/lsm-stamp,$(LSM_STAMP))
$(call remember,$(BUILD)/obj/rocksdb-flags,$(ROCKSDB_KIND) $(ROCKSDB_FLAGS) $(ROCKSDB_LIBS))

NODE_INCLUDE ?= node_modules/node-api-headers/include
ADDON_FLAGS := -isystem $(NODE_INCLUDE) -isystem node_modules/node-addon-api -DNAPI_VERSION=9 \
  -DNODE_ADDON_API_DISABLE_DEPRECATED -DNODE_ADDON_API_CPP_EXCEPTIONS -fexceptions
# Test code is compiled for a quick build, not for speed; what it tests keeps the variant's optimization.
TEST_FLAGS := -O0 -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS

ADDON_SOURCES := $(wildcard native/addon/*.cc)
ADDON_OBJECTS := $(ADDON_SOURCES:%.cc=$(BUILD)/obj/%.o)
# The options of the lsm engine are known also where there is no RocksDB.
LSM_OPTIONS := native/lsm/lsm_options.cc
LIBRARY_SOURCES := $(filter-out native/addon/% native/lsm/%,$(wildcard native/*/*.cc native/vlog/*/*.cc)) $(LSM_OPTIONS)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.cc=$(BUILD)/obj/%.o)
LSM_SOURCES := $(filter-out $(LSM_OPTIONS),$(wildcard native/lsm/*.cc))
LSM_OBJECTS := $(LSM_SOURCES:%.cc=$(BUILD)/obj/%.o)
TEST_SOURCES := $(wildcard test/native/*.cc)
ifeq ($(ROCKSDB_KIND),)
LSM_OBJECTS :=
TEST_SOURCES := $(filter-out test/native/lsm_%,$(TEST_SOURCES))
endif
# The thread sanitizer has something to say only where there are threads: tests that start some, or use a disk or an engine
# that does.
ifeq ($(VARIANT),tsan)
THREADED_TESTS := $(shell grep -lE 'std::thread|NewPosixDisk|NewVlogEngine|LsmEngine|CONTRACT_TEST|engine_history.h|reactor_testing.h|LsmDb' $(TEST_SOURCES))
ifeq ($(THREADED_TESTS),)
$(error no test in test/native uses threads)
endif
TEST_SOURCES := $(filter-out %_test.cc,$(TEST_SOURCES)) $(filter %_test.cc,$(THREADED_TESTS))
endif
TEST_OBJECTS := $(TEST_SOURCES:%.cc=$(BUILD)/obj/%.o)
# Programs that measure a part by itself.
MEASURING_SOURCES := $(wildcard bench/native/*_bench.cc)
ifeq ($(ROCKSDB_KIND),)
MEASURING_SOURCES := $(filter-out bench/native/memtable_%,$(MEASURING_SOURCES))
endif
MEASURING_OBJECTS := $(MEASURING_SOURCES:%.cc=$(BUILD)/obj/%.o)
MEASURING := $(MEASURING_SOURCES:bench/native/%.cc=$(BUILD)/%)

# With PROGRESS_OF, the number of files to compile, each one says that it is about to be.
PROGRESS = $(if $(PROGRESS_OF),@printf '$(if $(PROGRESS_TTY),\r\033[K)%s$(if $(PROGRESS_TTY),,\n)' \
  "compiling $(eval PROGRESS_AT += x)$(words $(PROGRESS_AT)) of $(PROGRESS_OF): $<")
PROGRESS_END = $(if $(PROGRESS_OF),@printf '$(if $(PROGRESS_TTY),\r\033[K)linking\n')

.PHONY: native test test-asan test-tsan native-tests measuring fuzz-resp fuzz-checkpoint clean
.SECONDARY:
.DELETE_ON_ERROR:

LSM_MODULE := $(if $(LSM_OBJECTS),$(BUILD)/cairn_lsm.so)

native: $(BUILD)/cairn.node $(LSM_MODULE)

$(BUILD)/libcairn.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/cairn.node: $(ADDON_OBJECTS) $(BUILD)/libcairn.a
	$(PROGRESS_END)
	$(CXX) -shared $(LDFLAGS) -o $@ $^ $(LDLIBS)

# It exports one function; whatever it has from archives is its own affair.
$(BUILD)/cairn_lsm.so: $(LSM_OBJECTS) $(BUILD)/libcairn.a
	$(PROGRESS_END)
	$(CXX) -shared $(LDFLAGS) -Wl,--exclude-libs,ALL -o $@ $^ $(ROCKSDB_LIBS) $(LDLIBS)

# The tests have the engine linked in; one of them loads the module.
$(BUILD)/native-tests: $(TEST_OBJECTS) $(LSM_OBJECTS) $(BUILD)/libcairn.a | $(LSM_MODULE)
	$(CXX) $(LDFLAGS) -o $@ $^ $(if $(LSM_OBJECTS),$(ROCKSDB_LIBS)) $(LDLIBS)

native-tests: $(BUILD)/native-tests

$(MEASURING): $(BUILD)/%: $(BUILD)/obj/bench/native/%.o $(LSM_OBJECTS) $(BUILD)/libcairn.a
	$(CXX) $(LDFLAGS) -o $@ $^ $(if $(LSM_OBJECTS),$(ROCKSDB_LIBS)) $(LDLIBS)

measuring: $(MEASURING)

# What measures is built with the tests, so that it goes along when what it measures changes.
test:
	$(MAKE) VARIANT=release native-tests measuring
	CAIRN_SIM_RUNS=$${CAIRN_SIM_RUNS:-2000} node scripts/native-tests.mjs $(BUILD_ROOT)/release/native-tests

test-asan:
	$(MAKE) VARIANT=asan native-tests
	UBSAN_OPTIONS=print_stacktrace=1 node scripts/native-tests.mjs $(BUILD_ROOT)/asan/native-tests

test-tsan:
	$(MAKE) VARIANT=tsan native-tests
	TSAN_OPTIONS=halt_on_error=1 node scripts/native-tests.mjs $(BUILD_ROOT)/tsan/native-tests

$(BUILD)/obj/native/addon/%.o: native/addon/%.cc Makefile
	@mkdir -p $(@D)
	$(PROGRESS)
	$(CXX) $(CPPFLAGS) $(ADDON_FLAGS) $(CXXFLAGS) -c $< -o $@

$(LSM_OBJECTS): CPPFLAGS += $(ROCKSDB_FLAGS)
$(LSM_OBJECTS) $(filter $(BUILD)/obj/test/native/lsm_%,$(TEST_OBJECTS)): $(BUILD)/obj/rocksdb-flags
$(filter $(BUILD)/obj/test/native/lsm_%,$(TEST_OBJECTS)): CPPFLAGS += $(ROCKSDB_FLAGS)
STAMPED := $(BUILD)/obj/native/lsm/module.o $(BUILD)/obj/native/server/lsm_module.o
$(STAMPED): CPPFLAGS += -DCAIRN_LSM_STAMP='"$(LSM_STAMP)"'
$(STAMPED): $(BUILD)/obj/lsm-stamp

$(BUILD)/obj/native/%.o: native/%.cc Makefile
	@mkdir -p $(@D)
	$(PROGRESS)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(LIBRARY_FLAGS) -c $< -o $@

$(MEASURING_OBJECTS): CPPFLAGS += $(ROCKSDB_FLAGS)
$(MEASURING_OBJECTS): $(BUILD)/obj/bench/%.o: bench/%.cc Makefile
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c $< -o $@

$(BUILD)/obj/test/%.o: test/%.cc Makefile
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(TEST_FLAGS) -c $< -o $@

FUZZ_BUILD := $(BUILD_ROOT)/fuzz
FUZZ_SOURCES := test/fuzz/resp_parser_fuzz.cc native/resp/parser.cc native/base/number.cc
FUZZ_FLAGS := -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

# New inputs stay in build/fuzz/resp-new; the corpus is only read.
fuzz-resp: $(FUZZ_BUILD)/resp_parser_fuzz
	@rm -rf $(FUZZ_BUILD)/resp-new && mkdir -p $(FUZZ_BUILD)/resp-new
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 -artifact_prefix=$(FUZZ_BUILD)/ \
	  $(FUZZ_BUILD)/resp-new test/fuzz/corpus/resp

$(FUZZ_BUILD)/resp_parser_fuzz: $(FUZZ_SOURCES) Makefile $(wildcard native/resp/*.h native/base/*.h)
	@mkdir -p $(@D)
	$(CLANGXX) $(FUZZ_FLAGS) -Inative $(FUZZ_SOURCES) -o $@

CHECKPOINT_FUZZ_SOURCES := test/fuzz/checkpoint_fuzz.cc native/vlog/checkpoint/checkpoint_codec.cc native/base/crc32c.cc

fuzz-checkpoint: $(FUZZ_BUILD)/checkpoint_fuzz
	@rm -rf $(FUZZ_BUILD)/checkpoint-new && mkdir -p $(FUZZ_BUILD)/checkpoint-new
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=1024 -print_final_stats=1 -artifact_prefix=$(FUZZ_BUILD)/ \
	  $(FUZZ_BUILD)/checkpoint-new test/fuzz/corpus/checkpoint

$(FUZZ_BUILD)/checkpoint_fuzz: $(CHECKPOINT_FUZZ_SOURCES) Makefile $(wildcard native/vlog/*/*.h native/base/*.h)
	@mkdir -p $(@D)
	$(CLANGXX) $(FUZZ_FLAGS) -march=x86-64-v2 -Inative $(CHECKPOINT_FUZZ_SOURCES) -o $@

clean:
	rm -rf $(BUILD_ROOT)/release $(BUILD_ROOT)/asan $(BUILD_ROOT)/tsan $(BUILD_ROOT)/fuzz

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

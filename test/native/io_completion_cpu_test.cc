// Where the disk's completions arrive: the answer depends on the machine, what it leaves behind
// does not.
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>

#include "io/completion_cpu.h"
#include "io_testing.h"

namespace cairn {
namespace {

cpu_set_t Affinity() {
  cpu_set_t mask;
  REQUIRE(sched_getaffinity(0, sizeof(mask), &mask) == 0);
  return mask;
}

// Checks that the affinity of the calling thread is at the end what it was in the beginning, and
// leaves it so.
class SameAffinity {
 public:
  SameAffinity() : before_(Affinity()) {}
  ~SameAffinity() {
    const cpu_set_t after = Affinity();
    CHECK(CPU_EQUAL(&before_, &after));
    sched_setaffinity(0, sizeof(before_), &before_);
  }
  const cpu_set_t& mask() const { return before_; }

 private:
  cpu_set_t before_;
};

bool IsEmpty(const ScratchDir& dir) { return std::filesystem::is_empty(dir.path()); }

TEST_CASE("completion cpu: one that we may use, or none; nothing is left behind") {
  const ScratchDir scratch;
  const SameAffinity same;
  const int cpu = Take(FindCompletionCpu(scratch.path()));
  if (cpu != kNoCompletionCpu) {
    REQUIRE(cpu >= 0);
    REQUIRE(cpu < CPU_SETSIZE);
    CHECK(CPU_ISSET(cpu, &same.mask()));
  }
  CHECK(IsEmpty(scratch));
}

TEST_CASE("completion cpu: what a killed start left is removed") {
  const ScratchDir scratch;
  const SameAffinity same;
  std::ofstream(scratch / "completion-probe.tmp") << "left over";
  REQUIRE(!IsEmpty(scratch));
  CHECK(FindCompletionCpu(scratch.path()).ok());
  CHECK(IsEmpty(scratch));
}

TEST_CASE("completion cpu: with one processor there is nothing to find") {
  const ScratchDir scratch;
  const cpu_set_t before = Affinity();
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
  {
    const SameAffinity same;
    CHECK(Take(FindCompletionCpu(scratch.path())) == kNoCompletionCpu);
  }
  REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
  CHECK(IsEmpty(scratch));
}

TEST_CASE("completion cpu: where no file can be made there is none") {
  const ScratchDir scratch;
  const SameAffinity same;
  SUBCASE("no such directory") {
    CHECK(Take(FindCompletionCpu(scratch / "none")) == kNoCompletionCpu);
    CHECK(IsEmpty(scratch));
  }
  SUBCASE("not a directory") {
    std::ofstream(scratch / "file") << "text";
    CHECK(Take(FindCompletionCpu(scratch / "file")) == kNoCompletionCpu);
  }
  SUBCASE("not writable") {
    if (geteuid() == 0) return;  // for whom everything is
    REQUIRE(chmod(scratch.path().c_str(), 0500) == 0);
    CHECK(Take(FindCompletionCpu(scratch.path())) == kNoCompletionCpu);
    CHECK(IsEmpty(scratch));
  }
  SUBCASE("not writable, whoever asks") {
    CHECK(Take(FindCompletionCpu("/proc/self")) == kNoCompletionCpu);
  }
}

TEST_CASE("completion cpu: a write that fails is reported") {
  const ScratchDir scratch;
  const SameAffinity same;
  if (CPU_COUNT(&same.mask()) < 2) return;  // nothing is written
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto* const handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit limited = {0, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limited) == 0);
  const Result<int> found = FindCompletionCpu(scratch.path());
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  signal(SIGXFSZ, handler);
  REQUIRE(!found.ok());
  CHECK(found.status().sys_errno() == EFBIG);
  CHECK(found.status().message().find(scratch.path()) != std::string::npos);
  CHECK(IsEmpty(scratch));
}

}  // namespace
}  // namespace cairn

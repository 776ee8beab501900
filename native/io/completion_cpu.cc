#include "io/completion_cpu.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <vector>

#include "base/threads.h"

namespace cairn {
namespace {

constexpr int kWrites = 16;
constexpr size_t kBlockBytes = 4096;
constexpr const char* kProbeName = "/completion-probe.tmp";

// Interrupt -> count per processor. Only numbered interrupts: those of devices.
using Interrupts = std::map<std::string, std::map<int, uint64_t>>;

Interrupts ReadInterrupts() {
  Interrupts all;
  std::ifstream file("/proc/interrupts");
  std::string line;
  std::getline(file, line);
  std::istringstream head(line);
  std::vector<int> cpus;  // of the columns: "CPU0 CPU2" if processor 1 is off
  for (std::string word; head >> word;) cpus.push_back(std::atoi(word.c_str() + 3));
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name.empty() || name.find_first_not_of("0123456789:") != std::string::npos) continue;
    std::map<int, uint64_t> counts;
    for (int cpu : cpus) words >> counts[cpu];
    if (words) all[name] = std::move(counts);
  }
  return all;
}

// The processor that took at least nine tenths of the interrupt that grew most, if that one grew
// with our writes.
int WhereTheyWent(const Interrupts& before, const Interrupts& after) {
  uint64_t most = kWrites - 1;
  int where = kNoCompletionCpu;
  for (const auto& [name, counts] : after) {
    const auto old = before.find(name);
    if (old == before.end()) continue;
    uint64_t sum = 0;
    uint64_t largest = 0;
    int busiest = kNoCompletionCpu;
    for (const auto& [cpu, count] : counts) {
      const auto then = old->second.find(cpu);
      const uint64_t grown = then == old->second.end() ? 0 : count - then->second;
      sum += grown;
      if (grown > largest) {
        largest = grown;
        busiest = cpu;
      }
    }
    if (sum <= most) continue;
    most = sum;
    where = largest * 10 >= sum * 9 ? busiest : kNoCompletionCpu;
  }
  return where;
}

Status WriteBlocks(int fd, const std::string& path, void* block) {
  for (int i = 0; i < kWrites; ++i) {
    const iovec iov = {block, kBlockBytes};
    if (pwritev2(fd, &iov, 1, 0, RWF_DSYNC) != static_cast<ssize_t>(kBlockBytes)) {
      return Status(Code::kIoError, path + ": synced write: " + strerror(errno), errno);
    }
  }
  return Status::Ok();
}

// On a thread of its own, whose affinity it changes.
Status Probe(const std::string& path, int* found) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return Status::Ok();
  std::vector<int> cpus;  // the first and the last that we may use
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (cpus.size() == 2) cpus.pop_back();
    cpus.push_back(cpu);
  }
  if (cpus.size() < 2) return Status::Ok();
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_DIRECT, 0600);
  if (fd < 0) return Status::Ok();  // no direct I/O here: no device to look for
  std::unique_ptr<void, void (*)(void*)> block(aligned_alloc(kBlockBytes, kBlockBytes), free);
  memset(block.get(), 0, kBlockBytes);
  Status status = WriteBlocks(fd, path, block.get());  // allocates, which takes other ways
  int where = kNoCompletionCpu;
  for (size_t i = 0; i < cpus.size() && status.ok(); ++i) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpus[i], &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) break;
    const Interrupts before = ReadInterrupts();
    status = WriteBlocks(fd, path, block.get());
    const int here = WhereTheyWent(before, ReadInterrupts());
    if (here == kNoCompletionCpu || !CPU_ISSET(here, &allowed)) break;
    if (i != 0 && here == where) *found = here;
    where = here;
  }
  close(fd);
  return status;
}

}  // namespace

Result<int> FindCompletionCpu(const std::string& dir) {
  const std::string path = dir + kProbeName;
  (void)::remove(path.c_str());  // left over from a start that was killed
  int found = kNoCompletionCpu;
  Status status;
  Threads probe;
  if (!probe.Start([&] { status = Probe(path, &found); }))
    status = Status(Code::kBusy, Threads::kRefused);
  probe.Join();
  (void)::remove(path.c_str());
  if (!status.ok()) return status;
  return found;
}

}  // namespace cairn

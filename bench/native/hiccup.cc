// Hiccup meter: one thread per processor sleeps for two milliseconds, over and over, with a
// priority above everything else (SCHED_FIFO). When it wakes up late, the processor itself was
// away: the host had stopped it. Prints for each second "EPOCH_SECOND WORST_MICROSECONDS", until it
// is killed. Exit code 1: the system does not allow the priority.
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::chrono::milliseconds kNap(2);

std::atomic<int64_t> worst_nanos{0};

bool Prepare(unsigned cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  sched_param param = {};
  param.sched_priority = 90;
  return pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) == 0 &&
         pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
}

void Watch(unsigned cpu, std::atomic<int>* refused) {
  if (!Prepare(cpu)) {
    refused->fetch_add(1);
    return;
  }
  for (;;) {
    const steady_clock::time_point due = steady_clock::now() + kNap;
    std::this_thread::sleep_until(due);
    const int64_t late = std::chrono::nanoseconds(steady_clock::now() - due).count();
    int64_t worst = worst_nanos.load();
    while (late > worst && !worst_nanos.compare_exchange_weak(worst, late)) {
    }
  }
}

}  // namespace

int main() {
  std::atomic<int> refused{0};
  const unsigned cpus = static_cast<unsigned>(sysconf(_SC_NPROCESSORS_ONLN));
  std::vector<std::thread> threads;
  for (unsigned cpu = 0; cpu < cpus; ++cpu)
    threads.emplace_back([cpu, &refused] { Watch(cpu, &refused); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  if (refused.load() != 0) {
    std::fputs("hiccup: SCHED_FIFO is not allowed\n", stderr);
    std::_Exit(1);
  }
  for (;;) {
    const auto second =
        std::chrono::floor<std::chrono::seconds>(system_clock::now()) + std::chrono::seconds(1);
    std::this_thread::sleep_until(second);
    const int64_t worst = worst_nanos.exchange(0);
    std::printf("%lld %.1f\n", static_cast<long long>(second.time_since_epoch().count() - 1),
                static_cast<double>(worst) / 1000);
    std::fflush(stdout);
  }
}

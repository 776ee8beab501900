// A kernel that refuses io_uring, made with a real seccomp filter in a child process: the filter
// cannot be taken off again.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/release.h"
#include "io_testing.h"

namespace cairn {
namespace {

// From here on `number` fails with `error` in this process.
bool Refuse(uint32_t number, uint32_t error) {
  sock_filter filter[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// What a child that cannot use `number` tells about its queues, one line per step.
std::string Refused(uint32_t number, uint32_t error, const std::string& dir) {
  int out[2];
  REQUIRE(pipe(out) == 0);
  FinishReleases();  // the child starts threads, which a process forked beside one may not
  const pid_t child = fork();
  if (child == 0) {
    std::string told;
    if (!Refuse(number, error)) told += "no seccomp here\n";
    std::string why;
    auto strict = NewPosixDisk(IoBackend::kUring)->NewQueue(IoQueueOptions{}, &why);
    told += "uring: " + (strict.ok() ? "works" : strict.status().message()) + "\n";
    auto disk = NewPosixDisk(IoBackend::kAuto);
    {
      auto queue = disk->NewQueue(IoQueueOptions{}, &why);
      told += "auto: " + (queue.ok() ? std::string(queue.value()->name()) : "fails") + "\n";
      told += "why: " + why + "\n";
      auto file = disk->OpenDirect(dir + "/file", Disk::Mode::kCreate);
      if (queue.ok() && file.ok()) {
        const Block block(4096, 'x');
        TestRequest request(IoOp::kWriteDataSync, file.value().get(), 0, {Iov(block)});
        queue.value()->Submit(&request.io);
        while (queue.value()->in_flight() > 0) queue.value()->Wait(1000);
        told += "wrote " + std::to_string(request.result) + "\n";
      }
    }
    std::string report;
    const Status probe = disk->ProbeDurableWrite(dir, &report);
    told += probe.ok() ? "probe works\n" : probe.message() + "\n";
    (void)!write(out[1], told.data(), told.size());
    _exit(0);
  }
  close(out[1]);
  std::string told;
  char chunk[512];
  for (ssize_t n = 0; (n = read(out[0], chunk, sizeof(chunk))) > 0;) {
    told.append(chunk, static_cast<size_t>(n));
  }
  close(out[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return told;
}

TEST_CASE("fallback: io_uring_setup refused, as container profiles do") {
  const ScratchDir scratch;
  const std::string told = Refused(SYS_io_uring_setup, EPERM, scratch.path());
  CHECK(told ==
        "uring: io_uring refused (Operation not permitted): "
        "a seccomp profile or security module forbids it\n"
        "auto: threads\n"
        "why: io_uring refused (Operation not permitted): using epoll and a thread pool "
        "(a seccomp profile or security module forbids it)\n"
        "wrote 4096\n"
        "probe works\n");
}

TEST_CASE("fallback: no io_uring in the kernel, or not enough locked memory") {
  for (const uint32_t error : {ENOSYS, ENOMEM}) {
    const ScratchDir scratch;
    const std::string told = Refused(SYS_io_uring_setup, error, scratch.path());
    CHECK(told.find("auto: threads\nwhy: io_uring refused (") != std::string::npos);
    CHECK(told.find("): using epoll and a thread pool (") != std::string::npos);
    CHECK(told.find("wrote 4096\n") != std::string::npos);
  }
}

TEST_CASE("fallback: setup allowed, but enter or register refused") {
  for (const uint32_t number : {SYS_io_uring_enter, SYS_io_uring_register}) {
    const ScratchDir scratch;
    const std::string told = Refused(number, EPERM, scratch.path());
    CHECK(told.find("auto: threads\nwhy: io_uring refused (Operation not permitted): using ") !=
          std::string::npos);
    CHECK(told.find("wrote 4096\n") != std::string::npos);
  }
}

}  // namespace
}  // namespace cairn

// Gives large memory back to the system without holding up who lets go of it: unmapping 100 MB
// takes about 10 ms, so a thread does it, piece by piece. The thread lives while there is something
// to do, and lingers a little: starting one takes longer than everything else that the caller does,
// often under a latch. Thread-safe.
#pragma once

#include <cstddef>

namespace cairn {

// Less than this goes at once: it takes some ten microseconds.
inline constexpr size_t kReleaseBytesMin = 256u << 10;
// Waiting to be released, all together; beyond it the caller has to do it.
inline constexpr size_t kReleaseWaitingMax = size_t{4} << 30;

// Nobody uses the memory any more. free(data, bytes) is what returns it; its pages are gone by
// then.
void ReleaseMemory(void* data, size_t bytes, void (*free)(void* data, size_t bytes));

// Returns when all that waits is released and the thread has ended: for who forks. While nobody
// else releases anything.
void FinishReleases();

// Bytes that wait; 0: all is done. For tests.
size_t ReleaseWaiting();

}  // namespace cairn

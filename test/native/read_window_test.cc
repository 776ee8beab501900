// ReadWindow against devices that are known.
#include "vlog/log/read_window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

using cairn::vlog::ReadWindow;

namespace {

// Reads one after the other for so many seconds; the device completes `rate(size)` of them per
// second, give or take `noise`.
void Run(ReadWindow* window, double seconds, const std::function<double(uint32_t)>& rate,
         double noise, uint64_t* now_ns, bool waiting = true) {
  std::mt19937_64 rng(7);
  std::normal_distribution<double> normal(1.0, noise);
  const uint64_t end = *now_ns + static_cast<uint64_t>(seconds * 1e9);
  double factor = 1;
  uint64_t until = 0;
  while (*now_ns < end) {
    if (*now_ns >= until) {  // noise comes in stretches
      factor = std::max(0.2, normal(rng));
      until = *now_ns + 30'000'000;
    }
    *now_ns += static_cast<uint64_t>(1e9 / (rate(window->size()) * factor));
    window->Completed(waiting, *now_ns);
  }
}

}  // namespace

TEST_CASE("read window: a device with a long way grows it, as far as that helps") {
  ReadWindow window;
  uint64_t now = 1'000'000'000;
  // A millisecond each, 100 at once.
  const auto rate = [](uint32_t size) { return 1000.0 * std::min(size, 100u); };
  Run(&window, 60, rate, 0.03, &now);
  CHECK(window.size() >= 70);
  CHECK(window.size() <= ReadWindow::kMax);
}

TEST_CASE("read window: reads that come back in one batch shrink it") {
  ReadWindow window;
  uint64_t now = 1'000'000'000;
  // Best at 12; 40 are as bad as 4.
  const auto rate = [](uint32_t size) {
    return 60000.0 / (1 + 0.25 * std::pow(std::log2(size / 12.0), 2));
  };
  Run(&window, 60, rate, 0.03, &now);
  CHECK(window.size() >= ReadWindow::kMin);
  CHECK(window.size() <= 19);
}

TEST_CASE("read window: where the size does not matter it stays in its bounds") {
  ReadWindow window;
  uint64_t now = 1'000'000'000;
  const auto rate = [](uint32_t) { return 50000.0; };
  Run(&window, 60, rate, 0.2, &now);
  CHECK(window.size() >= ReadWindow::kMin);
  CHECK(window.size() <= ReadWindow::kMax);
}

TEST_CASE("read window: nothing is learned while nothing waits, nor if it is fixed") {
  ReadWindow window;
  uint64_t now = 1'000'000'000;
  const auto rate = [](uint32_t size) { return 1000.0 * size; };
  Run(&window, 5, rate, 0, &now, false);
  CHECK(window.size() == ReadWindow::kFirst);
  window.Fix(3);
  Run(&window, 5, rate, 0, &now);
  CHECK(window.size() == 3);
}

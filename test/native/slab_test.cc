#include "base/slab.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

using cairn::SlabArena;

TEST_CASE("slab: blocks have room for what was asked and never overlap") {
  SlabArena arena;
  std::mt19937_64 random(1);
  std::map<char*, size_t> live;
  for (int step = 0; step < 200000; ++step) {
    if (live.empty() || random() % 5 < 3) {
      size_t bytes = 1 + random() % (random() % 8 == 0 ? 6000 : 700);
      CHECK(SlabArena::BlockBytes(bytes) >= bytes);
      char* block = static_cast<char*>(arena.Allocate(bytes));
      REQUIRE(reinterpret_cast<uintptr_t>(block) % 16 == 0);
      auto next = live.lower_bound(block);
      if (next != live.end()) REQUIRE(block + bytes <= next->first);
      if (next != live.begin()) REQUIRE(std::prev(next)->first + std::prev(next)->second <= block);
      std::memset(block, static_cast<int>(bytes & 0xff), bytes);
      live[block] = bytes;
    } else {
      auto at = live.lower_bound(reinterpret_cast<char*>(random()));
      if (at == live.end()) at = live.begin();
      CHECK(at->first[at->second - 1] == static_cast<char>(at->second & 0xff));
      arena.Free(at->first, at->second);
      live.erase(at);
    }
  }
  for (auto& [block, bytes] : live) arena.Free(block, bytes);
}

TEST_CASE("slab: memory of one class serves another when it is free again") {
  SlabArena arena;
  std::vector<void*> blocks;
  auto lowest_and_highest = [&](size_t bytes) {
    blocks.clear();
    for (int i = 0; i < 20000; ++i) blocks.push_back(arena.Allocate(bytes));
    auto [low, high] = std::minmax_element(blocks.begin(), blocks.end());
    auto span = std::make_pair(*low, *high);
    for (void* block : blocks) arena.Free(block, bytes);
    return span;
  };
  auto first = lowest_and_highest(200);
  auto second = lowest_and_highest(180);
  CHECK(second.first >= first.first);
  CHECK(static_cast<char*>(second.second) <=
        static_cast<char*>(first.second) + 2 * SlabArena::kSlabBytes);
}

TEST_SUITE("concurrent: slab") {
  TEST_CASE("several threads") {
    SlabArena arena;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; ++t) {
      threads.emplace_back([&arena, t] {
        std::mt19937 random(t);
        std::vector<std::pair<char*, size_t>> mine;
        for (int i = 0; i < 30000; ++i) {
          if (mine.size() < 100 || random() % 2) {
            size_t bytes = 1 + random() % 500;
            mine.emplace_back(static_cast<char*>(arena.Allocate(bytes)), bytes);
            std::memset(mine.back().first, static_cast<int>(t), bytes);
          } else {
            std::swap(mine.back(), mine[random() % mine.size()]);
            CHECK(mine.back().first[0] == static_cast<char>(t));
            arena.Free(mine.back().first, mine.back().second);
            mine.pop_back();
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
}

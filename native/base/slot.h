// Hash slots as in the Redis Cluster specification: CRC16/XMODEM of the key, or of its first
// non-empty {hash tag}, modulo 16384. A shard is 16 neighbouring slots.
#pragma once

#include <cstdint>
#include <string_view>

namespace cairn {

inline constexpr uint32_t kSlotCount = 16384;
inline constexpr uint32_t kShardCount = 1024;
inline constexpr uint32_t kSlotsPerShard = kSlotCount / kShardCount;

uint16_t Crc16(std::string_view bytes);
// The part of the key that decides its slot: the hash tag or the whole key.
std::string_view HashTag(std::string_view key);
inline uint16_t SlotOf(std::string_view key) { return Crc16(HashTag(key)) % kSlotCount; }
inline uint16_t ShardOf(std::string_view key) { return SlotOf(key) / kSlotsPerShard; }

}  // namespace cairn

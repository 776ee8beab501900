#include "vlog/index/art_block.h"

namespace cairn::vlog::art {

SlabArena& BlockArena() {
  static SlabArena* const arena = new SlabArena();  // outlives every tree, static ones included
  return *arena;
}

}  // namespace cairn::vlog::art

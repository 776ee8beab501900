// The size of every database as a pass has made it so far: what is stored, and the pass's own
// writes over it.
#include "txn/txn.h"

namespace cairn {

DatabaseKeys Txn::Count(uint16_t db) {
  const uint16_t base = OwnWrites().Base(db);
  DatabaseKeys total{db, 0, 0};
  if (base != Overlay::kNothing) {
    total.keys = engine_->KeyCount(base);
    total.expires = engine_->ExpiringCount(base);
  }
  const Overlay::Sizes own = overlay_.Difference(
      db, [this](uint16_t ns, uint16_t shard, std::string_view key, Entry* entry) {
        Stored stored;
        (void)FindStored(ns, shard, key, false, &stored);
        *entry = stored.entry;
      });
  total.keys += static_cast<uint64_t>(own.keys);
  total.expires += static_cast<uint64_t>(own.expires);
  return total;
}

KeyspaceFigures Txn::Keyspace() {
  KeyspaceFigures figures;
  for (uint32_t db = 0; db < databases_; ++db) {
    const DatabaseKeys total = Count(static_cast<uint16_t>(db));
    if (total.keys != 0) figures.push_back(total);
  }
  return figures;
}

}  // namespace cairn

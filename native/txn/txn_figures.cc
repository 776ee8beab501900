// The size of every database as a pass has made it so far: what is stored, and the pass's own
// writes over it.
#include "txn/txn.h"

namespace cairn {

DatabaseKeys Txn::Count(uint16_t db) {
  const Overlay& overlay = OwnWrites();
  const uint16_t base = overlay.Base(db);
  const bool stored = base != Overlay::kNothing;
  DatabaseKeys total{db, 0, 0};
  if (stored) {
    total.keys = engine_->KeyCount(base);
    total.expires = engine_->ExpiringCount(base);
  }
  overlay.ForEach(db, [&](uint16_t shard, std::string_view key, const OwnKey& own) {
    Entry entry;
    if (stored) engine_->Find(base, shard, key, false, &entry);
    const bool present =
        own.value == OwnKey::Value::kOwn || (own.value == OwnKey::Value::kStored && entry.found);
    const uint64_t expire_at_ms = own.expiry_set ? own.expire_at_ms : entry.expire_at_ms;
    if (present) ++total.keys;
    if (present && expire_at_ms != 0) ++total.expires;
    if (entry.found) --total.keys;
    if (entry.found && entry.expire_at_ms != 0) --total.expires;
    return true;
  });
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

// The size of every database as a pass has made it so far: what is stored, and the pass's own
// writes over it.
#include "txn/txn.h"

namespace cairn {

namespace {

// A database in the middle of a pass.
struct View {
  bool stored = true;  // what `base` holds counts; a flush has not hidden it
  uint16_t base = 0;
  std::map<std::string, uint64_t, std::less<>> keys;  // own writes: expiry, or kGone
};

constexpr uint64_t kGone = UINT64_MAX;

class Views {
 public:
  View& Of(uint16_t db) {
    auto [it, made] = views_.try_emplace(db);
    if (made) it->second = View{!flushed_, db, {}};
    return it->second;
  }
  void Flush() {
    views_.clear();
    flushed_ = true;
  }

 private:
  std::map<uint16_t, View> views_;
  bool flushed_ = false;  // every database that is not in views_
};

}  // namespace

KeyspaceFigures Txn::Keyspace() {
  Views views;
  for (const WriteOp& op : writes_) {
    if (op.kind == WriteKind::kFlush) {
      op.ns == kAllNamespaces ? views.Flush() : void(views.Of(op.ns) = View{false, op.ns, {}});
    } else if (op.kind == WriteKind::kSwap) {
      std::swap(views.Of(op.ns), views.Of(op.other_ns));
    } else {
      views.Of(op.ns).keys[std::string(op.key)] =
          op.kind == WriteKind::kDelete ? kGone : op.expire_at_ms;
    }
  }
  KeyspaceFigures figures;
  for (uint32_t db = 0; db < databases_; ++db) {
    const View& view = views.Of(static_cast<uint16_t>(db));
    DatabaseKeys total{static_cast<uint16_t>(db), 0, 0};
    if (view.stored) {
      total.keys = engine_->KeyCount(view.base);
      total.expires = engine_->ExpiringCount(view.base);
    }
    for (const auto& [key, expire_at_ms] : view.keys) {
      Entry entry;
      if (view.stored) engine_->Find(view.base, ShardOf(key), key, false, &entry);
      if (expire_at_ms != kGone) ++total.keys;
      if (expire_at_ms != kGone && expire_at_ms != 0) ++total.expires;
      if (entry.found) --total.keys;
      if (entry.found && entry.expire_at_ms != 0) --total.expires;
    }
    if (total.keys != 0) figures.push_back(total);
  }
  return figures;
}

}  // namespace cairn

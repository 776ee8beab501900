// What a payload of DUMP says becomes a collection. Nothing is saved before all of the payload has
// turned out to be true.
#include <memory>
#include <string>
#include <vector>

#include "collection/hash.h"
#include "collection/list.h"
#include "collection/set.h"
#include "collection/zset.h"
#include "command/collection_args.h"
#include "command/dump_value.h"
#include "rdb/decoder.h"
#include "resp/set_errors.h"

namespace cairn {
namespace {

using rdb::Kind;
using rdb::Type;
using tree::Outcome;

// Makes the value of the key as the decoder tells it.
class Restorer final : public rdb::Visitor {
 public:
  Restorer(Call& call, std::string_view key) : call_(call), key_(key) {}

  bool Begin(Kind kind, Type type, std::optional<uint64_t> count) override {
    switch (kind) {
      case Kind::kSet:
        return BeginSet(type, count.value_or(0));
      case Kind::kHash:
        return BeginHash(type, count.value_or(0));
      case Kind::kList:
        list_ = std::make_unique<ListValue>(&call_.txn, key_, &call_.server.thresholds);
        list_->Make();
        collection_ = &list_->collection();
        return true;
      case Kind::kZset:
        return BeginZset(type, count.value_or(0));
      case Kind::kString:
      case Kind::kStream:
        break;
    }
    unknown_ = true;
    return false;
  }

  bool ListItem(std::string_view item) override {
    if (list_->encoding() == Encoding::kListpack) return Took(list_->Push(false, {&item, 1}));
    items_.emplace_back(item);
    item_bytes_ += item.size();
    return (items_.size() < kItemsAtOnce && item_bytes_ < kItemBytesAtOnce) || PushItems();
  }
  bool ZsetMember(std::string_view member, double score) override {
    bool found = false;
    double other;
    return Took(zset_->Find(member, &found, &other)) && !found &&
           Took(zset_->Put({member, score}, nullptr));
  }
  bool SetMember(std::string_view member) override {
    bool added;
    return Took(set_->Add(member, &added)) && added;
  }
  bool HashField(std::string_view field, std::string_view value, uint64_t expire_at_ms) override {
    bool existed;
    if (expire_at_ms != 0 && expire_at_ms <= call_.txn.now_ms()) return true;
    return Took(hash_->Set(field, value, &existed, expire_at_ms)) && !existed;
  }

  bool unknown() const { return unknown_; }
  bool failed() const { return failed_; }
  const Status& status() const {
    return zset_ != nullptr ? zset_->status() : collection_->status();
  }
  // The whole payload was told. False: pending, or answered.
  bool Save(uint64_t expire_at_ms) {
    if (!PushItems()) return Done(call_, Outcome::kFailed, status());
    if (as_listpack_) collection_->set_encoding(Encoding::kListpack);
    collection_->set_expire_at_ms(expire_at_ms);
    uint64_t count;
    if (!Done(call_, collection_->Count(&count), status())) return false;
    if (count == 0) call_.txn.Delete(key_);  // all fields have ended
    return count == 0 || Done(call_, collection_->Save(), status());
  }

 private:
  // Of a list that is no listpack any more: pushed together.
  static constexpr size_t kItemsAtOnce = 256;
  static constexpr size_t kItemBytesAtOnce = 1u << 20;

  bool PushItems() {
    if (items_.empty()) return true;
    const std::vector<std::string_view> views(items_.begin(), items_.end());
    const Outcome pushed = list_->Push(false, views);
    items_.clear();
    item_bytes_ = 0;
    return Took(pushed);
  }
  // As Redis: what was packed is, whatever its elements are, unless there are too many.
  static bool Fits(uint64_t count, const std::atomic<uint64_t>& entries_max) {
    return count <= entries_max.load(std::memory_order_relaxed);
  }
  bool BeginHash(Type type, uint64_t count) {
    const Thresholds& thresholds = call_.server.thresholds;
    hash_ = std::make_unique<HashValue>(&call_.txn, key_, &thresholds);
    collection_ = &hash_->collection();
    as_listpack_ = (type == Type::kHashListpack || type == Type::kHashZiplist ||
                    type == Type::kHashListpackExpiry) &&
                   Fits(count, thresholds.hash_listpack_entries);
    hash_->Make();
    if (!Fits(count, thresholds.hash_listpack_entries))
      collection_->set_encoding(Encoding::kHashtable);
    return true;
  }
  bool BeginZset(Type type, uint64_t count) {
    const Thresholds& thresholds = call_.server.thresholds;
    zset_ = std::make_unique<ZsetValue>(&call_.txn, key_, &thresholds);
    collection_ = &zset_->collection();
    as_listpack_ = (type == Type::kZsetListpack || type == Type::kZsetZiplist) &&
                   Fits(count, thresholds.zset_listpack_entries);
    zset_->Make(count, 0);
    return true;
  }
  bool BeginSet(Type type, uint64_t count) {
    const Thresholds& thresholds = call_.server.thresholds;
    set_ = std::make_unique<SetValue>(&call_.txn, key_, &thresholds);
    collection_ = &set_->collection();
    as_listpack_ = type == Type::kSetListpack && Fits(count, thresholds.set_listpack_entries);
    Encoding encoding = Encoding::kHashtable;
    if (as_listpack_) {
      encoding = Encoding::kListpack;
    } else if (type != Type::kSetListpack && count <= IntsetMembersMax(thresholds)) {
      encoding = Encoding::kIntset;
    }
    set_->Make(encoding, Txn::NextRandom());
    return true;
  }
  bool Took(Outcome outcome) {
    failed_ = outcome != Outcome::kDone;
    return !failed_;
  }

  Call& call_;
  const std::string_view key_;
  std::unique_ptr<SetValue> set_;
  std::unique_ptr<HashValue> hash_;
  std::unique_ptr<ListValue> list_;
  std::unique_ptr<ZsetValue> zset_;
  std::vector<std::string> items_;
  size_t item_bytes_ = 0;
  Collection* collection_ = nullptr;
  bool as_listpack_ = false;
  bool unknown_ = false;
  bool failed_ = false;  // not through the payload
};

std::string_view ErrorOf(rdb::DumpResult fault) {
  switch (fault) {
    case rdb::DumpResult::kBadFooter:
      return errors::kRestoreChecksum;
    case rdb::DumpResult::kTooLong:
      return errors::kStringTooLong;
    case rdb::DumpResult::kOtherType:
      return errors::kNoRestoreOfType;
    case rdb::DumpResult::kOk:
    case rdb::DumpResult::kBadFormat:
      break;
  }
  return errors::kRestoreFormat;
}

}  // namespace

bool RestoreCollection(Call& call, std::string_view key, std::string_view payload,
                       uint64_t expire_at_ms, bool check) {
  Restorer restorer(call, key);
  rdb::DecodeLimits limits;
  limits.string_bytes_max = kValueBytesMax;
  rdb::Decoder decoder(payload, &restorer, limits);
  rdb::Decoder::Progress progress = rdb::Decoder::Progress::kMore;
  while (progress == rdb::Decoder::Progress::kMore) progress = decoder.Step({});
  if (progress == rdb::Decoder::Progress::kFailed) return Refuse(call, ErrorOf(decoder.fault()));
  if (restorer.unknown()) return Refuse(call, errors::kNoRestoreOfType);
  if (restorer.failed()) return Done(call, Outcome::kFailed, restorer.status());
  if (progress == rdb::Decoder::Progress::kStopped) return Refuse(call, errors::kRestoreFormat);
  return check || restorer.Save(expire_at_ms);
}

}  // namespace cairn

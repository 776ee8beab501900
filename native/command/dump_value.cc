#include "command/dump_value.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "collection/element_walk.h"
#include "command/collection_args.h"
#include "rdb/encoder.h"
#include "resp/set_errors.h"
#include "tree/score.h"

namespace cairn {
namespace {

using tree::Outcome;

// Longer elements are not compressed, for a pass cannot be left in the middle of one.
inline constexpr uint64_t kCompressBytesMax = 1u << 20;

// The encoding that the value has decides on the form, not what its elements would fit.
rdb::EncodeOptions OptionsOf(const Call& call, Encoding encoding) {
  const Thresholds& thresholds = call.server.thresholds;
  rdb::EncodeOptions options;
  options.version = call.server.dump_version.load(std::memory_order_relaxed);
  options.compress_bytes_max = kCompressBytesMax;
  options.table = encoding == Encoding::kHashtable || encoding == Encoding::kSkiplist;
  options.set_max_intset_entries = encoding == Encoding::kIntset ? UINT64_MAX : 0;
  options.hash_max_listpack_entries = options.hash_max_listpack_value = UINT64_MAX;
  options.set_max_listpack_entries = options.set_max_listpack_value = UINT64_MAX;
  options.zset_max_listpack_entries = options.zset_max_listpack_value = UINT64_MAX;
  options.list_max_listpack_size = thresholds.list_listpack_size.load(std::memory_order_relaxed);
  return options;
}

// Takes the entries of a collection, in the order of its tree 0, and makes a payload of them.
class Dumper {
 public:
  virtual ~Dumper() = default;
  virtual Outcome Add(ElementWalk* walk) = 0;
  virtual void Finish() = 0;
};

class SetDumper final : public Dumper {
 public:
  SetDumper(rdb::Sink* sink, const rdb::EncodeOptions& options, uint64_t count)
      : encoder_(sink, options, count) {}
  Outcome Add(ElementWalk* walk) override {
    std::string_view member;
    const Outcome outcome = walk->Member(&member);
    if (outcome == Outcome::kDone) encoder_.Add(member);
    return outcome;
  }
  void Finish() override { encoder_.Finish(); }

 private:
  rdb::SetEncoder encoder_;
};

class HashDumper final : public Dumper {
 public:
  HashDumper(rdb::Sink* sink, const rdb::EncodeOptions& options, uint64_t count, uint64_t soonest,
             uint64_t now_ms)
      : encoder_(sink, options, count,
                 soonest == 0 ? std::nullopt : std::optional<uint64_t>(soonest)),
        now_ms_(now_ms) {}
  Outcome Add(ElementWalk* walk) override {
    const uint64_t due = walk->entry().due;
    if (due != 0 && due <= now_ms_) return Outcome::kDone;
    std::string_view field, value;
    Outcome outcome = walk->Rest(&field);
    if (outcome == Outcome::kDone) outcome = walk->Payload(&value);
    if (outcome == Outcome::kDone) encoder_.Add(field, value, due);
    return outcome;
  }
  void Finish() override { encoder_.Finish(); }

 private:
  rdb::HashEncoder encoder_;
  const uint64_t now_ms_;
};

class ListDumper final : public Dumper {
 public:
  ListDumper(rdb::Sink* sink, const rdb::EncodeOptions& options, uint64_t count)
      : encoder_(sink, options, count) {}
  Outcome Add(ElementWalk* walk) override {
    std::string_view item;
    const Outcome outcome = walk->Payload(&item);
    if (outcome == Outcome::kDone) encoder_.Add(item);
    return outcome;
  }
  void Finish() override { encoder_.Finish(); }

 private:
  rdb::ListEncoder encoder_;
};

class ZsetDumper final : public Dumper {
 public:
  ZsetDumper(rdb::Sink* sink, const rdb::EncodeOptions& options, uint64_t count)
      : encoder_(sink, options, count) {}
  Outcome Add(ElementWalk* walk) override {
    std::string_view member, payload;
    Outcome outcome = walk->Rest(&member);
    if (outcome == Outcome::kDone) outcome = walk->Payload(&payload);
    if (outcome != Outcome::kDone) return outcome;
    double score;
    if (!tree::ScoreOf(walk->entry().head, payload, &score)) return walk->Fail("has no score");
    encoder_.Add(member, score);
    return outcome;
  }
  void Finish() override { encoder_.Finish(); }

 private:
  rdb::ZsetEncoder encoder_;
};

// What is kept from slice to slice.
struct DumpWork {
  KeyGuard guard;
  uint32_t tries = 0;
  std::unique_ptr<PayloadPieces> pieces;
  std::unique_ptr<Dumper> dumper;
  uint64_t rank = 0;
};
inline constexpr uint64_t kOnePassElements = 1024;

// Elements that are there, and when the first of them ends: 0: none does.
Outcome CountLive(Collection* collection, ValueType type, uint64_t now_ms, uint64_t* count,
                  uint64_t* soonest) {
  tree::Tree tree(tree::TreeShape{}, collection->pager());
  tree::RootHead head;
  *soonest = 0;
  if (const Outcome read = collection->Count(count); read != Outcome::kDone) return read;
  if (type != ValueType::kHash) return Outcome::kDone;
  if (const Outcome read = tree.Head(&head); read != Outcome::kDone) return read;
  *soonest = head.due;
  if (head.due == 0 || head.due > now_ms) return Outcome::kDone;
  tree::Cursor cursor;
  Outcome outcome = tree.FirstDue(now_ms, &cursor);
  for (; outcome == Outcome::kDone && cursor.found; outcome = tree.NextDue(now_ms, &cursor)) {
    --*count;
  }
  *soonest = now_ms + 1;
  return outcome;
}

std::unique_ptr<Dumper> NewDumper(Call& call, ValueType type, Collection* collection,
                                  uint64_t count, uint64_t soonest, rdb::Sink* sink) {
  const rdb::EncodeOptions options = OptionsOf(call, collection->encoding());
  switch (type) {
    case ValueType::kSet:
      return std::make_unique<SetDumper>(sink, options, count);
    case ValueType::kHash:
      return std::make_unique<HashDumper>(sink, options, count, soonest, call.txn.now_ms());
    case ValueType::kList:
      return std::make_unique<ListDumper>(sink, options, count);
    case ValueType::kZset:
      return std::make_unique<ZsetDumper>(sink, options, count);
    case ValueType::kString:
    case ValueType::kStream:
      break;
  }
  return nullptr;
}

}  // namespace

void PayloadPieces::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (pieces_.empty() || pieces_.back()->size() == kPieceBytes) {
      pieces_.push_back(std::make_shared<std::string>());
      if (pieces_.size() > 1) pieces_.back()->reserve(kPieceBytes);
    }
    const size_t part = std::min(bytes.size(), kPieceBytes - pieces_.back()->size());
    pieces_.back()->append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    bytes_ += part;
  }
}

void PayloadPieces::Patch(uint64_t at, std::string_view bytes) {
  for (const char byte : bytes) {
    (*pieces_[at / kPieceBytes])[at % kPieceBytes] = byte;
    ++at;
  }
}

void PayloadPieces::Reply(ReplyWriter* reply) const {
  if (pieces_.size() == 1) return reply->Bulk(*pieces_[0]);
  char digits[kInt64TextBytes];
  reply->Raw("$");
  reply->Raw({digits, FormatUint64(bytes_, digits)});
  reply->Raw("\r\n");
  for (const auto& piece : pieces_) reply->out().Lend(*piece, piece);
  reply->Raw("\r\n");
}

// False: pending, or answered.
static bool DumpOn(Call& call, ValueType type, Collection* collection, bool guarded,
                   DumpWork* work) {
  const Status& status = collection->status();
  if (work->dumper == nullptr || work->guard.broken()) {
    uint64_t count, soonest;
    if (!Done(call, CountLive(collection, type, call.txn.now_ms(), &count, &soonest), status))
      return false;
    if (count == 0) {
      call.reply.Null();
      return false;
    }
    work->pieces = std::make_unique<PayloadPieces>();
    work->dumper = NewDumper(call, type, collection, count, soonest, work->pieces.get());
    if (work->dumper == nullptr) return Refuse(call, errors::kNoDumpOfType);
    work->rank = 0;
    ++work->tries;
    if (guarded) GuardKey(call, collection->key(), &work->guard);
  }
  const bool packed = collection->encoding() == Encoding::kListpack &&
                      (type == ValueType::kSet || type == ValueType::kHash);
  ElementWalk walk(collection, 0, type != ValueType::kList,
                   packed ? ElementWalk::Order::kAsTheyCame : ElementWalk::Order::kByRank);
  if (!Done(call, walk.Start(work->rank), status)) return false;
  while (!walk.at_end()) {
    if (!Done(call, work->dumper->Add(&walk), status)) return false;
    work->rank = walk.rank() + 1;
    call.txn.ChargeElement(walk.entry().payload_bytes());
    if (!Done(call, walk.Next(), status)) return false;
    if (!walk.at_end() && work->tries <= KeyGuard::kTriesMax && call.txn.SliceOver()) {
      call.txn.Again();
      return false;
    }
  }
  return true;
}

void DumpCollection(Call& call, std::string_view key, ValueType type) {
  call.txn.set_count_hits(false);  // it was
  Collection collection(&call.txn, key, type);
  const Opened opened = collection.Open();
  if (!Ready(call, opened, collection.status())) return;
  if (opened == Opened::kMissing) return call.reply.Null();
  uint64_t count;
  if (!Done(call, collection.Count(&count), collection.status())) return;
  DumpWork local;
  DumpWork* const work = call.txn.ProgressIf(count > kOnePassElements, &local);
  if (!DumpOn(call, type, &collection, work != &local, work)) return;
  work->dumper->Finish();
  work->pieces->Reply(&call.reply);
}

}  // namespace cairn

// Times at which fields end, as Redis has them since 7.4: HEXPIRE and its forms, HTTL and its
// forms, HPERSIST.

#include "command/expiry.h"
#include "command/field_list.h"
#include "command/handlers.h"
#include "command/hash_args.h"

namespace cairn {
namespace {

// What is said of a field.
enum Said : int64_t { kNoField = -2, kNoEnd = -1, kNotMet = 0, kSet = 1, kGone = 2 };

enum class Condition : uint8_t { kNone, kIfNoEnd, kIfEnd, kIfLater, kIfSooner };

Condition ConditionOf(std::string_view arg) {
  if (Is(arg, "nx")) return Condition::kIfNoEnd;
  if (Is(arg, "xx")) return Condition::kIfEnd;
  if (Is(arg, "gt")) return Condition::kIfLater;
  if (Is(arg, "lt")) return Condition::kIfSooner;
  return Condition::kNone;
}

// A field without an end ends later than any other.
bool Met(Condition condition, uint64_t now_set, uint64_t wanted) {
  switch (condition) {
    case Condition::kNone:
      return true;
    case Condition::kIfNoEnd:
      return now_set == 0;
    case Condition::kIfEnd:
      return now_set != 0;
    case Condition::kIfLater:
      return now_set != 0 && wanted > now_set;
    case Condition::kIfSooner:
      return now_set == 0 || wanted < now_set;
  }
  return false;
}

void ReplyNoFields(Call& call, size_t count) {
  call.reply.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) call.reply.Integer(kNoField);
}

struct Change {
  Condition condition;
  uint64_t due;
  uint64_t set = 0;
  uint64_t removed = 0;
};

bool ChangeField(Call& call, HashValue* hash, std::string_view name, Change* change,
                 int64_t* said) {
  bool found;
  HashValue::Field field;
  if (!Done(call, hash->Get(name, &found, &field), *hash)) return false;
  if (!found || !Met(change->condition, field.due, change->due)) {
    *said = found ? kNotMet : kNoField;
    return true;
  }
  if (change->due <= call.txn.now_ms()) {
    *said = kGone;
    ++change->removed;
    return Done(call, hash->Remove(name, &found), *hash);
  }
  *said = kSet;
  ++change->set;
  return Done(call, hash->SetDue(name, change->due), *hash);
}

void Expire(Call& call, TimeForm form, std::string_view command) {
  // The key's type is looked at before any argument.
  HashValue hash = HashAt(call);
  const Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  uint64_t due;
  if (!FieldTimeArg(call, call.argv[2], form, command, &due)) return;
  const Condition condition = ConditionOf(call.argv[3]);
  std::span<const std::string_view> names;
  const size_t at = condition == Condition::kNone ? 3 : 4;
  if (!FieldListArg(call, at, errors::kNumFieldsPositive, &names)) return;
  if (opened == Opened::kMissing) return ReplyNoFields(call, names.size());
  if (!Done(call, hash.Want(names), hash)) return;
  Change change{condition, due};
  std::vector<int64_t> said(names.size());
  for (size_t i = 0; i < names.size(); ++i)
    if (!ChangeField(call, &hash, names[i], &change, &said[i])) return;
  const uint64_t changes = change.set + change.removed;
  if (changes != 0 &&
      !SaveFields(call, &hash, changes, change.set != 0 ? "hexpire" : "", change.removed != 0))
    return;
  call.reply.ArrayHeader(said.size());
  for (const int64_t one : said) call.reply.Integer(one);
}

// Answers for each field by answer(due).
template <typename Answer>
void ReplyEnds(Call& call, Answer answer) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.Open();
  if (!Ready(call, opened, hash)) return;
  std::span<const std::string_view> names;
  if (!FieldListArg(call, 2, errors::kFieldsPositive, &names)) return;
  if (opened == Opened::kMissing) return ReplyNoFields(call, names.size());
  if (!Done(call, hash.Want(names), hash)) return;
  const size_t mark = call.reply.out().size();
  call.reply.ArrayHeader(names.size());
  for (const std::string_view name : names) {
    bool found;
    HashValue::Field field;
    const tree::Outcome got = hash.Get(name, &found, &field);
    if (got != tree::Outcome::kDone) call.reply.out().Truncate(mark);
    if (!Done(call, got, hash)) return;
    call.reply.Integer(!found ? kNoField : field.due == 0 ? kNoEnd : answer(field.due));
  }
}

int64_t UpToSeconds(uint64_t ms) { return static_cast<int64_t>((ms + 999) / 1000); }

}  // namespace

void HandleHExpire(Call& call) { Expire(call, TimeForm::kSeconds, "hexpire"); }
void HandleHPExpire(Call& call) { Expire(call, TimeForm::kMillis, "hpexpire"); }
void HandleHExpireAt(Call& call) { Expire(call, TimeForm::kAtSeconds, "hexpireat"); }
void HandleHPExpireAt(Call& call) { Expire(call, TimeForm::kAtMillis, "hpexpireat"); }

void HandleHTtl(Call& call) {
  ReplyEnds(call, [&call](uint64_t due) { return UpToSeconds(due - call.txn.now_ms()); });
}
void HandleHPTtl(Call& call) {
  ReplyEnds(call, [&call](uint64_t due) { return static_cast<int64_t>(due - call.txn.now_ms()); });
}
void HandleHExpireTime(Call& call) {
  ReplyEnds(call, [](uint64_t due) { return UpToSeconds(due); });
}
void HandleHPExpireTime(Call& call) {
  ReplyEnds(call, [](uint64_t due) { return static_cast<int64_t>(due); });
}

void HandleHPersist(Call& call) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  std::span<const std::string_view> names;
  if (!FieldListArg(call, 2, errors::kFieldsPositive, &names)) return;
  if (opened == Opened::kMissing) return ReplyNoFields(call, names.size());
  if (!Done(call, hash.Want(names), hash)) return;
  std::vector<int64_t> said(names.size());
  uint64_t changes = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    bool found;
    HashValue::Field field;
    if (!Done(call, hash.Get(names[i], &found, &field), hash)) return;
    said[i] = !found ? kNoField : field.due == 0 ? kNoEnd : kSet;
    if (said[i] != kSet) continue;
    ++changes;
    if (!Done(call, hash.SetDue(names[i], 0), hash)) return;
  }
  if (changes != 0 && !SaveFields(call, &hash, changes, "hpersist", false)) return;
  call.reply.ArrayHeader(said.size());
  for (const int64_t one : said) call.reply.Integer(one);
}

}  // namespace cairn

// HGETDEL, HGETEX and HSETEX, as Redis has them since 8.0: fields and their ends at once.

#include "command/expiry.h"
#include "command/field_list.h"
#include "command/handlers.h"
#include "command/hash_args.h"

namespace cairn {
namespace {

using Names = std::span<const std::string_view>;

void ReplyNulls(Call& call, size_t count) {
  call.reply.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) call.reply.Null();
}

// Replies with the values of fields, and calls change(name, field) for each that is there. False:
// answered, or pending.
template <typename Change>
bool ReplyValues(Call& call, HashValue* hash, Names names, Change change) {
  if (!Done(call, hash->Want(names), *hash)) return false;
  const size_t mark = call.reply.out().size();
  call.reply.ArrayHeader(names.size());
  for (const std::string_view name : names) {
    bool found;
    HashValue::Field field;
    tree::Outcome outcome = hash->Get(name, &found, &field);
    if (outcome == tree::Outcome::kDone) {
      found ? call.reply.Bulk(field.value) : call.reply.Null();
      if (found) outcome = change(name, field);
    }
    if (outcome != tree::Outcome::kDone) call.reply.out().Truncate(mark);
    if (!Done(call, outcome, *hash)) return false;
  }
  return true;
}

// As SaveFields, after a reply was begun at `mark`.
void SaveBehind(Call& call, HashValue* hash, size_t mark, uint64_t changes, std::string_view event,
                bool removed) {
  uint64_t left = 0;
  tree::Outcome outcome = hash->CountAll(&left);
  if (outcome == tree::Outcome::kDone) outcome = hash->Save();
  if (outcome != tree::Outcome::kDone) call.reply.out().Truncate(mark);
  if (Done(call, outcome, *hash)) TellOfFields(call, changes, event, removed, left == 0);
}

TimeForm FormOf(std::string_view arg) {
  if (Is(arg, "ex")) return TimeForm::kSeconds;
  if (Is(arg, "px")) return TimeForm::kMillis;
  if (Is(arg, "exat")) return TimeForm::kAtSeconds;
  if (Is(arg, "pxat")) return TimeForm::kAtMillis;
  return TimeForm::kNone;
}

struct SetOptions {
  enum class If : uint8_t { kAlways, kAllThere, kNoneThere };
  If condition = If::kAlways;
  bool keeps = false;  // the end that a field has
  TimeForm form = TimeForm::kNone;
  uint64_t due = 0;
  Names pairs;
};

bool TakePairs(Call& call, size_t at, SetOptions* options) {
  if (at + 3 >= call.argv.size()) return Refuse(call, errors::WrongArity("hsetex"));
  int64_t count;
  const IntegerRule rule{1, INT32_MAX, errors::kInvalidFieldCount};
  if (!IntegerArg(call, call.argv[at + 1], rule, &count)) return false;
  options->pairs = call.argv.subspan(at + 2);
  if (options->pairs.size() != 2 * static_cast<uint64_t>(count))
    return Refuse(call, errors::WrongArity("hsetex"));
  return true;
}

bool ParseSetOptions(Call& call, SetOptions* options) {
  using If = SetOptions::If;
  for (size_t i = 2; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    const TimeForm form = FormOf(arg);
    if (Is(arg, "fields")) return TakePairs(call, i, options);
    if (Is(arg, "fxx") || Is(arg, "fnx")) {
      if (options->condition != If::kAlways) return Refuse(call, errors::kOnlyOneFieldCondition);
      options->condition = Is(arg, "fxx") ? If::kAllThere : If::kNoneThere;
    } else if (Is(arg, "keepttl") || form != TimeForm::kNone) {
      if (options->keeps || options->form != TimeForm::kNone)
        return Refuse(call, errors::kOnlyOneFieldTime);
      options->keeps = form == TimeForm::kNone;
      options->form = form;
      if (options->keeps) continue;
      if (i + 1 == call.argv.size()) return Refuse(call, errors::kMissingFieldTime);
      if (!FieldTimeArg(call, call.argv[++i], form, "hsetex", &options->due)) return false;
    } else {
      return Refuse(call, errors::UnknownArgument(arg));
    }
  }
  return Refuse(call, errors::WrongArity("hsetex"));
}

// False: answered, or pending.
bool ConditionMet(Call& call, HashValue* hash, const SetOptions& options, bool* met) {
  *met = true;
  if (options.condition == SetOptions::If::kAlways) return true;
  for (size_t i = 0; i < options.pairs.size() && *met; i += 2) {
    bool found;
    HashValue::Field field;
    if (!Done(call, hash->Get(options.pairs[i], &found, &field), *hash)) return false;
    *met = found == (options.condition == SetOptions::If::kAllThere);
  }
  return true;
}

// A field that is to end in the past is removed.
bool SetPair(Call& call, HashValue* hash, const SetOptions& options, size_t i) {
  const std::string_view name = options.pairs[i], value = options.pairs[i + 1];
  bool found = false;
  HashValue::Field field;
  if (options.form != TimeForm::kNone && options.due <= call.txn.now_ms())
    return Done(call, hash->Remove(name, &found), *hash);
  if (options.keeps && !Done(call, hash->Get(name, &found, &field), *hash)) return false;
  const uint64_t due = found ? field.due : options.due;
  return Done(call, hash->Set(name, value, &found, due), *hash);
}

}  // namespace

void HandleHGetDel(Call& call) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  Names names;
  if (!FieldListArg(call, 2, errors::kFieldsPositive, &names)) return;
  if (opened == Opened::kMissing) return ReplyNulls(call, names.size());
  const size_t mark = call.reply.out().size();
  uint64_t removed = 0;
  const bool whole = ReplyValues(
      call, &hash, names, [&](std::string_view name, const HashValue::Field&) -> tree::Outcome {
        bool existed;
        ++removed;
        return hash.Remove(name, &existed);
      });
  if (whole && removed != 0) SaveBehind(call, &hash, mark, removed, "", true);
}

void HandleHGetEx(Call& call) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  const TimeForm form = FormOf(call.argv[2]);
  const bool persist = Is(call.argv[2], "persist");
  uint64_t due = 0;
  if (form != TimeForm::kNone && !FieldTimeArg(call, call.argv[3], form, "hgetex", &due)) return;
  Names names;
  const size_t at = form != TimeForm::kNone ? 4 : persist ? 3 : 2;
  if (!FieldListArg(call, at, errors::kFieldsPositive, &names)) return;
  if (opened == Opened::kMissing) return ReplyNulls(call, names.size());
  const size_t mark = call.reply.out().size();
  uint64_t set = 0, removed = 0;
  const bool past = form != TimeForm::kNone && due <= call.txn.now_ms();
  const auto change = [&](std::string_view name, const HashValue::Field& field) {
    if (form == TimeForm::kNone && (!persist || field.due == 0)) return tree::Outcome::kDone;
    ++(past ? removed : set);
    bool existed;
    return past ? hash.Remove(name, &existed) : hash.SetDue(name, due);
  };
  if (!ReplyValues(call, &hash, names, change) || set + removed == 0) return;
  const std::string_view event = set == 0 ? "" : persist ? "hpersist" : "hexpire";
  SaveBehind(call, &hash, mark, set + removed, event, removed != 0);
}

void HandleHSetEx(Call& call) {
  SetOptions options;
  if (!ParseSetOptions(call, &options)) return;
  HashValue hash = HashAt(call);
  Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  if (opened == Opened::kMissing) {
    if (options.condition == SetOptions::If::kAllThere) return call.reply.Integer(0);
    hash.Make();
  }
  bool met;
  if (!ConditionMet(call, &hash, options, &met)) return;
  if (!met) return call.reply.Integer(0);
  for (size_t i = 0; i < options.pairs.size(); i += 2)
    if (!SetPair(call, &hash, options, i)) return;
  const size_t mark = call.reply.out().size();
  call.reply.Integer(1);
  const bool removed = options.form != TimeForm::kNone && options.due <= call.txn.now_ms();
  call.txn.Notify(kNotifyHash, "hset", call.argv[1]);
  const bool ends = options.form != TimeForm::kNone && !removed;
  SaveBehind(call, &hash, mark, options.pairs.size() / 2, ends ? "hexpire" : "", removed);
}

}  // namespace cairn

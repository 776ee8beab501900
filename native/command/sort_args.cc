// Arguments of SORT, and what its patterns name.
#include "base/slot.h"
#include "collection/hash.h"
#include "command/collection_args.h"
#include "command/sort.h"

namespace cairn {

bool ParseSort(Call& call, bool may_store, SortTask* task) {
  const auto& argv = call.argv;
  for (size_t i = 2; i < argv.size(); ++i) {
    const size_t left = argv.size() - i - 1;
    if (Is(argv[i], "asc")) {
      task->descending = false;
    } else if (Is(argv[i], "desc")) {
      task->descending = true;
    } else if (Is(argv[i], "alpha")) {
      task->alpha = true;
    } else if (Is(argv[i], "limit") && left >= 2) {
      if (!IntegerArg(call, argv[i + 1], &task->offset) ||
          !IntegerArg(call, argv[i + 2], &task->count)) {
        return false;
      }
      i += 2;
    } else if (may_store && Is(argv[i], "store") && left >= 1) {
      task->stores = true;
      task->store = argv[++i];
    } else if (Is(argv[i], "by") && left >= 1) {
      task->has_by = true;
      task->by = argv[++i];
      // Once said it stays, as in Redis.
      if (task->by.find('*') == std::string_view::npos) task->sorts = false;
    } else if (Is(argv[i], "get") && left >= 1) {
      task->gets.push_back(argv[++i]);
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

SortLookup::Found SortLookup::Find(std::string_view pattern, std::string_view element,
                                   std::string_view* value) {
  if (pattern == "#") {
    *value = element;
    return Found::kValue;
  }
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return Found::kNothing;
  // A field, if there is an arrow behind the star and something behind the arrow.
  std::string_view field;
  std::string_view tail = pattern.substr(star + 1);
  const size_t arrow = tail.find("->");
  if (arrow != std::string_view::npos && arrow + 2 < tail.size()) {
    field = tail.substr(arrow + 2);
    tail = tail.substr(0, arrow);
  }
  const size_t bytes = star + element.size() + tail.size();
  char* const name = call_.txn.Alloc(bytes);
  std::copy(pattern.begin(), pattern.begin() + static_cast<ptrdiff_t>(star), name);
  std::copy(element.begin(), element.end(), name + star);
  std::copy(tail.begin(), tail.end(), name + star + element.size());
  const std::string_view key{name, bytes};
  if (!call_.txn.NeedLatch(ShardOf(key))) return Found::kWait;
  if (field.empty()) {
    KeyMeta meta;
    const ReadState state = call_.txn.Get(key, value, &meta);
    if (state == ReadState::kPending) return Found::kWait;
    call_.txn.CountRead(state == ReadState::kFound, key);
    const bool found = state == ReadState::kFound && meta.type == ValueType::kString;
    return found ? Found::kValue : Found::kNothing;
  }
  HashValue hash(&call_.txn, key, &call_.server.thresholds);
  HashValue::Field read;
  bool found = false;
  const Opened opened = hash.Open();
  call_.txn.CountRead(opened != Opened::kMissing, key);
  switch (opened) {
    case Opened::kMissing:
    case Opened::kWrongType:
      return Found::kNothing;
    case Opened::kPending:
      return Found::kWait;
    case Opened::kFailed:
      (void)RefuseFailed(call_, hash.status());
      return Found::kAnswered;
    case Opened::kFound:
      break;
  }
  const tree::Outcome outcome = hash.Get(field, &found, &read);
  if (outcome == tree::Outcome::kWait) return Found::kWait;
  if (outcome == tree::Outcome::kFailed) {
    (void)RefuseFailed(call_, hash.status());
    return Found::kAnswered;
  }
  if (!found) return Found::kNothing;
  *value = call_.txn.Copy(read.value);
  return Found::kValue;
}

}  // namespace cairn

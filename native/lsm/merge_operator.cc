#include "lsm/merge_operator.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "lsm/key.h"
#include "lsm/merge_counters.h"
#include "lsm/merge_postings.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

// Why a merge cannot be done; `input` is the operand, or kNoInput, or kTheValue.
struct MergeFault {
  static constexpr size_t kTheValue = SIZE_MAX;
  static constexpr size_t kNoInput = SIZE_MAX - 1;
  FormatFault fault;
  size_t input = kNoInput;
  bool orphan = false;

  explicit operator bool() const { return static_cast<bool>(fault); }
  std::string Text(size_t operands) const {
    if (input == kNoInput) return fault.what;
    if (input == kTheValue) return "value: " + fault.Text();
    return "operand " + std::to_string(input + 1) + " of " + std::to_string(operands) + ": " +
           fault.Text();
  }
};

// Operands whose heads are fine and alike.
struct Operands {
  ValueHead head;  // of all; the newest version
  std::vector<std::string_view> bodies;
};

template <typename Slices>
MergeFault ParseOperands(const Slices& slices, Operands* operands) {
  operands->bodies.reserve(slices.size());
  for (size_t i = 0; i < slices.size(); ++i) {
    ParsedValue operand;
    if (const FormatFault fault = ParseValue(Viewed(slices[i]), &operand)) return {fault, i};
    if (!IsOperand(operand.head.kind)) return {{"not a merge operand", 0}, i};
    if (i == 0) operands->head = operand.head;
    if (operand.head.kind != operands->head.kind || operand.head.aux != operands->head.aux) {
      return {{"does not go with those before it", 0}, i};
    }
    operands->head.version = std::max(operands->head.version, operand.head.version);
    operands->bodies.push_back(operand.body);
  }
  return {};
}

MergeFault SumCounters(std::span<const std::string_view> bodies, std::string* out) {
  Counters sum;
  for (size_t i = 0; i < bodies.size(); ++i) {
    if (const FormatFault fault = AddCounters(bodies[i], &sum)) return {fault, i};
  }
  AppendCounters(std::span(sum.values.data(), sum.count), out);
  return {};
}

MergeFault MergePostingBodies(std::span<const std::string_view> bodies, bool list,
                              std::string* out) {
  size_t which = 0;
  if (const FormatFault fault = MergePostings(bodies, list, out, &which)) return {fault, which};
  return {};
}

// The body that the operands make of the value's. Inputs are counted with the value first, if
// there is one.
MergeFault MergeBodies(const PageFolds& folds, const std::optional<ParsedValue>& value,
                       const Operands& operands, std::string* out) {
  std::vector<std::string_view> bodies;
  if (value) bodies.push_back(value->body);
  bodies.insert(bodies.end(), operands.bodies.begin(), operands.bodies.end());
  MergeFault fault;
  switch (operands.head.kind) {
    case Kind::kCountersDelta:
      fault = SumCounters(bodies, out);
      break;
    case Kind::kPostingsDelta:
      fault = MergePostingBodies(bodies, true, out);
      break;
    default: {
      const PageFold* fold = folds.Find(operands.head.aux);
      if (fold == nullptr) return {{"unknown kind of page", 3}, 0};
      if (!value) return {{"changes of a page that is not there", 0}, MergeFault::kNoInput, true};
      if (const FormatFault bad = fold->fold(value->body, operands.bodies, out)) {
        return {bad, MergeFault::kNoInput};
      }
      return {};
    }
  }
  if (fault && value) fault.input = fault.input == 0 ? MergeFault::kTheValue : fault.input - 1;
  return fault;
}

// Whether these operands may change this value.
MergeFault CheckTarget(const ParsedValue& value, const Operands& operands) {
  const Kind target = TargetOf(operands.head.kind);
  const bool fits =
      value.head.kind == target || (target == Kind::kPage && IsClientKind(value.head.kind));
  if (!fits) return {{"operands of another kind than the value", 1}, MergeFault::kNoInput};
  if (value.head.expire_at_ms != 0) {
    return {{"operands for a value that expires", 0}, MergeFault::kNoInput};
  }
  return {};
}

void AppendInput(char tag, std::string_view input, std::string* to) {
  to->push_back(tag);
  AppendLittle32(to, static_cast<uint32_t>(input.size()));
  to->append(input);
}

uint64_t OperandBytes(const DamagedValue& damaged) {
  uint64_t bytes = 0;
  for (const std::string_view operand : damaged.operands) bytes += operand.size();
  return bytes;
}

void EncodeDamaged(const DamagedValue& damaged, uint64_t version, std::string* value) {
  std::string body;
  AppendLittle32(&body, static_cast<uint32_t>(damaged.reason.size()));
  body.append(damaged.reason);
  AppendLittle32(&body, damaged.left_out);
  if (damaged.value) AppendInput('v', *damaged.value, &body);
  for (const std::string_view operand : damaged.operands) AppendInput('o', operand, &body);
  EncodeValue({.kind = Kind::kDamaged, .version = version}, body, value);
}

// Adds operands as far as there is room.
void KeepOperands(const std::vector<rocksdb::Slice>& operands, DamagedValue* damaged) {
  uint64_t bytes = OperandBytes(*damaged);
  for (const rocksdb::Slice& operand : operands) {
    bytes += operand.size();
    if (bytes > kDamagedBytesMax) {
      if (damaged->left_out < UINT32_MAX) ++damaged->left_out;
    } else {
      damaged->operands.push_back(Viewed(operand));
    }
  }
}

// The newest version among what can be read.
uint64_t VersionOf(const std::vector<rocksdb::Slice>& operands) {
  uint64_t version = 0;
  for (const rocksdb::Slice& operand : operands) {
    ParsedValue parsed;
    if (!ParseValue(Viewed(operand), &parsed)) version = std::max(version, parsed.head.version);
  }
  return version;
}

MergeFault Merge(const PageFolds& folds, const std::optional<ParsedValue>& value,
                 const std::vector<rocksdb::Slice>& slices, std::string* out) {
  Operands operands;
  if (const MergeFault fault = ParseOperands(slices, &operands)) return fault;
  ValueHead head = {.kind = TargetOf(operands.head.kind), .aux = operands.head.aux};
  if (value) {
    if (const MergeFault fault = CheckTarget(*value, operands)) return fault;
    head = value->head;
  }
  head.version = std::max(head.version, operands.head.version);
  std::string body;
  if (const MergeFault fault = MergeBodies(folds, value, operands, &body)) return fault;
  EncodeValue(head, body, out);
  return {};
}

}  // namespace

FormatFault ParseDamaged(std::string_view body, DamagedValue* damaged) {
  const size_t bytes = body.size();
  const auto fail = [&](const char* what) { return FormatFault{what, bytes - body.size()}; };
  const auto take = [&](size_t count, std::string_view* taken) {
    if (body.size() < count) return false;
    *taken = body.substr(0, count);
    body.remove_prefix(count);
    return true;
  };
  std::string_view number;
  if (!take(4, &number) || !take(Little32(number.data()), &damaged->reason)) {
    return fail("reason is cut off");
  }
  if (!take(4, &number)) return fail("number of inputs left out is cut off");
  damaged->left_out = Little32(number.data());
  while (!body.empty()) {
    const char tag = body.front();
    if (tag != 'o' && tag != 'v') return fail("neither value nor operand");
    if (tag == 'v' && (damaged->value || !damaged->operands.empty())) {
      return fail("value is not the first input");
    }
    body.remove_prefix(1);
    std::string_view input;
    if (!take(4, &number) || !take(Little32(number.data()), &input)) {
      return fail("input is cut off");
    }
    if (tag == 'v') {
      damaged->value = input;
    } else {
      damaged->operands.push_back(input);
    }
  }
  return {};
}

bool MergeOperator::FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const {
  figures_->full.fetch_add(1, std::memory_order_relaxed);
  figures_->operands.fetch_add(in.operand_list.size(), std::memory_order_relaxed);
  std::optional<ParsedValue> value;
  MergeFault fault;
  DamagedValue damaged;
  if (in.existing_value != nullptr) {
    value.emplace();
    const FormatFault bad = ParseValue(Viewed(*in.existing_value), &*value);
    if (bad) fault = {bad, MergeFault::kTheValue};
    if (!bad && value->head.kind == Kind::kDamaged && !ParseDamaged(value->body, &damaged)) {
      KeepOperands(in.operand_list, &damaged);
      EncodeDamaged(damaged, std::max(value->head.version, VersionOf(in.operand_list)),
                    &out->new_value);
      return true;
    }
  }
  if (!fault) fault = Merge(*folds_, value, in.operand_list, &out->new_value);
  if (!fault) return true;

  const std::string reason = fault.Text(in.operand_list.size());
  damaged.reason = reason;
  if (in.existing_value != nullptr) damaged.value = Viewed(*in.existing_value);
  KeepOperands(in.operand_list, &damaged);
  EncodeDamaged(damaged, VersionOf(in.operand_list), &out->new_value);
  figures_->faults.fetch_add(1, std::memory_order_relaxed);
  if (fault.orphan) {
    figures_->orphans.fetch_add(1, std::memory_order_relaxed);
  } else {
    figures_->findings.Add(DescribeKey(Viewed(in.key)) + " cannot be merged: " + reason);
  }
  return true;
}

bool MergeOperator::PartialMergeMulti(const rocksdb::Slice& /*key*/,
                                      const std::deque<rocksdb::Slice>& slices,
                                      std::string* new_value, rocksdb::Logger* /*logger*/) const {
  Operands operands;
  if (ParseOperands(slices, &operands)) return false;  // FullMergeV2 will say so
  std::string body;
  MergeFault fault;
  switch (operands.head.kind) {
    case Kind::kCountersDelta:
      fault = SumCounters(operands.bodies, &body);
      break;
    case Kind::kPostingsDelta:
      fault = MergePostingBodies(operands.bodies, false, &body);
      break;
    default: {
      const PageFold* fold = folds_->Find(operands.head.aux);
      if (fold == nullptr || fold->combine == nullptr) return false;
      fault.fault = fold->combine(operands.bodies, &body);
      break;
    }
  }
  if (fault) return false;
  EncodeValue(operands.head, body, new_value);
  figures_->partial.fetch_add(1, std::memory_order_relaxed);
  figures_->operands.fetch_add(operands.bodies.size(), std::memory_order_relaxed);
  return true;
}

}  // namespace cairn::lsm

#include "rdb/decoder.h"

#include <algorithm>
#include <cstring>

#include "base/crc64.h"
#include "rdb/types.h"

namespace cairn::rdb {
namespace {

std::string_view BodyOf(std::string_view payload) {
  return payload.substr(0, payload.size() - std::min(payload.size(), kDumpFooterBytes));
}

}  // namespace

Decoder::Decoder(std::string_view payload, Visitor* visitor, const DecodeLimits& limits)
    : payload_(payload),
      visitor_(visitor),
      input_(BodyOf(payload), limits),
      phase_(Phase::kChecksum) {}

Decoder::Decoder(uint8_t type, std::string_view bytes, Visitor* visitor, const DecodeLimits& limits)
    : visitor_(visitor), input_(bytes, limits), phase_(Phase::kType), type_(type) {}

Decoder::~Decoder() = default;

Decoder::Progress Decoder::Step(const StepBudget& budget) {
  input_.Refill(budget);
  while (progress_ == Progress::kMore && !input_.spent()) progress_ = Advance();
  return progress_;
}

Decoder::Progress Decoder::Advance() {
  Took took = Took::kFailed;
  switch (phase_) {
    case Phase::kChecksum:
      took = CheckFooter();
      break;
    case Phase::kType:
      took = payload_.empty() ? OpenBody(type_) : TakeType();
      break;
    case Phase::kBody:
      took = body_->Next();
      break;
  }
  switch (took) {
    case Took::kTaken:
    case Took::kLater:
      return Progress::kMore;
    case Took::kStopped:
      return Progress::kStopped;
    case Took::kEnd:
      if (payload_.empty() || input_.rest().empty()) return Progress::kDone;
      input_.Fail("bytes left over behind the value", input_.position());
      break;
    case Took::kFailed:
      break;
  }
  return Progress::kFailed;
}

Took Decoder::CheckFooter() {
  if (payload_.size() < kDumpFooterBytes) {
    return input_.Fail(DumpResult::kBadFooter, "payload too short", 0);
  }
  const size_t covered = payload_.size() - kDumpFooterBytes + kDumpVersionBytes;
  const size_t piece = std::min<uint64_t>(covered - summed_, input_.budget().bytes);
  checksum_ = Crc64Extend(checksum_, payload_.data() + summed_, piece);
  summed_ += piece;
  input_.SpendBytes(piece);
  if (summed_ < covered) return Took::kLater;
  uint64_t claimed;
  std::memcpy(&claimed, payload_.data() + covered, sizeof(claimed));
  if (claimed != checksum_) {
    return input_.Fail(DumpResult::kBadFooter, "checksum does not match", covered);
  }
  phase_ = Phase::kType;
  return Took::kTaken;
}

Took Decoder::TakeType() {
  uint8_t type = 0;
  const Took took = input_.Little("no type", &type);
  return took == Took::kTaken ? OpenBody(type) : took;
}

Took Decoder::OpenBody(uint8_t number) {
  const auto type = static_cast<Type>(number);
  body_ = NewTableBody(type, &input_, visitor_);
  if (body_ == nullptr) body_ = NewNodesBody(type, &input_, visitor_);
  if (body_ == nullptr) body_ = NewStreamBody(type, &input_, visitor_);
  if (body_ == nullptr) {
    if (number > kTypeMax) return input_.Fail("no type", 0);
    const bool is_module = type == Type::kModule || type == Type::kModuleRc;
    return input_.Fail(DumpResult::kOtherType,
                       is_module ? "a module's value" : "a type that is not known here", 0);
  }
  phase_ = Phase::kBody;
  return Took::kTaken;
}

}  // namespace cairn::rdb

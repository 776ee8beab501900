// Values that stand element by element: strings, and lists, sets, sorted sets and hashes that were
// too large to be packed.

#include <cmath>
#include <limits>

#include "base/number.h"
#include "rdb/decode_input.h"
#include "rdb/types.h"
#include "rdb/visitor.h"

namespace cairn::rdb {
namespace {

// The length byte of a score as text may say these instead.
inline constexpr uint8_t kScoreNan = 253;
inline constexpr uint8_t kScoreInfinity = 254;
inline constexpr uint8_t kScoreMinusInfinity = 255;

Kind KindOf(Type type) {
  switch (type) {
    case Type::kList:
      return Kind::kList;
    case Type::kSet:
      return Kind::kSet;
    case Type::kZset:
    case Type::kZset2:
      return Kind::kZset;
    case Type::kHash:
    case Type::kHashExpiry:
      return Kind::kHash;
    default:
      return Kind::kString;
  }
}

uint64_t ElementBytesMin(Type type) {
  switch (type) {
    case Type::kZset:
    case Type::kHash:
      return 2;
    case Type::kHashExpiry:
      return 3;
    case Type::kZset2:
      return 1 + sizeof(double);
    default:
      return 1;
  }
}

class TableBody : public Body {
 public:
  TableBody(Type type, Input* input, Visitor* visitor)
      : type_(type), kind_(KindOf(type)), input_(input), visitor_(visitor) {}

  Took Next() override {
    Took took = Took::kTaken;
    switch (phase_) {
      case Phase::kHead:
        return Head();
      case Phase::kExpiry:
        if (left_ == 0) return Took::kEnd;
        if (type_ == Type::kHashExpiry) took = Expiry();
        break;
      case Phase::kFirst:
        took = input_->String(0, input_->limits().string_bytes_max, &first_);
        break;
      case Phase::kSecond:
        return Second();
    }
    if (took == Took::kTaken) phase_ = static_cast<Phase>(static_cast<uint8_t>(phase_) + 1);
    return took;
  }

 private:
  enum class Phase : uint8_t { kHead, kExpiry, kFirst, kSecond };

  Took Head() {
    left_ = 1;
    if (kind_ != Kind::kString) {
      if (type_ == Type::kHashExpiry) {
        Took took = input_->Little("no soonest expiry", &soonest_ms_);
        if (took != Took::kTaken) return took;
      }
      const size_t at = input_->position();
      Took took = input_->Count("count runs out of range", ElementBytesMin(type_), &left_);
      if (took != Took::kTaken) return took;
      if (left_ == 0) return input_->Fail("a value without elements", at);
    }
    phase_ = Phase::kExpiry;
    return TookIf(visitor_->Begin(kind_, type_, left_));
  }

  // Relative to the soonest, and one more, because 0 says that there is none.
  Took Expiry() {
    const size_t at = input_->position();
    Took took = input_->Length("no expiry", &expire_at_ms_);
    if (took != Took::kTaken || expire_at_ms_ == 0) return took;
    const bool fits =
        soonest_ms_ < kFieldExpiryEnd && expire_at_ms_ <= kFieldExpiryEnd - soonest_ms_;
    if (!fits) return input_->Fail("expiry out of range", at);
    expire_at_ms_ += soonest_ms_ - 1;
    return expire_at_ms_ != 0 ? took : input_->Fail("expiry out of range", at);
  }

  // What follows the first string; then the element is complete.
  Took Second() {
    std::string_view value;
    double score = 0;
    Took took = Took::kTaken;
    if (kind_ == Kind::kHash) {
      took = input_->String(1, input_->limits().string_bytes_max, &value);
    } else if (kind_ == Kind::kZset) {
      took = type_ == Type::kZset ? TextScore(&score) : BinaryScore(&score);
    }
    if (took != Took::kTaken) return took;
    --left_;
    phase_ = Phase::kExpiry;
    input_->SpendElement(first_.size() + value.size() + 1);
    return TookIf(Tell(value, score));
  }

  bool Tell(std::string_view value, double score) {
    switch (kind_) {
      case Kind::kString:
        return visitor_->String(first_);
      case Kind::kList:
        return visitor_->ListItem(first_);
      case Kind::kSet:
        return visitor_->SetMember(first_);
      case Kind::kZset:
        return visitor_->ZsetMember(first_, score);
      case Kind::kHash:
        return visitor_->HashField(first_, value, expire_at_ms_);
      case Kind::kStream:
        break;
    }
    return false;
  }

  Took BinaryScore(double* out) {
    const size_t at = input_->position();
    Took took = input_->Little("no score", out);
    return took == Took::kTaken && std::isnan(*out) ? input_->Fail("score is not a number", at)
                                                    : took;
  }

  Took TextScore(double* out) {
    const size_t at = input_->position();
    uint8_t length = 0;
    Took took = input_->Little("no score", &length);
    if (took != Took::kTaken) return took;
    if (length == kScoreNan) return input_->Fail("score is not a number", at);
    if (length >= kScoreInfinity) {
      *out = std::numeric_limits<double>::infinity();
      if (length == kScoreMinusInfinity) *out = -*out;
      return took;
    }
    std::string_view text;
    took = input_->Bytes("score runs out of range", length, &text);
    if (took != Took::kTaken) return took;
    return ParseDouble(text, out) ? took : input_->Fail("score is not a number", at);
  }

  const Type type_;
  const Kind kind_;
  Input* const input_;
  Visitor* const visitor_;
  Phase phase_ = Phase::kHead;
  uint64_t left_ = 0;
  uint64_t soonest_ms_ = 0;
  uint64_t expire_at_ms_ = 0;
  std::string_view first_;
};

}  // namespace

std::unique_ptr<Body> NewTableBody(Type type, Input* input, Visitor* visitor) {
  const bool is_table = type <= Type::kZset2 || type == Type::kHashExpiry;
  if (!is_table) return nullptr;
  return std::make_unique<TableBody>(type, input, visitor);
}

}  // namespace cairn::rdb

#include "rdb/node.h"

#include "base/check.h"

namespace cairn::rdb {
namespace {

inline constexpr uint8_t kEndMark = 0xff;

}  // namespace

bool Node::Fault(const char* what, size_t at) {
  fault_ = what;
  fault_at_ = at;
  return false;
}

uint64_t Node::Unsigned(size_t at, size_t bytes) const {
  CAIRN_CHECK(bytes <= 8 && at + bytes <= bytes_.size());
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | Byte(at + i);
  return value;
}

int64_t Node::Signed(size_t at, size_t bytes) const {
  const auto spare = static_cast<unsigned>(8 * (8 - bytes));
  return static_cast<int64_t>(Unsigned(at, bytes) << spare) >> spare;
}

bool Node::Open(Form form, std::string_view bytes) {
  *this = Node();
  form_ = form;
  bytes_ = bytes;
  switch (form) {
    case Form::kListpack:
      return OpenListpack();
    case Form::kZiplist:
      return OpenZiplist();
    case Form::kIntset:
      return OpenIntset();
    case Form::kZipmap:
      return OpenZipmap();
  }
  return false;
}

Node::Found Node::Next(Item* item) {
  if (fault_ != nullptr) return Found::kFault;
  if (at_ == end_) return End();
  *item = Item();
  item->at = at_;
  // No item begins with the mark.
  if (form_ != Form::kIntset && Byte(at_) == kEndMark) return Wrong("end mark before the end", at_);
  ++seen_;
  switch (form_) {
    case Form::kListpack:
      return NextListpack(item);
    case Form::kZiplist:
      return NextZiplist(item);
    case Form::kIntset:
      return NextIntset(item);
    case Form::kZipmap:
      return NextZipmap(item);
  }
  return Found::kFault;
}

Node::Found Node::End() {
  if (count_ != kCountUnknown && seen_ != count_) {
    return Wrong("not as many items as the head claims", end_);
  }
  if (form_ == Form::kZipmap && seen_ % 2 != 0) return Wrong("field without a value", end_);
  if (form_ == Form::kZiplist && seen_ != 0 && tail_ != last_) {
    return Wrong("the head does not name the last item", end_);
  }
  return Found::kEnd;
}

}  // namespace cairn::rdb

#include "rdb/decode_input.h"

#include <algorithm>

#include "base/check.h"

namespace cairn::rdb {

Took Input::Fail(DumpResult kind, const char* what, size_t at) {
  fault_ = kind;
  message_ = std::string(what) + " at byte " + std::to_string(at);
  return Took::kFailed;
}

Took Input::FailInNode(DumpResult kind, const char* what, size_t at) {
  Fail(kind, what, at);
  message_ += " of the node at byte " + std::to_string(slots_[0].at);
  return Took::kFailed;
}

Took Input::Length(const char* what, uint64_t* out) {
  const size_t at = position();
  return reader_.TakeLength(out) ? Took::kTaken : Fail(what, at);
}

Took Input::Count(const char* what, uint64_t bytes_each_min, uint64_t* out) {
  const size_t at = position();
  if (Length(what, out) != Took::kTaken) return Took::kFailed;
  return *out <= rest().size() / bytes_each_min ? Took::kTaken : Fail(what, at);
}

Took Input::Bytes(const char* what, uint64_t bytes, std::string_view* out) {
  const size_t at = position();
  return reader_.TakeBytes(bytes, out) ? Took::kTaken : Fail(what, at);
}

void Input::Reserve(Slot* slot, size_t bytes) {
  if (slot->memory_bytes >= bytes) return;
  slot->memory.reset();
  slot->memory.reset(Allocated(static_cast<char*>(std::malloc(bytes)), bytes));
  slot->memory_bytes = bytes;
}

Took Input::String(size_t index, uint64_t bytes_max, std::string_view* out) {
  Slot& slot = slots_[index];
  if (!slot.decoding) {
    slot.at = position();
    DumpedString string;
    switch (TakeString(&reader_, bytes_max, &string)) {
      case DumpResult::kOk:
        break;
      case DumpResult::kTooLong:
        return Fail(DumpResult::kTooLong, "string longer than the limit", slot.at);
      default:
        return Fail("string runs out of range", slot.at);
    }
    if (string.form == DumpedString::Form::kInteger) {
      *out = {slot.digits, FormatInt64(string.integer, slot.digits)};
      return Took::kTaken;
    }
    *out = string.bytes;
    if (string.form == DumpedString::Form::kRaw) return Took::kTaken;
    Reserve(&slot, string.value_bytes);
    slot.decoded = {slot.memory.get(), string.value_bytes};
    slot.decoder =
        LzfDecoder(string.bytes.data(), string.bytes.size(), slot.memory.get(), string.value_bytes);
    slot.decoding = true;
  }
  const uint64_t piece = std::min<uint64_t>(budget_.bytes, slot.decoded.size());
  const LzfDecoder::State state = slot.decoder.Step(piece);
  SpendBytes(piece);
  if (state == LzfDecoder::State::kMore) return Took::kLater;
  slot.decoding = false;
  if (state == LzfDecoder::State::kBad) {
    return Fail("compressed string does not decode to its length", slot.at);
  }
  *out = slot.decoded;
  return Took::kTaken;
}

}  // namespace cairn::rdb

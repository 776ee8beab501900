#include "session/function_set.h"

#include <utility>

#include "base/crc64.h"
#include "base/lzf.h"
#include "base/number.h"
#include "rdb/coding.h"
#include "rdb/string_payload.h"
#include "resp/errors.h"

namespace cairn {

FunctionSet::Place FunctionSet::Find(std::string_view function) const {
  const auto found = places_.find(function);
  return found == places_.end() ? Place() : found->second;
}

bool FunctionSet::With(Library library, bool replace, FunctionSet* out, std::string* error) const {
  FunctionSet made = *this;
  const std::string& name = library->name;
  if (made.libraries_.contains(name)) {
    if (!replace) {
      *error = "ERR Library " + name + " already exists";
      return false;
    }
    CAIRN_CHECK(made.Without(name, &made), "it is there");
  }
  for (size_t i = 0; i < library->functions.size(); ++i) {
    const std::string& function = library->functions[i].name;
    if (!made.places_.emplace(function, Place{library, i}).second) {
      *error = "ERR Function " + function + " already exists";
      return false;
    }
  }
  made.bytes_ += library->code.size();
  made.libraries_.emplace(name, std::move(library));
  if (made.bytes_ > kBytesMax || made.libraries_.size() > kLibrariesMax) {
    *error = errors::kTooManyFunctions;
    return false;
  }
  *out = std::move(made);
  return true;
}

bool FunctionSet::Without(std::string_view library, FunctionSet* out) const {
  FunctionSet made = *this;
  const auto found = made.libraries_.find(library);
  if (found == made.libraries_.end()) return false;
  made.bytes_ -= found->second->code.size();
  for (const script::RegisteredFunction& function : found->second->functions)
    made.places_.erase(function.name);
  made.libraries_.erase(found);
  *out = std::move(made);
  return true;
}

static constexpr uint16_t kVersionWritten = 10;  // what Redis 7.0 loads, too

std::string FunctionSet::Dump() const {
  std::string dump;
  for (const auto& [name, library] : libraries_) {
    const std::string& code = library->code;
    dump += static_cast<char>(kOpcode);
    const size_t at = dump.size();
    dump.resize(at + rdb::StringRoom(code.size()));
    size_t bytes = rdb::PutLzf(code, &dump[at]);
    if (bytes == 0) bytes = rdb::PutRaw(code, &dump[at]);
    dump.resize(at + bytes);
  }
  char footer[rdb::kDumpFooterBytes];
  dump.append(footer, rdb::PutLittle(kVersionWritten, footer));
  dump.append(footer, rdb::PutLittle(Crc64(dump.data(), dump.size()), footer));
  return dump;
}

namespace {

bool ReadCode(rdb::Reader* reader, std::string* code) {
  rdb::DumpedString text;
  if (rdb::TakeString(reader, script::Vm::kScriptBytesMax, &text) != rdb::DumpResult::kOk)
    return false;
  switch (text.form) {
    case rdb::DumpedString::Form::kRaw:
      *code = text.bytes;
      return true;
    case rdb::DumpedString::Form::kInteger:
      *code = std::to_string(text.integer);
      return true;
    case rdb::DumpedString::Form::kLzf:
      code->resize(text.value_bytes);
      return LzfDecompress(text.bytes.data(), text.bytes.size(), code->data(), code->size());
  }
  return false;
}

}  // namespace

bool FunctionSet::ReadDump(std::string_view dump, std::vector<std::string>* codes,
                           std::string* error) {
  codes->clear();
  uint64_t checksum = 0;
  if (dump.size() >= rdb::kDumpFooterBytes)
    std::memcpy(&checksum, dump.data() + dump.size() - sizeof(checksum), sizeof(checksum));
  if (dump.size() < rdb::kDumpFooterBytes ||
      checksum != Crc64(dump.data(), dump.size() - sizeof(checksum))) {
    *error = errors::kRestoreChecksum;
    return false;
  }
  rdb::Reader reader(dump.substr(0, dump.size() - rdb::kDumpFooterBytes));
  uint64_t bytes = 0;
  while (!reader.empty()) {
    uint8_t opcode = 0;
    CAIRN_CHECK(reader.TakeByte(&opcode), "it is not empty");
    if (opcode != kOpcode) {
      *error = errors::kNotAFunction;
      return false;
    }
    if (codes->size() >= kLibrariesMax || !ReadCode(&reader, &codes->emplace_back())) {
      *error = errors::kFunctionsPayload;
      return false;
    }
    bytes += codes->back().size();
    if (bytes > kBytesMax) {
      *error = errors::kTooManyFunctions;
      return false;
    }
  }
  return true;
}

}  // namespace cairn

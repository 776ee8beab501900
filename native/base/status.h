// Status and Result<T>: errors as values. Not-found is a result, never an error. The message says
// what is wrong and where (file, offset, option); it is meant for an operator and carries no
// trailing newline.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace cairn {

enum class Code : uint8_t {
  kOk,
  kIoError,     // the disk refused or failed an operation; sys_errno() says how
  kNoSpace,     // no room for the write; nothing was changed
  kCorruption,  // bytes on disk contradict their checksum or format
  kReadOnly,    // the lane stopped taking writes after a failure
  kInvalid,     // bad option or argument
  kBusy,        // another process holds the data directory
  kTooLarge,    // exceeds a configured limit
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message, int sys_errno = 0)
      : code_(code), sys_errno_(sys_errno), message_(std::move(message)) {}
  static Status Ok() { return Status(); }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  int sys_errno() const { return sys_errno_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  int sys_errno_ = 0;
  std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}        // NOLINT: implicit by design
  Result(Status status) : state_(std::move(status)) {  // NOLINT: implicit by design
    CAIRN_CHECK(!std::get<Status>(state_).ok());
  }
  bool ok() const { return state_.index() == 0; }
  T& value() {
    CAIRN_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    CAIRN_CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  Status status() const { return ok() ? Status::Ok() : *std::get_if<1>(&state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace cairn

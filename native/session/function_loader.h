// Loads libraries of functions into a machine: what FUNCTION LOAD checks, with Redis's error texts.
// One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "script/vm.h"
#include "session/function_set.h"

namespace cairn {

// The name of the library that the code says it is. False: *error is the text of the reply.
[[nodiscard]] bool ReadLibraryName(std::string_view code, std::string* name, std::string* error);

// Loads code into the machine. Null: *error is the text of the reply. *callbacks: in the order of
// the functions; they belong to the machine until DropFunction.
FunctionSet::Library LoadLibraryInto(script::Vm* vm, std::string_view code,
                                     std::vector<int>* callbacks, std::string* error);

// A machine of its own, for who only wants to know what there is in a library.
class FunctionLoader {
 public:
  explicit FunctionLoader(std::string_view version) : vm_(script::VmOptions{.version = version}) {}
  FunctionSet::Library Load(std::string_view code, std::string* error);

 private:
  script::Vm vm_;
};

}  // namespace cairn

// FunctionSet: all libraries of functions at some moment, and how they are written down. A set
// never changes: who changes something makes a new one (FunctionStore in function_store.h says
// which one counts). Any thread.
//
// Written down they are what FUNCTION DUMP answers, as Redis has it:
//
//   per library: 245 | its code, a string | ... | version, 2 bytes | CRC-64, 8 bytes (rdb/coding.h)
#pragma once

#include <strings.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "script/vm.h"

namespace cairn {

struct FunctionLibrary {
  std::string name;
  std::string code;  // as sent
  // In the order in which the code registers them; `callback` means nothing here.
  std::vector<script::RegisteredFunction> functions;
};

// The case of letters means nothing in the names of functions, and something in those of libraries.
struct FunctionNameLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const {
    const int order = strncasecmp(a.data(), b.data(), std::min(a.size(), b.size()));
    return order != 0 ? order < 0 : a.size() < b.size();
  }
};

class FunctionSet {
 public:
  using Library = std::shared_ptr<const FunctionLibrary>;

  static constexpr size_t kLibrariesMax = 4096;
  static constexpr size_t kBytesMax = 64u << 20;  // of code
  static constexpr uint8_t kOpcode = 245;

  struct Place {
    Library library;  // null: there is none
    size_t index = 0;
  };
  Place Find(std::string_view function) const;
  const std::map<std::string, Library, std::less<>>& libraries() const { return libraries_; }
  size_t functions() const { return places_.size(); }
  uint64_t bytes() const { return bytes_; }

  // This set with that library, in place of one of its name if `replace`. False: *error is the text
  // of the reply.
  [[nodiscard]] bool With(Library library, bool replace, FunctionSet* out,
                          std::string* error) const;
  // False: there is no such library.
  [[nodiscard]] bool Without(std::string_view library, FunctionSet* out) const;

  std::string Dump() const;
  // The codes of a dump, in order. False: *error.
  [[nodiscard]] static bool ReadDump(std::string_view dump, std::vector<std::string>* codes,
                                     std::string* error);

 private:
  std::map<std::string, Library, std::less<>> libraries_;
  std::map<std::string, Place, FunctionNameLess> places_;
  uint64_t bytes_ = 0;
};

}  // namespace cairn

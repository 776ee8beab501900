#include "session/function_loader.h"

#include "base/clock.h"
#include "base/text.h"
#include "resp/errors.h"
#include "script/shebang.h"

namespace cairn {

namespace {

// A library may do little more than register its functions.
class LoadingHost final : public script::ScriptHost {
 public:
  script::CallAnswer Call(std::span<const std::string_view>, ReplyWriter& reply) override {
    reply.Error(errors::kNotFromScript);
    return script::CallAnswer::kReplied;
  }
  script::AclAnswer CheckAcl(std::span<const std::string_view>) override {
    return script::AclAnswer::kDenied;
  }
  void Log(script::LogLevel, std::string_view) override {}
  script::Verdict Tick(uint64_t) override {
    constexpr uint64_t kNanosMax = 500'000'000;  // as Redis has it
    return MonotonicNanos() - begun_ns_ > kNanosMax ? script::Verdict::kStop
                                                    : script::Verdict::kGoOn;
  }

 private:
  const uint64_t begun_ns_ = MonotonicNanos();
};

}  // namespace

bool ReadLibraryName(std::string_view code, std::string* name, std::string* error) {
  script::Shebang shebang;
  std::string wrong;
  if (!script::ParseLibraryShebang(code, &shebang, &wrong)) {
    *error = "ERR " + wrong;
  } else if (!script::IsLibraryName(shebang.name)) {
    *error =
        "ERR Library names can only contain letters, numbers, or underscores(_) and must be at "
        "least one character long";
  } else if (!EqualsIgnoreCase(shebang.engine, "lua")) {
    *error = "ERR Engine '" + shebang.engine + "' not found";
  } else {
    *name = shebang.name;
    return true;
  }
  return false;
}

FunctionSet::Library LoadLibraryInto(script::Vm* vm, std::string_view code,
                                     std::vector<int>* callbacks, std::string* error) {
  LoadingHost host;
  auto library = std::make_shared<FunctionLibrary>();
  if (!ReadLibraryName(code, &library->name, error)) return nullptr;
  if (!vm->LoadLibrary(code, host, &library->functions, error)) return nullptr;
  for (const script::RegisteredFunction& function : library->functions)
    callbacks->push_back(function.callback);
  if (library->functions.empty()) {
    *error = errors::kNoFunctions;
    return nullptr;
  }
  library->code = code;
  return library;
}

FunctionSet::Library FunctionLoader::Load(std::string_view code, std::string* error) {
  std::vector<int> callbacks;
  FunctionSet::Library library = LoadLibraryInto(&vm_, code, &callbacks, error);
  for (const int callback : callbacks) vm_.DropFunction(callback);
  return library;
}

}  // namespace cairn

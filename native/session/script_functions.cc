// The functions of a reactor's machine: calls, and changes to the set of all.
#include <algorithm>
#include <utility>

#include "command/args.h"
#include "resp/errors.h"
#include "script/shebang.h"
#include "session/function_loader.h"
#include "session/scripts.h"

namespace cairn {

void Scripts::EnterPass(const Txn& txn) {
  if (CAIRN_LIKELY(txn.pass_number() != pass_)) {
    pass_ = txn.pass_number();
    if (!ledger_.empty()) ledger_.Clear();
    changed_.reset();
    for (const std::string& library : ran_) Unload(library);
    ran_.clear();
  }
}

const FunctionSet& Scripts::Functions(Txn& txn) {
  EnterPass(txn);
  if (changed_ != nullptr) return *changed_;
  const uint64_t number = context_.shared->functions.number();
  if (functions_ == nullptr || number != functions_number_) {
    functions_ = context_.shared->functions.current();
    functions_number_ = number;
    std::erase_if(loaded_, [&](auto& known) {
      const auto now = functions_->libraries().find(known.first);
      if (now != functions_->libraries().end() && now->second == known.second.library) return false;
      for (const int callback : known.second.callbacks) Machine().DropFunction(callback);
      return true;
    });
  }
  return *functions_;
}

void Scripts::Publish() {
  ran_.clear();
  if (changed_ != nullptr) context_.shared->functions.Publish(std::exchange(changed_, nullptr));
}

void Scripts::Unload(std::string_view library) {
  const auto known = loaded_.find(library);
  if (known == loaded_.end()) return;
  for (const int callback : known->second.callbacks) Machine().DropFunction(callback);
  loaded_.erase(known);
}

const Scripts::Loaded* Scripts::LoadedLibrary(const FunctionSet::Library& library,
                                              std::string* error) {
  const auto known = loaded_.find(library->name);
  if (CAIRN_LIKELY(known != loaded_.end() && known->second.library == library))
    return &known->second;
  Unload(library->name);
  Loaded loaded{library, {}};
  const FunctionSet::Library again =
      LoadLibraryInto(&Machine(), library->code, &loaded.callbacks, error);
  if (again == nullptr || loaded.callbacks.size() != library->functions.size()) {
    for (const int callback : loaded.callbacks) Machine().DropFunction(callback);
    if (error->empty()) *error = errors::kNoFunction;
    return nullptr;
  }
  memory_bytes_.store(Machine().memory_bytes(), std::memory_order_relaxed);
  return &loaded_.insert_or_assign(library->name, std::move(loaded)).first->second;
}

void Scripts::CallFunction(Call& call, bool read_only) {
  call.txn.set_count_hits(false);
  const FunctionSet::Place place = Functions(call.txn).Find(call.argv[1]);
  if (place.library == nullptr) return call.reply.Error(errors::kNoFunction);
  const script::RegisteredFunction& function = place.library->functions[place.index];
  int64_t count = 0;
  if (!ParseInt64(call.argv[2], &count)) return call.reply.Error(errors::kBadKeyCount);
  ScriptArguments arguments;
  if (!SplitScriptArguments(call, count, &arguments)) return;
  const bool writes = (function.flags & script::kNoWrites) == 0;
  if (read_only && writes) return call.reply.Error(errors::kWritingScriptReadOnly);
  std::string error;
  const Loaded* loaded = LoadedLibrary(place.library, &error);
  if (loaded == nullptr) return call.reply.Error(error);
  if (std::find(ran_.begin(), ran_.end(), place.library->name) == ran_.end())
    ran_.push_back(place.library->name);
  const script::RunInput input{.label = function.name,
                               .keys = arguments.keys,
                               .argv = arguments.rest,
                               .seed = static_cast<int32_t>(call.txn.Random())};
  const ScriptCaller::Script described{
      .name = function.name, .function = true, .read_only = !writes, .argv = call.argv};
  const script::Outcome outcome = Run(call, described, [&](ScriptCaller& caller) {
    return Machine().RunFunction(loaded->callbacks[place.index], input, caller, call.reply);
  });
  if (outcome == script::Outcome::kSuspended) ReadAhead(call, arguments.keys);
}

// The file first: what is answered is there after a crash. A pass that is thrown away has written a
// file that the next one writes again.
bool Scripts::Change(const Txn& txn, FunctionSet set, std::string* error) {
  EnterPass(txn);  // who has not looked at what there is has not done that
  const Status saved = context_.shared->functions.Save(set);
  if (!saved.ok()) {
    *error = errors::DiskRefusedWrite(saved.message()).view();
    return false;
  }
  changed_ = std::make_shared<FunctionSet>(std::move(set));
  return true;
}

bool Scripts::LoadLibrary(Txn& txn, std::string_view code, bool replace, std::string* name,
                          std::string* error) {
  if (!txn.NeedLatch(FunctionStore::kShard)) return false;
  const FunctionSet& known = Functions(txn);
  if (!ReadLibraryName(code, name, error)) return false;
  if (!replace && known.libraries().contains(*name)) {
    *error = "ERR Library '" + *name + "' already exists";
    return false;
  }
  std::vector<int> callbacks;
  FunctionSet::Library library = LoadLibraryInto(&Machine(), code, &callbacks, error);
  for (const int callback : callbacks) Machine().DropFunction(callback);
  FunctionSet made;
  return library != nullptr && known.With(std::move(library), replace, &made, error) &&
         Change(txn, std::move(made), error);
}

bool Scripts::DeleteLibrary(Txn& txn, std::string_view name, std::string* error) {
  if (!txn.NeedLatch(FunctionStore::kShard)) return false;
  FunctionSet made;
  if (!Functions(txn).Without(name, &made)) {
    *error = errors::kNoLibrary;
    return false;
  }
  return Change(txn, std::move(made), error);
}

bool Scripts::FlushLibraries(Txn& txn, std::string* error) {
  if (!txn.NeedLatch(FunctionStore::kShard)) return false;
  if (Functions(txn).libraries().empty()) return true;
  return Change(txn, FunctionSet(), error);
}

bool Scripts::RestoreLibraries(Txn& txn, std::span<const std::string> codes, Restore how,
                               std::string* error) {
  if (!txn.NeedLatch(FunctionStore::kShard)) return false;
  FunctionSet made;
  if (how != Restore::kFlush) made = Functions(txn);
  for (const std::string& code : codes) {
    std::vector<int> callbacks;
    FunctionSet::Library library = LoadLibraryInto(&Machine(), code, &callbacks, error);
    for (const int callback : callbacks) Machine().DropFunction(callback);
    if (library == nullptr) return false;
    if (!made.With(std::move(library), how == Restore::kReplace, &made, error)) return false;
  }
  return Change(txn, std::move(made), error);
}

}  // namespace cairn

// Scripts: the Lua machine of a reactor, and what it has compiled. Texts are shared by all reactors
// (script_store.h); each compiles what its own clients run.
//
// Runs are made by handlers (EVAL, FCALL, ...), in a pass and under its latches. A run that is
// suspended leaves the pass pending and no reply: it will be made again. The ledger has what the
// runs of the pass under way have called; whoever commits the pass books it
// (Bookkeeper::BookCalled). Who runs several scripts in a pass takes it in between (Take).
//
// Libraries of functions (function_store.h) are loaded by each reactor when one of their functions
// is called. Their local variables belong to the reactor; when a pass in which a function ran is
// thrown away, the library is loaded anew before its next call, so that nothing of that pass shows.
// What a pass changes of the set of functions it sees itself, and all others once it is committed
// (Committed).
//
// Bounds: kCompiledMax and kCompiledBytesMax of compiled scripts, beyond which all of them are
// forgotten, to be compiled again when they are used. Memory of Lua: script/vm.h.
//
// One reactor's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "command/command.h"
#include "script/vm.h"
#include "session/function_store.h"
#include "session/running_scripts.h"
#include "session/script_caller.h"
#include "session/script_ledger.h"
#include "session/script_store.h"
#include "session/session_host.h"

namespace cairn {

// Of EVAL and FCALL, behind the number of keys.
struct ScriptArguments {
  std::span<const std::string_view> keys;
  std::span<const std::string_view> rest;
};
// False: answered.
bool SplitScriptArguments(Call& call, int64_t keys, ScriptArguments* out);

class Scripts {
 public:
  static constexpr size_t kCompiledMax = 4096;
  static constexpr size_t kCompiledBytesMax = 16u << 20;  // of their texts
  // Values of keys that a script declares are read ahead of it up to this size.
  static constexpr uint64_t kReadAheadBytesMax = 256 * 1024;

  explicit Scripts(const SessionContext& context) : context_(context) {}
  ~Scripts();
  Scripts(const Scripts&) = delete;
  Scripts& operator=(const Scripts&) = delete;

  // EVAL and EVALSHA: argv[1] is a text, or its SHA1.
  void Eval(Call& call, bool by_sha, bool read_only);
  // SCRIPT LOAD. False: *error is the text of the reply.
  [[nodiscard]] bool Load(std::string_view body, std::string* sha, std::string* error);

  // FCALL.
  void CallFunction(Call& call, bool read_only);
  // FUNCTION LOAD. False: *error is the text of the reply, or the pass is pending and it is empty.
  [[nodiscard]] bool LoadLibrary(Txn& txn, std::string_view code, bool replace, std::string* name,
                                 std::string* error);
  // FUNCTION DELETE, FUNCTION FLUSH, and FUNCTION RESTORE of those codes.
  [[nodiscard]] bool DeleteLibrary(Txn& txn, std::string_view name, std::string* error);
  [[nodiscard]] bool FlushLibraries(Txn& txn, std::string* error);
  enum class Restore : uint8_t { kAppend, kReplace, kFlush };
  [[nodiscard]] bool RestoreLibraries(Txn& txn, std::span<const std::string> codes, Restore how,
                                      std::string* error);
  // As the pass sees them.
  const FunctionSet& Functions(Txn& txn);

  // The pass is committed, and its latches are still held.
  void Committed(const Txn& txn) {
    if (txn.pass_number() == pass_) Publish();
  }

  ScriptLedger& ledger() { return ledger_; }
  ScriptLedger Take() { return std::exchange(ledger_, ScriptLedger()); }
  // What runs is a function; while something does.
  bool runs_function() const { return runs_function_; }
  // Of Lua; any thread.
  uint64_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Compiled = std::unordered_map<std::string, ScriptStore::Script, TextHash, std::equal_to<>>;

  // A library that this machine has loaded.
  struct Loaded {
    FunctionSet::Library library;
    std::vector<int> callbacks;
  };

  script::Vm& Machine();
  // The first call in a pass: what an earlier one has left is forgotten.
  void EnterPass(const Txn& txn);
  void Publish();
  bool Change(const Txn& txn, FunctionSet set, std::string* error);
  const Loaded* LoadedLibrary(const FunctionSet::Library& library, std::string* error);
  void Unload(std::string_view library);
  // Null: it is not known, or *error says what is wrong with it.
  const StoredScript* FromText(std::string_view body, bool load, std::string* error);
  const StoredScript* FromSha(std::string_view sha, std::string* error);
  const StoredScript* FindCompiled(std::string_view sha);
  const StoredScript* Keep(ScriptStore::Script script);
  // One run: entry(ScriptCaller&) makes it.
  template <typename Entry>
  script::Outcome Run(Call& call, const ScriptCaller::Script& described, Entry entry) {
    runs_function_ = described.function;
    ScriptCaller caller(context_, &call, described, &running_, &ledger_);
    const script::RunResult result = entry(caller);
    ledger_.counted = result.counted;
    if (caller.stopped()) call.txn.DropWrites();
    return result.outcome;
  }
  void ReadAhead(Call& call, std::span<const std::string_view> keys);

  const SessionContext& context_;
  std::unique_ptr<script::Vm> vm_;  // made by the first script
  Compiled compiled_;
  size_t compiled_bytes_ = 0;
  bool runs_function_ = false;
  uint64_t pass_ = 0;  // Txn::pass_number of the one that this was last used in
  FunctionStore::Set functions_;
  uint64_t functions_number_ = 0;  // of the store, when functions_ was current
  FunctionStore::Set changed_;     // by this pass; null: it has not
  std::map<std::string, Loaded, std::less<>> loaded_;
  std::vector<std::string> ran_;  // libraries whose functions have run in this pass
  RunningScript running_;
  ScriptLedger ledger_;
  std::atomic<uint64_t> memory_bytes_{0};
};

}  // namespace cairn

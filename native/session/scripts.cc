#include "session/scripts.h"

#include <utility>

#include "base/sha1.h"
#include "command/args.h"
#include "resp/errors.h"
#include "script/shebang.h"
#include "session/script_caller.h"
#include "session/version.h"

namespace cairn {

namespace {

bool ReadKeys(Call& call, ScriptArguments* out) {
  int64_t count = 0;
  return IntegerArg(call, call.argv[2], &count) && SplitScriptArguments(call, count, out);
}

}  // namespace

bool SplitScriptArguments(Call& call, int64_t keys, ScriptArguments* out) {
  const std::span<const std::string_view> rest = call.argv.subspan(3);
  if (keys > static_cast<int64_t>(rest.size())) return Refuse(call, errors::kTooManyKeys);
  if (keys < 0) return Refuse(call, errors::kNegativeKeys);
  *out = {rest.first(static_cast<size_t>(keys)), rest.subspan(static_cast<size_t>(keys))};
  return true;
}

Scripts::~Scripts() = default;

script::Vm& Scripts::Machine() {
  if (vm_ == nullptr)
    vm_ = std::make_unique<script::Vm>(script::VmOptions{.version = kRedisVersion});
  return *vm_;
}

const StoredScript* Scripts::FindCompiled(std::string_view sha) {
  const auto found = compiled_.find(sha);
  if (found == compiled_.end()) return nullptr;
  const StoredScript& script = *found->second;
  if (CAIRN_LIKELY(!script.gone.load(std::memory_order_relaxed))) {
    if (!script.used.load(std::memory_order_relaxed))
      script.used.store(true, std::memory_order_relaxed);
    return &script;
  }
  compiled_bytes_ -= script.body.size();
  Machine().Forget(sha);
  compiled_.erase(found);
  return nullptr;
}

// Compiled, with its name.
const StoredScript* Scripts::Keep(ScriptStore::Script script) {
  if (compiled_.size() >= kCompiledMax ||
      compiled_bytes_ + script->body.size() > kCompiledBytesMax) {
    for (const auto& [sha, known] : compiled_) {
      if (sha != script->sha) Machine().Forget(sha);
    }
    compiled_.clear();
    compiled_bytes_ = 0;
    Machine().Collect();
  }
  compiled_bytes_ += script->body.size();
  memory_bytes_.store(Machine().memory_bytes(), std::memory_order_relaxed);
  return compiled_.emplace(script->sha, std::move(script)).first->second.get();
}

const StoredScript* Scripts::FromText(std::string_view body, bool load, std::string* error) {
  const auto hex = Sha1Hex(body);
  const std::string_view sha(hex.data(), hex.size());
  const StoredScript* known = FindCompiled(sha);
  if (known != nullptr && !(load && !known->loaded.load(std::memory_order_relaxed))) return known;
  uint32_t flags = 0;
  if (known != nullptr) {
    flags = known->flags;
  } else {
    if (!Machine().Compile(sha, body, error)) return nullptr;
    script::Shebang shebang;
    CAIRN_CHECK(script::ParseScriptShebang(body, &shebang, error), "the machine has parsed it");
    flags = shebang.flags;
  }
  ScriptStore::Script script = context_.shared->scripts.Add(sha, body, flags, load);
  return known != nullptr ? known : Keep(std::move(script));
}

const StoredScript* Scripts::FromSha(std::string_view sha, std::string* error) {
  if (sha.size() != kSha1HexBytes) return nullptr;
  char lower[kSha1HexBytes];
  for (size_t i = 0; i < sha.size(); ++i)
    lower[i] = static_cast<char>(sha[i] >= 'A' && sha[i] <= 'Z' ? sha[i] + 32 : sha[i]);
  const std::string_view name(lower, sizeof(lower));
  if (const StoredScript* known = FindCompiled(name)) return known;
  ScriptStore::Script script = context_.shared->scripts.Find(name);
  if (script == nullptr || !Machine().Compile(name, script->body, error)) return nullptr;
  return Keep(std::move(script));
}

bool Scripts::Load(std::string_view body, std::string* sha, std::string* error) {
  const StoredScript* script = FromText(body, true, error);
  if (script != nullptr) *sha = script->sha;
  return script != nullptr;
}

void Scripts::Eval(Call& call, bool by_sha, bool read_only) {
  EnterPass(call.txn);
  call.txn.set_count_hits(false);
  ScriptArguments arguments;
  if (!ReadKeys(call, &arguments)) return;
  std::string error;
  const StoredScript* script =
      by_sha ? FromSha(call.argv[1], &error) : FromText(call.argv[1], false, &error);
  if (script == nullptr) return call.reply.Error(error.empty() ? errors::kNoScript : error);
  const uint32_t flags = script->flags;
  const bool declares = (flags & script::kCompatible) == 0;
  if (declares && read_only && (flags & script::kNoWrites) == 0)
    return call.reply.Error(errors::kWritingScriptReadOnly);
  const ScriptCaller::Script described{.name = script->sha,
                                       .read_only = read_only || (flags & script::kNoWrites) != 0,
                                       .argv = call.argv};
  const script::RunInput input{.label = script->sha,
                               .keys = arguments.keys,
                               .argv = arguments.rest,
                               .seed = static_cast<int32_t>(call.txn.Random())};
  const script::Outcome outcome = Run(call, described, [&](ScriptCaller& caller) {
    return Machine().Run(script->sha, input, caller, call.reply);
  });
  if (outcome == script::Outcome::kSuspended) ReadAhead(call, arguments.keys);
}

// The pass is thrown away for what it misses: with that, all else that the script has declared is
// read, so that it need not be thrown away for each key anew.
void Scripts::ReadAhead(Call& call, std::span<const std::string_view> keys) {
  CAIRN_CHECK(call.txn.pending(), "nothing else suspends a run");
  for (const std::string_view key : keys) {
    const KeyMeta meta = call.txn.Peek(key);
    std::string_view ignored;
    if (meta.found && meta.value_bytes <= kReadAheadBytesMax)
      (void)call.txn.Get(key, &ignored, nullptr);
  }
}

}  // namespace cairn

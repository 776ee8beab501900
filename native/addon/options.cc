#include "addon/options.h"

#include <string_view>
#include <vector>

#include "addon/convert.h"
#include "server/engine_factory.h"
#include "server/option_tables.h"
#include "server/server_options.h"

namespace cairn::addon {

namespace {

const char* NameOf(OptionKind kind) {
  switch (kind) {
    case OptionKind::kInteger:
      return "integer";
    case OptionKind::kBytes:
      return "bytes";
    case OptionKind::kShareOfBytes:
      return "shareOfBytes";
    case OptionKind::kHundredths:
      return "hundredths";
    case OptionKind::kFlag:
      return "flag";
    case OptionKind::kChoice:
      return "choice";
    case OptionKind::kMode:
      return "mode";
    case OptionKind::kText:
      return "text";
    case OptionKind::kPath:
      return "path";
    case OptionKind::kAddresses:
      return "addresses";
    case OptionKind::kLetters:
      return "letters";
    case OptionKind::kBufferLimits:
      return "bufferLimits";
  }
  return "";
}

const char* NameOf(OptionChange change) {
  switch (change) {
    case OptionChange::kAtRuntime:
      return "runtime";
    case OptionChange::kAtStart:
      return "immutable";
    case OptionChange::kProtected:
      return "protected";
  }
  return "";
}

}  // namespace

Napi::Array OptionTableOf(Napi::Env env) {
  return ListOf(env, OptionTable(), [env](const TableRow& one) {
    const OptionRow& row = one.row;
    Napi::Object out = Napi::Object::New(env);
    out["name"] = row.name;
    out["kind"] = NameOf(row.kind);
    out["initial"] = row.initial;
    out["min"] = Napi::BigInt::New(env, row.min);
    out["max"] = Napi::BigInt::New(env, row.max);
    out["automatic"] = Napi::Boolean::New(env, row.automatic);
    out["choices"] = row.choices;
    out["unit"] = row.unit;
    out["change"] = NameOf(row.change);
    out["section"] = row.section;
    out["doc"] = row.doc;
    out["alias"] = one.alias;
    out["engine"] = one.engine == nullptr ? "" : one.engine;
    return out;
  });
}

ServerOptions OptionsOf(const Napi::Object& object) {
  std::vector<OptionText> texts;
  for (const std::string& name : Strings(object.GetPropertyNames()))
    texts.push_back({name, BytesOf(object.Get(name))});
  const Result<ServerOptions> options = ReadOptions(texts);
  if (!options.ok()) throw Napi::Error::New(object.Env(), options.status().message());
  return options.value();
}

Napi::Object NeedsOf(const Napi::Object& object) {
  const ServerOptions options = OptionsOf(object);
  const EngineNeeds needs = cairn::NeedsOf(options.engine_name, options.engine);
  Napi::Object out = Napi::Object::New(object.Env());
  out["bufferBytes"] = N(object.Env(), needs.buffer_bytes);
  out["buffers"] = needs.buffers;
  out["freeBytesMin"] = N(object.Env(), needs.free_bytes_min);
  out["reservedBy"] = needs.reserved_by;
  return out;
}

void ApplyRuntime(Server* server, Napi::Env env, const std::string& name,
                  const std::string& value) {
  const Status status = server->SetOption(name, value);
  if (!status.ok()) throw Napi::Error::New(env, status.message());
}

}  // namespace cairn::addon

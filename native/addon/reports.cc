#include "addon/reports.h"

#include <memory>
#include <vector>

#include "addon/convert.h"
#include "base/clock.h"
#include "io/disk.h"
#include "server/engine_factory.h"

namespace cairn::addon {

namespace {

// Finding: what has a file, an offset and a reason.
template <typename Finding>
Napi::Array FindingsOf(Napi::Env env, const std::vector<Finding>& findings) {
  return ListOf(env, findings, [env](const Finding& found) {
    Napi::Object finding = Napi::Object::New(env);
    finding["file"] = found.file;
    finding["offset"] = N(env, found.offset);
    finding["reason"] = found.reason;
    return finding;
  });
}

Napi::Array FindingsOf(Napi::Env env, const CheckReport& report, CheckFinding::Kind kind) {
  std::vector<CheckFinding> findings;
  for (const CheckFinding& finding : report.findings) {
    if (finding.kind == kind) findings.push_back(finding);
  }
  return FindingsOf(env, findings);
}

}  // namespace

Napi::Object ReportOf(Napi::Env env, const RecoveryReport& report) {
  std::vector<CheckFinding> skipped;
  for (const std::string& text : report.damage) skipped.push_back(DamageFinding(text));
  Napi::Object out = Napi::Object::New(env);
  out["keys"] = N(env, report.keys);
  out["records"] = N(env, report.records);
  out["bytes"] = N(env, report.bytes);
  out["segments"] = N(env, report.segments);
  out["checkpointKeys"] = N(env, report.checkpoint_keys);
  out["ms"] = N(env, report.millis);
  out["notices"] = ListOf(env, report.notices, [env](const std::string& notice) {
    return Napi::String::New(env, notice);
  });
  out["tornTail"] = FindingsOf(env, report.torn_tails);
  out["skipped"] = FindingsOf(env, skipped);
  return out;
}

Status CheckDirectory(const std::string& dir, CheckFindings* findings) {
  const uint64_t started = MonotonicMillis();
  const std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kThreads);
  Result<CheckReport> report = cairn::CheckDirectory(dir, disk.get());
  if (!report.ok()) return report.status();
  findings->report = std::move(report.value());
  findings->millis = MonotonicMillis() - started;
  return Status::Ok();
}

Napi::Object ReportOf(Napi::Env env, const CheckFindings& findings) {
  const CheckReport& report = findings.report;
  Napi::Object out = Napi::Object::New(env);
  out["engine"] = Napi::String::New(env, report.engine);
  out["lanes"] = N(env, report.lanes);
  out["segments"] = N(env, report.segments);
  out["checkpoints"] = N(env, report.checkpoints);
  out["records"] = N(env, report.records);
  out["liveKeys"] = N(env, report.live_keys);
  out["bytes"] = N(env, report.bytes);
  out["liveBytes"] = N(env, report.live_bytes);
  out["livePages"] = N(env, report.live_pages);
  out["livePageBytes"] = N(env, report.live_page_bytes);
  out["droppedSpaces"] = N(env, report.dropped_spaces);
  out["ms"] = N(env, findings.millis);
  out["tornTail"] = FindingsOf(env, report, CheckFinding::Kind::kTornTail);
  out["damaged"] = FindingsOf(env, report, CheckFinding::Kind::kDamaged);
  return out;
}

}  // namespace cairn::addon

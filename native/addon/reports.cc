#include "addon/reports.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "addon/convert.h"
#include "base/clock.h"
#include "io/disk.h"
#include "vlog/manifest.h"

namespace cairn::addon {

namespace {

constexpr std::string_view kOffsetMark = " at offset ";
constexpr std::string_view kDamagedMark = "damaged: ";
constexpr std::string_view kTornMark = "torn tail (the next start cuts it): ";

Napi::Array FindingsOf(Napi::Env env, const std::vector<TornTail>& findings) {
  return ListOf(env, findings, [env](const TornTail& found) {
    Napi::Object finding = Napi::Object::New(env);
    finding["file"] = found.file;
    finding["offset"] = N(env, found.offset);
    finding["reason"] = found.reason;
    return finding;
  });
}

}  // namespace

TornTail FindingOf(const std::string& line) {
  TornTail finding;
  const size_t mark = line.find(kOffsetMark);
  if (mark == std::string::npos) {
    finding.reason = line;
    return finding;
  }
  const char* digits = line.c_str() + mark + kOffsetMark.size();
  char* end = nullptr;
  finding.offset = std::strtoull(digits, &end, 10);
  if (end == digits) {
    finding.offset = 0;
    finding.reason = line;
    return finding;
  }
  finding.file = line.substr(0, mark);
  if (*end == ':') ++end;
  while (*end == ' ') ++end;
  finding.reason = end;
  return finding;
}

Napi::Object ReportOf(Napi::Env env, const RecoveryReport& report) {
  std::vector<TornTail> skipped;
  for (const std::string& line : report.damage) skipped.push_back(FindingOf(line));
  Napi::Object out = Napi::Object::New(env);
  out["keys"] = N(env, report.keys);
  out["records"] = N(env, report.records);
  out["bytes"] = N(env, report.bytes);
  out["segments"] = N(env, report.segments);
  out["ms"] = N(env, report.millis);
  out["tornTail"] = FindingsOf(env, report.torn_tails);
  out["skipped"] = FindingsOf(env, skipped);
  return out;
}

// The engine reports in lines: findings, then one that sums up.
Status CheckDirectory(const std::string& dir, CheckFindings* findings) {
  const uint64_t started = MonotonicMillis();
  const std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kThreads);
  std::vector<std::string> lines;
  const Result<uint64_t> damaged = CheckVlogDirectory(dir, disk.get(), &lines);
  if (!damaged.ok()) return damaged.status();
  for (const std::string& line : lines) {
    const std::string_view view = line;
    if (view.starts_with(kDamagedMark)) {
      findings->damaged.push_back(FindingOf(line.substr(kDamagedMark.size())));
    } else if (view.starts_with(kTornMark)) {
      findings->torn_tails.push_back(FindingOf(line.substr(kTornMark.size())));
    } else if (view.starts_with(dir + ": ")) {
      (void)std::sscanf(line.c_str() + dir.size() + 2,
                        "%" SCNu64 " segments, %" SCNu64 " records, %" SCNu64 " bytes",
                        &findings->segments, &findings->records, &findings->bytes);
    }
  }
  // Whatever the wording, no damage goes unsaid.
  if (damaged.value() != 0 && findings->damaged.empty()) {
    findings->damaged.push_back({dir, 0, std::to_string(damaged.value()) + " damaged places"});
  }
  bool found = false;
  const Result<vlog::Manifest> manifest = vlog::LoadManifest(dir, disk.get(), &found);
  if (manifest.ok() && found) findings->lanes = manifest.value().lanes;
  findings->millis = MonotonicMillis() - started;
  return Status::Ok();
}

Napi::Object ReportOf(Napi::Env env, const CheckFindings& findings) {
  Napi::Object out = Napi::Object::New(env);
  out["lanes"] = N(env, findings.lanes);
  out["segments"] = N(env, findings.segments);
  out["records"] = N(env, findings.records);
  out["liveKeys"] = N(env, findings.live_keys);
  out["bytes"] = N(env, findings.bytes);
  out["liveBytes"] = N(env, findings.live_bytes);
  out["ms"] = N(env, findings.millis);
  out["tornTail"] = FindingsOf(env, findings.torn_tails);
  out["damaged"] = FindingsOf(env, findings.damaged);
  return out;
}

}  // namespace cairn::addon

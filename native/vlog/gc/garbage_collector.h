// GarbageCollector: wins back what is dead in the log. It owns the thread that does so, further
// ones for a segment each, how they go about it, and what they count.
//
//   VictimPicker --> Collector, one per segment at a time --> the segment is swept: nothing that is
//                       |                                     needed is left in it
//                    survivors, batch by batch: BatchGate, GcPace
//
// A collector that meets damage leaves the segment alone for good; after any other failure the
// segment is tried again, later and later. The files of swept segments go elsewhere, once what
// emptied them is durable.
//
// Threads: settings and figures from any, at any time. Open, Start, Stop, SealSurvivors and Close
// one after the other, with Step (instead of the thread) from one thread at a time between them.
// CloseGate and OpenGate from who writes a checkpoint. Of what the members share: the pace has a
// mutex of its own, under which nothing else is taken; figures are atomic; collectors belong to
// their threads while those run, and to who has closed the gate; the rest to the thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/threads.h"
#include "vlog/checkpoint/checkpointer.h"
#include "vlog/gc/batch_gate.h"
#include "vlog/gc/collector.h"
#include "vlog/gc/gc_figures.h"
#include "vlog/gc/gc_host.h"
#include "vlog/gc/gc_pace.h"
#include "vlog/gc/victim_picker.h"
#include "vlog/vlog_options.h"
#include "vlog/vlog_stats.h"

namespace cairn::vlog {

class GarbageCollector {
 public:
  GarbageCollector() = default;
  GarbageCollector(const GarbageCollector&) = delete;
  GarbageCollector& operator=(const GarbageCollector&) = delete;

  void Open(const GcContext& context);  // the lanes are there
  // What the system allows to keep the threads out of the way; empty: there are none.
  std::string ProbeIsolation();
  bool Start();  // false: the system refuses another thread
  void Stop();   // breaks off what is being collected
  // Ends the segments of survivors that are being written; with nothing being collected.
  void SealSurvivors();
  void Close();
  void Step();  // collects a segment, if any is due

  // --- settings ---
  void SetLimits(uint32_t iops, uint32_t parallel);
  void SetMode(uint32_t lane, GcMode mode);  // of a lane that there is
  void Pause(bool pause);
  void Wake() { pace_.Wake(); }
  uint32_t parallel() const { return parallel_.load(std::memory_order_relaxed); }

  // --- checkpoints ---
  // No batch is under way from here on, until OpenGate, and all survivors lie in segments that are
  // ended. Waits for batches that are.
  void CloseGate();
  void OpenGate() { gate_.Open(); }
  LogAmount Written() const;  // survivors, ever
  // Sets the calling thread apart, for good. Returns how: "ioprio+nice", "ioprio", "nice", "none".
  const char* IsolateThread(GcMode mode);

  // --- figures ---
  void AddStats(VlogStats* out) const;  // of the lanes that *out has, too
  GcFigures* figures() { return &figures_; }

 private:
  void Loop();
  bool CollectSome();
  void CollectAtOnce(const std::vector<Victim>& victims, std::vector<Status>* results,
                     std::vector<uint8_t>* swept);
  void Conclude(const Victim& victim, const Status& status, bool swept);

  GcContext context_;  // set by Open, constant until Close
  GcPace pace_;
  BatchGate gate_;
  GcFigures figures_;
  std::atomic<uint32_t> parallel_{1};
  std::atomic<const char*> isolation_{"none"};  // of the latest thread that was set apart
  Threads thread_;
  std::vector<std::unique_ptr<Collector>> collectors_;
  std::unique_ptr<VictimPicker> picker_;  // from Open to Close
  bool threads_refused_ = false;          // by the system, the last time
};

}  // namespace cairn::vlog

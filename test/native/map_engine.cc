#include "map_engine.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::testing {

namespace {

constexpr std::string_view kBroken = "the medium is broken";
constexpr std::string_view kFull = "the medium is full";

bool Everywhere(const WriteOp& op) {
  return op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
}

bool OnlyFrees(const WriteOp& op) {
  return op.kind == WriteKind::kDelete || op.kind == WriteKind::kFlush;
}

}  // namespace

MapEngine::~MapEngine() {
  if (open_) (void)Close();
}

Result<RecoveryReport> MapEngine::Open(const EngineOptions& options, Disk*,
                                       DurabilityListener* listener) {
  if (options.stop != nullptr && options.stop->load()) return Status(Code::kBusy, "told to stop");
  if (medium_->locked) return Status(Code::kBusy, "the medium is in use");
  options_ = options;
  for (const OptionText& own : options.own) {
    const uint64_t value = std::stoull(own.value);
    if (own.name == "staged-bytes") {
      staged_bytes_max_ = value;
    } else if (own.name == "streams" && !cold_) {
      streams_ = static_cast<uint32_t>(value);
    } else if (own.name != "streams") {
      return Status(Code::kInvalid, "no option '" + own.name + "'");
    }
  }
  listener_ = listener;
  life_ = medium_->life;
  medium_->locked = true;
  open_ = true;
  spaces_.assign(options.databases, Space(kShardCount));
  pages_.Open(options.databases);
  RecoveryReport report;
  for (const MapUnit& unit : medium_->written) {
    last_unit_ = unit.number;
    Change(unit);
    report.records += unit.changes.size();
  }
  durable_ = committing_ = last_unit_;
  medium_->synced = medium_->written.size();
  for (uint16_t ns = 0; ns < options.databases; ++ns) report.keys += Total(ns, false);
  return report;
}

void MapEngine::AttachReactor(uint32_t reactor, IoQueue*, CompletionPort* port) {
  CAIRN_CHECK(reactor < kReactorsMax);
  ports_[reactor] = port;
}

void MapEngine::DetachReactor(uint32_t reactor) {
  for (const auto& reading : pending_[reactor]) reading->Run();
  pending_[reactor].clear();
}

Status MapEngine::Close() {
  open_ = false;
  if (medium_->life != life_) return Status(Code::kIoError, "dead");
  medium_->locked = false;
  if (failed_) return Status(Code::kReadOnly, std::string(kBroken));
  Commit(last_unit_);
  Sync();
  return failed_ ? Status(Code::kIoError, std::string(kBroken)) : Status();
}

// ---- reads ----

void MapEngine::Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                     Entry* entry) {
  std::lock_guard<std::mutex> lock(mutex_);
  *entry = Entry();
  const ShardState& state = In(ns, shard);
  const auto found = state.cells.find(key);
  if (found == state.cells.end()) {
    if (state.last_removal > durable_) {
      entry->ticket = {StreamOf(shard), state.last_removal};
    } else if (cold_) {
      entry->unknown = true;
    }
    return;
  }
  const Cell& cell = found->second;
  entry->version = {{cell.value_id, cell.unit, 0}};
  if (cold_ && cell.unit <= durable_) {
    entry->unknown = true;
    return;
  }
  entry->found = true;
  entry->type = cell.type;
  entry->expire_at_ms = cell.expire_at_ms;
  entry->value_bytes = cell.value.size();
  if (cell.unit > durable_) entry->ticket = {StreamOf(shard), cell.unit};
  entry->resident = options_.cache_bytes != 0 || cell.unit > durable_;
  if (!entry->resident) return;
  entry->version = VersionToken();
  if (want_value) entry->value = cell.value;
}

void MapEngine::Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
                      FetchRequest* request) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto reading = std::make_unique<Reading>();
  reading->fetch = request;
  const auto found = In(ns, shard).cells.find(key);
  reading->result.found = found != In(ns, shard).cells.end();
  CAIRN_CHECK(reading->result.found || (request->unknown && request->version == VersionToken()));
  if (reading->result.found) {
    const Cell& cell = found->second;
    CAIRN_CHECK((request->version == VersionToken{{cell.value_id, cell.unit, 0}}));
    reading->value = cell.value;
    reading->result.type = cell.type;
    reading->result.expire_at_ms = cell.expire_at_ms;
  }
  pending_[reactor].push_back(std::move(reading));
}

void MapEngine::Reading::Run() {
  if (range != nullptr) return range->Done(Status());
  auto* kept = new std::string(std::move(value));
  result.value = *kept;
  SetFetched(fetch, result, kept, [](void* state) { delete static_cast<std::string*>(state); });
  fetch->Done(Status());
}

// Through the port, as from another thread.
void MapEngine::CompleteReads(uint32_t reactor) {
  struct Batch final : Completion {
    std::vector<std::unique_ptr<Reading>> readings;
    void Run() override {
      for (const auto& reading : readings) reading->Run();
      delete this;
    }
  };
  std::lock_guard<std::mutex> lock(mutex_);
  if (pending_[reactor].empty()) return;
  auto* batch = new Batch;
  batch->readings.swap(pending_[reactor]);
  ports_[reactor]->Post(batch);
}

std::map<std::string_view, const MapEngine::Cell*> MapEngine::RowsOf(
    const RangeRequest& request) const {
  std::map<std::string_view, const Cell*> rows;
  const size_t rows_max = request.random ? SIZE_MAX : request.keys_max + size_t{1};
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    if (!request.random && !cold_ && shard != request.part) continue;
    const auto& cells = spaces_[request.ns][shard].cells;
    for (auto at = cells.lower_bound(request.from); at != cells.end(); ++at) {
      rows[at->first] = &at->second;
      if (rows.size() <= rows_max) continue;
      const auto last = std::prev(rows.end());
      const bool is_last = last->second == &at->second;
      rows.erase(last);
      if (is_last) break;
    }
  }
  return rows;
}

// Now or, cold, later.
void MapEngine::Answer(uint32_t reactor, RangeRequest* request) {
  request->Seal();
  if (!cold_) return;
  pending_[reactor].push_back(std::make_unique<Reading>());
  pending_[reactor].back()->range = request;
}

void MapEngine::ReadRange(uint32_t reactor, RangeRequest* request) {
  MaybeLatch latch(latches_[request->part].latch, !cold_ && !request->latched);
  std::lock_guard<std::mutex> lock(mutex_);
  request->Restart();
  request->end = true;
  const auto rows = RowsOf(*request);
  for (auto at = rows.lower_bound(request->from); at != rows.end(); ++at) {
    if (!at->first.starts_with(request->prefix)) break;
    request->end = request->Add(at->first, at->second->expire_at_ms, at->second->type);
    if (!request->end) break;
  }
  request->ticket = {StreamOf(request->part), last_unit_};
  Answer(reactor, request);
}

void MapEngine::RandomKey(uint32_t reactor, uint64_t random, RangeRequest* request) {
  std::lock_guard<std::mutex> lock(mutex_);
  request->Restart();
  request->end = true;
  const auto rows = RowsOf(*request);
  if (!rows.empty()) {
    const auto at = std::next(rows.begin(), static_cast<ptrdiff_t>(random % rows.size()));
    request->Add(at->first, at->second->expire_at_ms, at->second->type);
    request->ticket = {StreamOf(ShardOf(at->first)), at->second->unit};
  }
  Answer(reactor, request);
}

uint64_t MapEngine::Total(uint16_t ns, bool expiring) const {
  uint64_t total = 0;
  for (const ShardState& state : spaces_[ns]) {
    if (!expiring) {
      total += state.cells.size();
      continue;
    }
    for (const auto& [key, cell] : state.cells) total += cell.expire_at_ms != 0 ? 1 : 0;
  }
  return total;
}

uint64_t MapEngine::KeyCount(uint16_t ns) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return Total(ns, false);
}

uint64_t MapEngine::ExpiringCount(uint16_t ns) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return Total(ns, true);
}

uint64_t MapEngine::MeanTtlMillis(uint16_t ns, uint64_t now_ms) const {
  std::lock_guard<std::mutex> lock(mutex_);
  uint64_t sum = 0;
  uint64_t count = 0;
  for (const ShardState& state : spaces_[ns]) {
    for (const auto& [key, cell] : state.cells) {
      if (cell.expire_at_ms <= now_ms) continue;
      sum += cell.expire_at_ms - now_ms;
      ++count;
    }
  }
  return count == 0 ? 0 : sum / count;
}

bool MapEngine::SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                             KeyVisitor* visitor) {
  const uint64_t second = now_ms / 1000 * 1000;
  for (const auto& [key, cell] : In(ns, shard).cells) {
    if (cell.expire_at_ms == 0 || cell.expire_at_ms > second) continue;
    if (*visits == 0) return false;
    --*visits;
    if (!visitor->OnKey(key, cell.expire_at_ms, cell.type)) return false;
  }
  return true;
}

// ---- writes ----

Status MapEngine::Apply(uint32_t, std::span<const WriteOp> ops, Ticket* tickets,
                        uint32_t* ticket_count, PreparedUnit*) {
  return ApplyUnit(ops, {}, tickets, ticket_count);
}

Status MapEngine::ApplyUnit(std::span<const WriteOp> ops, std::span<const PageOp> pages,
                            Ticket* tickets, uint32_t* ticket_count) {
  std::lock_guard<std::mutex> lock(mutex_);
  *ticket_count = 0;
  if (ops.empty() && pages.empty()) return Status();
  uint64_t bytes = 0;
  bool frees = true;
  std::vector<bool> touched(streams(), false);
  for (const WriteOp& op : ops) {
    if (op.key.size() > kKeyBytesMax || op.value.size() > kValueBytesMax)
      return Status(Code::kTooLarge, "key or value is too large");
    for (uint32_t shard = 0; Everywhere(op) && shard < kShardCount; ++shard)
      CAIRN_ASSERT_LATCHED(latches_[shard].latch);
    if (!Everywhere(op)) CAIRN_ASSERT_LATCHED(latches_[op.shard].latch);
    bytes += op.key.size() + op.value.size();
    frees = frees && OnlyFrees(op);
    if (Everywhere(op))
      touched.assign(streams(), true);
    else
      touched[StreamOf(op.shard)] = true;
  }
  if (pages.size() > kPageOpsMax) return Status(Code::kTooLarge, "too many pages");
  for (const PageOp& op : pages) {
    if (op.image.size() > kPageBytesMax || op.delta.size() > kPageBytesMax)
      return Status(Code::kTooLarge, "page or delta is too large");
    CAIRN_ASSERT_LATCHED(latches_[HomeOf(op.space)].latch);
    bytes += op.image.size() + op.delta.size();
    frees = frees && (op.what == PageOp::What::kRemove || op.what == PageOp::What::kDropSpace);
    touched[StreamOf(HomeOf(op.space))] = true;
  }
  if (failed_) return Status(Code::kReadOnly, std::string(kBroken));
  if (medium_->full && !frees) return Status(Code::kNoSpace, std::string(kFull));
  if (staged_bytes_ != 0 && staged_bytes_ + bytes > staged_bytes_max_)
    return Status(Code::kBusy, "too much is staged");
  MapUnit unit;
  unit.number = ++last_unit_;
  for (const WriteOp& op : ops) {
    const bool put = op.kind == WriteKind::kPut;
    unit.changes.push_back({op, std::string(op.key), std::string(put ? op.value : "")});
    unit.changes.back().op.key = unit.changes.back().op.value = {};
    awaited_ = awaited_ || op.awaited;
  }
  for (const PageOp& op : pages) {
    unit.pages.push_back({op, std::string(op.image), std::string(op.delta)});
    unit.pages.back().op.image = unit.pages.back().op.delta = {};
    awaited_ = true;
  }
  staged_bytes_ += bytes;
  Change(unit);
  for (MapPageChange& change : unit.pages) {
    if (change.op.what != PageOp::What::kAmend) continue;
    staged_bytes_ -= change.image.size();
    change.image.clear();
  }
  staged_.push_back(std::move(unit));
  for (uint32_t lane = 0; lane < streams(); ++lane) {
    if (touched[lane]) tickets[(*ticket_count)++] = {lane, last_unit_};
  }
  return Status();
}

void MapEngine::Change(const MapUnit& unit) {
  for (const MapUnit::Change& change : unit.changes) {
    const WriteOp& op = change.op;
    if (op.kind == WriteKind::kFlush) {
      for (uint16_t ns = 0; ns < spaces_.size(); ++ns) {
        if (op.ns == ns || op.ns == kAllNamespaces) FlushSpace(ns, unit.number);
      }
      continue;
    }
    if (op.kind == WriteKind::kSwap) {
      std::swap(spaces_[op.ns], spaces_[op.other_ns]);
      pages_.Swap(op.ns, op.other_ns, unit.number);
      for (ShardState& state : spaces_[op.ns]) state.last_removal = unit.number;
      for (ShardState& state : spaces_[op.other_ns]) state.last_removal = unit.number;
      for (uint16_t ns : {op.ns, op.other_ns}) {
        for (ShardState& state : spaces_[ns]) {
          for (auto& [key, cell] : state.cells) cell.unit = unit.number;
        }
      }
      continue;
    }
    ShardState& state = spaces_[op.ns][op.shard];
    CAIRN_CHECK(op.kind != WriteKind::kExpire || KeepsExpiryApart());
    if (op.before != WriteOp::Before::kNotAsked) {
      const auto before = state.cells.find(change.key);
      const bool found = before != state.cells.end();
      CAIRN_CHECK(!cold_ || found == (op.before == WriteOp::Before::kFound));
      CAIRN_CHECK(!cold_ || op.before_expire_at_ms == (found ? before->second.expire_at_ms : 0));
    }
    if (op.kind == WriteKind::kDelete) {
      state.cells.erase(change.key);
      state.last_removal = unit.number;
    } else if (op.kind == WriteKind::kPut) {
      state.cells[change.key] = {change.value, op.expire_at_ms, unit.number, next_value_id_++,
                                 op.type};
    } else if (const auto found = state.cells.find(change.key); found != state.cells.end()) {
      found->second.expire_at_ms = op.expire_at_ms;
      found->second.unit = unit.number;
    }
  }
  for (const MapPageChange& change : unit.pages) pages_.Change(change, unit.number);
}

void MapEngine::FlushSpace(uint16_t ns, uint64_t unit) {
  pages_.Flush(ns, unit);
  for (ShardState& state : spaces_[ns]) {
    state.cells.clear();
    state.last_removal = unit;
  }
}

// ---- commits ----

void MapEngine::TurnEnd(uint32_t reactor) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (awaited_) committing_ = last_unit_;
    awaited_ = false;
  }
  CompleteReads(reactor);
}

void MapEngine::Tick(uint32_t, uint64_t monotonic_ms) {
  uint64_t moved = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const uint64_t before = durable_;
    now_ms_ = monotonic_ms;
    Commit(committing_);
    committing_ = last_unit_;  // what nobody waits for starts here
    const bool due =
        options_.fsync == FsyncPolicy::kAlways ||
        (options_.fsync == FsyncPolicy::kEverySecond && now_ms_ >= synced_ms_ + kSyncEveryMs);
    if (due) Sync();
    moved = durable_ - before + (failed_ ? 1 : 0);
  }
  for (uint32_t lane = 0; moved != 0 && lane < streams(); ++lane) listener_->OnDurable(lane);
}

void MapEngine::Commit(uint64_t up_to) {
  if (medium_->life != life_) return;
  while (!failed_ && !staged_.empty() && staged_.front().number <= up_to) {
    failed_ = medium_->broken;
    if (failed_) return;
    for (const MapUnit::Change& change : staged_.front().changes)
      staged_bytes_ -= change.key.size() + change.value.size();
    for (const MapPageChange& change : staged_.front().pages)
      staged_bytes_ -= change.image.size() + change.delta.size();
    medium_->written.push_back(std::move(staged_.front()));
    staged_.pop_front();
  }
}

void MapEngine::Sync() {
  if (failed_ || medium_->life != life_) return;
  synced_ms_ = now_ms_;
  medium_->synced = medium_->written.size();
  if (!medium_->written.empty()) durable_ = medium_->written.back().number;
}

void MapEngine::RequestSync(uint32_t) {
  std::lock_guard<std::mutex> lock(mutex_);
  Commit(last_unit_);
  Sync();
}

bool MapEngine::Durable(const Ticket& ticket) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return durable_ >= ticket.position;
}

Ticket MapEngine::LatestTicket(uint32_t stream) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return {stream, last_unit_};
}

StreamState MapEngine::State(uint32_t, std::string* reason) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (reason != nullptr && (failed_ || medium_->full)) *reason = failed_ ? kBroken : kFull;
  return failed_         ? StreamState::kFailed
         : medium_->full ? StreamState::kRefusing
                         : StreamState::kRunning;
}

// ---- the rest ----

uint64_t MapEngine::RequestSave() {
  std::lock_guard<std::mutex> lock(mutex_);
  return ++saves_;
}

SaveStats MapEngine::Saves() const {
  std::lock_guard<std::mutex> lock(mutex_);
  SaveStats stats;
  stats.done = saves_;
  return stats;
}

Status MapEngine::SetOption(std::string_view name, std::string_view value) {
  std::lock_guard<std::mutex> lock(mutex_);
  const BoundOption<EngineOptions>* option = FindOption(CommonOptions(), name);
  if (option == nullptr || option->row.change != OptionChange::kAtRuntime)
    return {Code::kInvalid, "no option '" + std::string(name) + "' to be changed"};
  return SetOptionText(*option, value, &options_, options_.any_value);
}

Status MapEngine::Command(std::span<const std::string_view>, std::string*) {
  return {Code::kInvalid, "no commands"};
}

void MapEngine::Stats(EngineStats* out) const {
  std::lock_guard<std::mutex> lock(mutex_);
  *out = EngineStats();
  out->pending_bytes = staged_bytes_;
}

void MapEngine::Figures(const FigureInput&, FigureList* list) const {
  std::lock_guard<std::mutex> lock(mutex_);
  list->Number({.info = "units",
                .metric = "cairn_units_total",
                .kind = FigureKind::kCounter,
                .help = "Units."},
               last_unit_ - reset_at_);
}

uint64_t MapEngine::EntryMemoryBytes(uint16_t ns, uint16_t shard, std::string_view key) {
  const Cells& cells = In(ns, shard).cells;
  const auto found = cells.find(key);
  return found == cells.end() ? 0 : sizeof(*found) + found->second.value.size();
}

}  // namespace cairn::testing

#include "io/sim_state.h"

#include <errno.h>

#include <algorithm>

namespace cairn {
namespace {

uint64_t BytesOf(const iovec* iov, uint32_t count) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; ++i) bytes += iov[i].iov_len;
  return bytes;
}

// Visits the first `bytes` of the request in pieces that lie in one sector each.
template <typename Visit>
void ForEachPiece(const IoRequest& request, uint64_t bytes, Visit visit) {
  uint64_t at = request.offset;
  for (uint32_t i = 0; i < request.iov_count && bytes > 0; ++i) {
    const auto* data = static_cast<const uint8_t*>(request.iov[i].iov_base);
    uint64_t left = std::min<uint64_t>(request.iov[i].iov_len, bytes);
    bytes -= left;
    while (left > 0) {
      const uint64_t n = std::min<uint64_t>(left, kSimSectorBytes - at % kSimSectorBytes);
      visit(at, data, static_cast<size_t>(n));
      at += n;
      data += n;
      left -= n;
    }
  }
}

}  // namespace

std::string SimNormalize(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c == '/' && !result.empty() && result.back() == '/') continue;
    result.push_back(c);
  }
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

std::string SimParent(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// --- Power

bool SimState::BeginOperation() {
  ++operations_;
  if (power_off_at_ != 0 && operations_ >= power_off_at_) PowerOff();
  return powered_;
}

void SimState::Trace(uint64_t a, uint64_t b, int64_t result) {
  for (const uint64_t value : {operations_, a, b, static_cast<uint64_t>(result)}) {
    trace_hash_ = SimRandom(trace_hash_ ^ value).Next();
  }
}

void SimState::PowerOff() {
  power_off_at_ = 0;
  if (!powered_) return;
  // All sectors of a write in flight become versions; Resolve chooses among them.
  const auto visit = [](void* raw, const IoRequest& request) {
    auto* const state = static_cast<SimState*>(raw);
    auto* const file = static_cast<SimFile*>(request.file);
    if (!file->writable() || file->generation() != state->generation_) return;
    const uint64_t sequence = ++state->sequence_;
    ForEachPiece(request, UINT64_MAX, [&](uint64_t at, const uint8_t* data, size_t n) {
      file->inode()->Write(at, data, n, sequence);
    });
  };
  for (SimInFlight* queue : queues_) queue->ForEachWrite(visit, this);
  for (const auto& [id, inode] : AllInodes()) inode->Resolve(&random_);
  ResolveNames();
  locks_.clear();
  powered_ = false;
  ++generation_;
  Trace(1, generation_, 0);
}

void SimState::Kill() {
  const auto visit = [](void* raw, const IoRequest& request) {
    auto* const state = static_cast<SimState*>(raw);
    auto* const file = static_cast<SimFile*>(request.file);
    if (file->writable() && file->generation() == state->generation_) {
      state->StoreSubset(file->inode(), request);
    }
  };
  for (SimInFlight* queue : queues_) queue->ForEachWrite(visit, this);
  locks_.clear();
  ++generation_;
  Trace(2, generation_, 0);
}

// Done, undone, or torn.
void SimState::StoreSubset(SimInode* inode, const IoRequest& request) {
  const uint64_t mode = random_.Below(3);
  const uint64_t sequence = ++sequence_;
  ForEachPiece(request, UINT64_MAX, [&](uint64_t at, const uint8_t* data, size_t n) {
    if (mode == 0 || (mode == 1 && random_.Coin())) inode->Write(at, data, n, sequence);
  });
}

// --- Faults

bool SimState::Fails(SimOp op, const std::string& path, int* error) {
  for (auto it = scripts_.begin(); it != scripts_.end(); ++it) {
    if (it->op != op || path.find(it->path) == std::string::npos) continue;
    if (it->skip > 0) {
      --it->skip;
      continue;
    }
    *error = it->error;
    if (--it->times == 0) scripts_.erase(it);
    return true;
  }
  *error = EIO;
  if (op == SimOp::kRead) return random_.Chance(faults_.read_error);
  if (op == SimOp::kSync) return random_.Chance(faults_.sync_error);
  if (op == SimOp::kAllocate) return false;
  if (random_.Chance(faults_.write_error)) return true;
  *error = ENOSPC;
  if (random_.Chance(faults_.no_space)) return true;
  *error = 0;
  return random_.Chance(faults_.short_write);
}

// --- Content

int64_t SimState::Read(const std::string& path, const SimInode& inode, uint64_t offset,
                       const iovec* iov, uint32_t iov_count) {
  int error = 0;
  if (Fails(SimOp::kRead, path, &error)) return -error;
  int64_t done = 0;
  for (uint32_t i = 0; i < iov_count; ++i) {
    const size_t n =
        inode.Read(offset + static_cast<uint64_t>(done), iov[i].iov_base, iov[i].iov_len);
    done += static_cast<int64_t>(n);
    if (n < iov[i].iov_len) break;
  }
  return done;
}

int64_t SimState::Write(const std::string& path, SimInode* inode, const IoRequest& request,
                        bool may_be_short) {
  const uint64_t unit = options_.alignment.offset;
  uint64_t bytes = BytesOf(request.iov, request.iov_count);
  int error = 0;
  if (Fails(SimOp::kWrite, path, &error)) {
    if (error != 0 && error != ENOSPC) StoreSubset(inode, request);
    if (error != 0) return -error;
    if (may_be_short && bytes > unit) bytes = (1 + random_.Below(bytes / unit - 1)) * unit;
  }
  const uint64_t end = request.offset + bytes;
  if (end > inode->size()) {
    const uint64_t used = UsedBytes();
    const uint64_t room = options_.capacity > used ? options_.capacity - used : 0;
    const uint64_t growth = end - std::max(inode->size(), request.offset);
    if (growth > room) {
      const uint64_t fits = (bytes - std::min(bytes, growth - room)) / unit * unit;
      if (fits == 0 || !may_be_short || random_.Coin()) return -ENOSPC;
      bytes = fits;
    }
  }
  const uint64_t sequence = ++sequence_;
  ForEachPiece(request, bytes, [&](uint64_t at, const uint8_t* data, size_t n) {
    inode->Write(at, data, n, sequence);
  });
  if (request.op != IoOp::kWriteDataSync || bytes < BytesOf(request.iov, request.iov_count)) {
    return static_cast<int64_t>(bytes);
  }
  if (Fails(SimOp::kSync, path, &error)) {
    inode->DropVersions(faults_.drop_after_failed_sync, &random_);
    return -error;
  }
  inode->SyncRange(request.offset, bytes);
  return static_cast<int64_t>(bytes);
}

int64_t SimState::Sync(const std::string& path, SimInode* inode, uint64_t sequence) {
  int error = 0;
  if (Fails(SimOp::kSync, path, &error)) {
    inode->DropVersions(faults_.drop_after_failed_sync, &random_);
    return -error;
  }
  inode->SyncUpTo(sequence);
  return 0;
}

int64_t SimState::Allocate(const std::string& path, SimInode* inode, uint64_t offset,
                           uint64_t bytes) {
  int error = 0;
  if (Fails(SimOp::kAllocate, path, &error)) return -error;
  const uint64_t end = offset + bytes;
  if (end <= inode->size()) return 0;
  const uint64_t used = UsedBytes();
  const uint64_t room = options_.capacity > used ? options_.capacity - used : 0;
  if (end - inode->size() > room) return -ENOSPC;
  inode->Resize(end, ++sequence_);
  return 0;
}

// --- Names

SimInodePtr SimState::Find(const std::string& path) const {
  const auto it = names_.find(path);
  return it == names_.end() ? nullptr : it->second;
}

SimInodePtr SimState::Create(const std::string& path, bool durable) {
  SimInodePtr inode = std::make_shared<SimInode>(next_inode_++);
  names_[path] = inode;
  if (durable) {
    durable_names_[path] = inode;
  } else {
    dir_ops_.push_back(DirOp{{{path, inode}}});
  }
  return inode;
}

bool SimState::HasDir(const std::string& path) const {
  return path == "." || path == "/" || dirs_.count(path) != 0;
}

void SimState::Rename(const std::string& from, const std::string& to) {
  const SimInodePtr inode = Find(from);
  CAIRN_CHECK(inode != nullptr);
  if (from == to) return;
  names_.erase(from);
  names_[to] = inode;
  dir_ops_.push_back(DirOp{{{from, nullptr}, {to, inode}}});
}

void SimState::Remove(const std::string& path) {
  names_.erase(path);
  dir_ops_.push_back(DirOp{{{path, nullptr}}});
}

void SimState::Apply(const DirOp& op) {
  for (const auto& [path, inode] : op.names) {
    if (inode == nullptr) {
      durable_names_.erase(path);
    } else {
      durable_names_[path] = inode;
    }
  }
}

// Operations in this directory, and what came before them on the same names, become durable in
// order.
void SimState::SyncDir(const std::string& dir) {
  std::set<std::string> paths;
  std::vector<bool> chosen(dir_ops_.size());
  for (size_t i = dir_ops_.size(); i-- > 0;) {
    for (const auto& [path, inode] : dir_ops_[i].names) {
      if (SimParent(path) == dir || paths.count(path) != 0) chosen[i] = true;
    }
    if (!chosen[i]) continue;
    for (const auto& [path, inode] : dir_ops_[i].names) paths.insert(path);
  }
  std::vector<DirOp> later;
  for (size_t i = 0; i < dir_ops_.size(); ++i) {
    if (chosen[i]) {
      Apply(dir_ops_[i]);
    } else {
      later.push_back(std::move(dir_ops_[i]));
    }
  }
  dir_ops_ = std::move(later);
}

// Half of the power failures find a journal (a prefix of the operations is kept), the others find
// none (any subset).
void SimState::ResolveNames() {
  const bool journal = random_.Coin();
  const uint64_t prefix = random_.Below(dir_ops_.size() + 1);
  for (size_t i = 0; i < dir_ops_.size(); ++i) {
    if (journal ? i < prefix : random_.Coin()) Apply(dir_ops_[i]);
  }
  dir_ops_.clear();
  names_ = durable_names_;
}

std::vector<std::string> SimState::List(const std::string& dir) const {
  std::set<std::string> names;
  const std::string prefix = dir == "/" ? dir : dir == "." ? "" : dir + "/";
  const auto add = [&](const std::string& path) {
    if (path.compare(0, prefix.size(), prefix) != 0 || path.size() == prefix.size()) return;
    const std::string rest = path.substr(prefix.size());
    if (rest.find('/') == std::string::npos) names.insert(rest);
  };
  for (const auto& [path, inode] : names_) add(path);
  for (const std::string& path : dirs_) add(path);
  return std::vector<std::string>(names.begin(), names.end());
}

void SimState::Replace(const std::string& path, std::string_view content) {
  SyncDir(SimParent(path));
  const SimInodePtr inode = Create(path, true);
  inode->Write(0, content.data(), content.size(), ++sequence_);
  inode->SyncUpTo(sequence_);
}

void SimState::Closed(const SimInode& inode) {
  const auto it = opens_.find(inode.id());
  CAIRN_CHECK(it != opens_.end());
  if (--it->second.count == 0) opens_.erase(it);
}

void SimState::Unlock(const std::string& path, uint64_t generation) {
  const auto it = locks_.find(path);
  if (it != locks_.end() && it->second == generation) locks_.erase(it);
}

std::map<uint64_t, SimInodePtr> SimState::AllInodes() const {
  std::map<uint64_t, SimInodePtr> all;
  for (const auto& [path, inode] : names_) all.emplace(inode->id(), inode);
  for (const auto& [path, inode] : durable_names_) all.emplace(inode->id(), inode);
  for (const auto& op : dir_ops_) {
    for (const auto& [path, inode] : op.names) {
      if (inode != nullptr) all.emplace(inode->id(), inode);
    }
  }
  for (const auto& [id, open] : opens_) all.emplace(id, open.inode);
  return all;
}

// What has a name or is open counts; a removed file whose removal is not yet durable does not.
uint64_t SimState::UsedBytes() const {
  std::map<uint64_t, uint64_t> sizes;
  for (const auto& [path, inode] : names_) sizes.emplace(inode->id(), inode->size());
  for (const auto& [id, open] : opens_) sizes.emplace(id, open.inode->size());
  uint64_t used = 0;
  for (const auto& [id, size] : sizes) used += size;
  return used;
}

uint64_t SimState::UnsyncedSectors() const {
  uint64_t sectors = 0;
  for (const auto& [id, inode] : AllInodes()) sectors += inode->UnsyncedSectors();
  return sectors;
}

}  // namespace cairn

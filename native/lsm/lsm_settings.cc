// What an operator changes of an lsm engine while it is open.
#if __has_include(<rocksdb/advanced_cache.h>)
#include <rocksdb/advanced_cache.h>  // newer versions define Cache here, and only name it in cache.h
#else
#include <rocksdb/cache.h>
#endif

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "lsm/lsm_engine.h"
#include "lsm/rocksdb_options.h"

namespace cairn::lsm {

namespace {

constexpr uint64_t kFilesAhead = kOpenFilesMax + 32;  // and logs, and what is being written

}  // namespace

uint64_t LsmEngine::RecordCacheBytes(uint64_t cache_bytes) const {
  return cache_bytes / 100 * own_.record_cache_percent;
}

Status LsmEngine::SetOption(std::string_view name, std::string_view value) {
  const std::lock_guard lock(jobs_mutex_);
  const BoundOption<EngineOptions>* option = FindOption(CommonOptions(), name);
  if (option == nullptr)
    return Status(Code::kInvalid, "the engine lsm has no option '" + std::string(name) + "'");
  if (option->row.change != OptionChange::kAtRuntime)
    return Status(Code::kInvalid, std::string(name) + " takes effect at the next start only");
  const Status status = SetOptionText(*option, value, &options_, options_.any_value);
  if (!status.ok()) return status;
  min_free_bytes_.store(options_.min_free_bytes, std::memory_order_relaxed);
  block_cache_->SetCapacity(BlockCacheBytes(own_, options_.cache_bytes));
  records_->SetBudget(RecordCacheBytes(options_.cache_bytes));
  if (fsync_.exchange(options_.fsync) != options_.fsync) {
    committer_->SetFsync(options_.fsync);
    committer_->Sync();
  }
  return Status();
}

Status LsmEngine::Command(std::span<const std::string_view> words, std::string* reply) {
  reply->clear();
  if (words.size() == 1 && EqualsIgnoreCase(words[0], "compact")) {
    if (events_->compactions_failed())
      return Status(Code::kIoError, "one has failed, see the log: there are none until a restart");
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &compact_canceled_;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    const rocksdb::Status status = db_->CompactRange(options, nullptr, nullptr);
    return status.ok() ? Status() : Status(Code::kIoError, "RocksDB: " + status.ToString());
  }
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : " ") + std::string(word);
  return Status(Code::kInvalid, "the engine lsm has no command '" + text + "'");
}

// Tables are opened as they are read, and stay open.
uint64_t LsmEngine::FilesAhead() const { return kFilesAhead; }

std::vector<std::string> LsmEngine::TakeNotices() {
  std::vector<std::string> notices = events_->Take();
  for (Findings* findings : {&filtered_.findings, &merges_.findings}) {
    for (std::string& text : findings->Take()) notices.push_back(std::move(text));
  }
  return notices;
}

}  // namespace cairn::lsm

// Pages of an engine under test: latches, retries and reads around its SpaceStore.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine_host.h"

namespace cairn::testing {

class Pages {
 public:
  explicit Pages(EngineHost* host) : host_(*host) {}
  SpaceStore& store() { return *host_.engine->spaces(); }

  SpaceId New(uint16_t home) {
    LatchGuard guard(host_.engine->ShardLatch(home));
    SpaceId space = 0;
    REQUIRE(store().NewSpace(home, &space).ok());
    CHECK(HomeOf(space) == home);
    return space;
  }
  static PageOp Image(uint16_t ns, SpaceId space, uint64_t page, std::string_view image,
                      uint8_t kind = 0) {
    return {PageOp::What::kImage, kind, ns, space, page, image, {}};
  }
  static PageOp Amend(uint16_t ns, SpaceId space, uint64_t page, std::string_view image,
                      std::string_view delta, uint8_t kind = 0) {
    return {PageOp::What::kAmend, kind, ns, space, page, image, delta};
  }
  static PageOp Remove(uint16_t ns, SpaceId space, uint64_t page) {
    return {PageOp::What::kRemove, 0, ns, space, page, {}, {}};
  }
  static PageOp Drop(uint16_t ns, SpaceId space) {
    return {PageOp::What::kDropSpace, 0, ns, space, 0, {}, {}};
  }

  Status Try(const std::vector<WriteOp>& ops, const std::vector<PageOp>& pages,
             std::vector<Ticket>* tickets) {
    std::vector<WriteOp> given = ops;
    if (host_.engine->WantsBefore()) host_.SetBefore(&given);
    std::set<uint16_t> shards;
    for (const WriteOp& op : ops) shards.insert(op.shard);
    for (const PageOp& op : pages) shards.insert(HomeOf(op.space));
    tickets->assign(host_.engine->streams(), Ticket());
    uint32_t count = 0;
    for (const uint16_t shard : shards) host_.engine->ShardLatch(shard).Lock();
    const Status status = store().Apply(0, given, pages, tickets->data(), &count);
    for (const uint16_t shard : shards) host_.engine->ShardLatch(shard).Unlock();
    tickets->resize(count);
    return status;
  }
  std::vector<Ticket> Staged(const std::vector<WriteOp>& ops, const std::vector<PageOp>& pages) {
    std::vector<Ticket> tickets;
    Status status;
    REQUIRE(host_.Until([&] {
      status = Try(ops, pages, &tickets);
      return status.code() != Code::kBusy;
    }));
    REQUIRE_MESSAGE(status.ok(), status.message());
    return tickets;
  }

  std::optional<std::string> Get(uint16_t ns, SpaceId space, uint64_t page) {
    Read read;
    {
      LatchGuard guard(host_.engine->ShardLatch(HomeOf(space)));
      PageEntry entry;
      store().FindPage(ns, space, page, &entry);
      if (!entry.found && !entry.unknown) return std::nullopt;
      if (entry.resident) return std::string(entry.image);
      read.version = entry.version;
      read.unknown = entry.unknown;
      store().FetchPage(0, ns, space, page, &read);
    }
    REQUIRE_FALSE(read.status.has_value());
    REQUIRE(host_.Until([&] { return read.status.has_value(); }));
    REQUIRE(read.status->ok());
    if (!read.result().found) return std::nullopt;
    return std::string(read.value());
  }

 private:
  EngineHost& host_;
};

}  // namespace cairn::testing

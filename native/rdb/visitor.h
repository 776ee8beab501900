// Visitor: is told what is in a serialised value, in the order of the payload: Begin, then what its
// kind has. Views are good during the call. What returns false ends the decoding; what a visitor
// does not override returns false.
//
// Nothing is final before the decoder is done: what comes later may show that the payload lies.
//
// Left to the visitor, who has to find them when it inserts, and to take them for a damaged
// payload:
// - members of a set or sorted set, fields of a hash, groups of a stream, consumers of a group that
//   come twice (those of an intset never do);
// - how much a stream grows: fields that entries have in common are stored once and told with each.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "rdb/types.h"

namespace cairn::rdb {

class Visitor {
 public:
  virtual ~Visitor() = default;

  // `count`: what the payload claims of items, members, or fields, never 0 and never more than its
  // bytes could hold. Quicklists and streams do not say.
  virtual bool Begin(Kind, Type, std::optional<uint64_t> count) = 0;

  virtual bool String(std::string_view) { return false; }
  virtual bool ListItem(std::string_view) { return false; }
  virtual bool SetMember(std::string_view) { return false; }
  // Never NaN. In the order of the payload, which need not be that of the scores.
  virtual bool ZsetMember(std::string_view, double /*score*/) { return false; }
  // In ms since 1970, 0: none.
  virtual bool HashField(std::string_view, std::string_view /*value*/, uint64_t /*expire_at_ms*/) {
    return false;
  }

  // A stream: its entries by ascending id, each with its fields behind it; the state; its groups,
  // each with its consumers, each with its pending entries.
  virtual bool StreamEntry(StreamId, uint64_t /*fields*/) { return false; }
  virtual bool StreamField(std::string_view, std::string_view /*value*/) { return false; }
  virtual bool StreamEnd(const StreamState&) { return false; }
  virtual bool Group(const StreamGroup&) { return false; }
  virtual bool Consumer(const StreamConsumer&) { return false; }
  virtual bool Pending(const StreamPending&) { return false; }
};

}  // namespace cairn::rdb

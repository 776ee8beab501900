// Message: what was published, as all who receive it share it. Immutable once it is in an inbox;
// any thread.
//
// The part of the frame that is the same for every receiver is made once:
//
//   *3 $7 message  |  $2 ch $5 hello         to those of the channel
//   *4 $8 pmessage $2 c*  |  $2 ch $5 hello  to those of a pattern
//                         ^ body
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/ticket.h"
#include "pubsub/tracking_table.h"

namespace cairn {

// What is on its way: messages of channels, and what CLIENT TRACKING tells clients, by name or by
// way of another client.
enum class ChannelKind : uint8_t { kPlain, kSharded, kInvalidation, kRedirected };

// How many subscribers of something each reactor has.
struct ReactorCount {
  uint32_t reactor;
  uint32_t count;
};

// A pattern that somebody has subscribed to, and by whom it was at that moment.
struct PatternEntry {
  std::string text;
  std::vector<ReactorCount> counts;
};
using PatternList = std::vector<PatternEntry>;

struct Message {
  // What one takes in an inbox beside its bytes, roughly.
  static constexpr uint64_t kOverheadBytes = 256;

  ChannelKind kind = ChannelKind::kPlain;
  std::string body;
  size_t channel_at = 0;  // in body
  size_t channel_bytes = 0;
  std::shared_ptr<const PatternList> patterns;  // null: none match
  std::vector<uint32_t> matching;               // of patterns
  std::vector<Ticket> gate;                     // nobody hears of it before these are durable
  // Of invalidations, whose body is an array of keys (none: all of them): who is told, the id of
  // who has changed them, and whether it is for clients that named prefixes (BCAST) or for others.
  std::vector<ClientRef> clients;
  uint64_t by = 0;
  bool broadcast = false;

  std::string_view channel() const {
    return std::string_view(body).substr(channel_at, channel_bytes);
  }
  uint64_t bytes() const {
    return body.size() + clients.size() * sizeof(ClientRef) + kOverheadBytes;
  }
};

// $n channel $m payload, in RESP.
void MakeBody(std::string_view channel, std::string_view payload, Message* message);

}  // namespace cairn

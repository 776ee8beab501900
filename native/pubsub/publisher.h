// Publisher: one reactor's way to publish. Finds out who receives a message, puts it into their
// reactors' inboxes, and remembers whose bells are to be rung when the turn is over: one ring then
// serves all that was published meanwhile.
//
// One reactor's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "pubsub/pubsub.h"

namespace cairn {

class Publisher {
 public:
  Publisher(PubSub* hub, uint32_t reactor) : hub_(hub), reactor_(reactor) {}

  struct Published {
    uint64_t receivers = 0;
    bool here = false;  // they are all of this reactor, and have not got it: see `by_hand`
  };
  // by_hand: what concerns this reactor only is left to the caller, who delivers it at once. Not
  // while its inbox has anything that came before. patterns() and matching() then tell what
  // matched.
  Published Publish(ChannelKind kind, std::string_view channel, std::string_view payload,
                    std::span<const Ticket> gate, bool by_hand);
  const PatternList* patterns() const { return patterns_.get(); }
  std::span<const uint32_t> matching() const { return matching_; }

  // To that reactor only. False: its inbox is full.
  bool Send(uint32_t reactor, const MessagePtr& message);

  // So many clients a message to that channel would reach now.
  uint64_t Receivers(ChannelKind kind, std::string_view channel);

  // ring(reactor), for each that has got messages since the last time; not this one.
  template <typename Ring>
  void RingBells(Ring ring) {
    if (CAIRN_LIKELY(bells_.empty())) return;
    for (const uint32_t reactor : bells_) {
      rung_[reactor] = false;
      ring(reactor);
    }
    bells_.clear();
  }

 private:
  static Topic TopicOf(ChannelKind kind) {
    return kind == ChannelKind::kSharded ? Topic::kShardChannel : Topic::kChannel;
  }
  // Fills matching_.
  void Match(ChannelKind kind, std::string_view channel);
  // Fills targets_. The stripe is locked.
  uint64_t FindTargets(PubSub::Stripe* stripe, ChannelKind kind, std::string_view channel);
  void AddTarget(uint32_t reactor);

  PubSub* const hub_;
  const uint32_t reactor_;
  std::shared_ptr<const PatternList> patterns_;
  uint64_t patterns_version_ = 0;
  std::vector<uint32_t> matching_;
  std::vector<uint32_t> targets_;
  std::vector<uint32_t> bells_;
  std::vector<bool> rung_;  // by reactor: it is in bells_
};

}  // namespace cairn

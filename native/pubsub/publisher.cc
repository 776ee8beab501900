#include "pubsub/publisher.h"

#include <algorithm>

#include "resp/glob.h"

namespace cairn {

void Publisher::Match(ChannelKind kind, std::string_view channel) {
  matching_.clear();
  if (kind == ChannelKind::kSharded || hub_->Names(Topic::kPattern) == 0) return;
  if (hub_->pattern_version_.load(std::memory_order_acquire) != patterns_version_)
    patterns_ = hub_->Patterns(&patterns_version_);
  for (uint32_t i = 0; i < patterns_->size(); ++i) {
    if (GlobMatch((*patterns_)[i].text, channel)) matching_.push_back(i);
  }
}

void Publisher::AddTarget(uint32_t reactor) {
  if (std::find(targets_.begin(), targets_.end(), reactor) == targets_.end())
    targets_.push_back(reactor);
}

uint64_t Publisher::FindTargets(PubSub::Stripe* stripe, ChannelKind kind,
                                std::string_view channel) {
  uint64_t receivers = 0;
  targets_.clear();
  const auto add = [&](const ReactorCount& count) {
    receivers += count.count;
    AddTarget(count.reactor);
  };
  const PubSub::Table& table = *hub_->TableOf(TopicOf(kind), stripe);
  const auto found = table.find(channel);
  if (found != table.end()) found->second.ForEach(add);
  for (const uint32_t index : matching_) {
    for (const ReactorCount& count : (*patterns_)[index].counts) add(count);
  }
  return receivers;
}

uint64_t Publisher::Receivers(ChannelKind kind, std::string_view channel) {
  Match(kind, channel);
  PubSub::Stripe& stripe = hub_->StripeFor(TopicOf(kind), channel);
  std::lock_guard<std::mutex> guard(stripe.mutex);
  return FindTargets(&stripe, kind, channel);
}

Publisher::Published Publisher::Publish(ChannelKind kind, std::string_view channel,
                                        std::string_view payload, std::span<const Ticket> gate,
                                        bool by_hand) {
  Match(kind, channel);
  if (matching_.empty() && hub_->Names(TopicOf(kind)) == 0) return {};
  PubSub::Stripe& stripe = hub_->StripeFor(TopicOf(kind), channel);
  {
    std::lock_guard<std::mutex> guard(stripe.mutex);
    const uint64_t receivers = FindTargets(&stripe, kind, channel);
    if (receivers == 0) return {};
    if (by_hand && targets_.size() == 1 && targets_[0] == reactor_) return {receivers, true};
  }
  // Made without the lock: it may be large. Who has come or gone meanwhile is looked up again.
  auto message = std::make_shared<Message>();
  message->kind = kind;
  MakeBody(channel, payload, message.get());
  message->gate.assign(gate.begin(), gate.end());
  if (!matching_.empty()) {
    message->patterns = patterns_;
    message->matching = matching_;
  }
  std::lock_guard<std::mutex> guard(stripe.mutex);
  const uint64_t receivers = FindTargets(&stripe, kind, channel);
  for (const uint32_t reactor : targets_) (void)Send(reactor, message);
  return {receivers, false};
}

bool Publisher::Send(uint32_t reactor, const MessagePtr& message) {
  const bool sent = hub_->Put(reactor, message);
  if (reactor == reactor_) return sent;
  if (rung_.size() <= reactor) rung_.resize(reactor + 1);
  if (!rung_[reactor]) bells_.push_back(reactor);
  rung_[reactor] = true;
  return sent;
}

}  // namespace cairn

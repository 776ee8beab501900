#include "session/replies.h"

#include <string>
#include <utility>

#include "resp/errors.h"

namespace cairn {

void Replies::Mute(Connection* conn, size_t mark) {
  conn->turn.Truncate(mark);
  NextReplyMode(conn);
}

void Replies::NextReplyMode(Connection* conn) {
  if (conn->reply_mode == ReplyMode::kSkipNext) {
    conn->reply_mode = ReplyMode::kSkip;  // CLIENT REPLY SKIP itself: no reply, nor for the next
  } else if (conn->reply_mode == ReplyMode::kSkip) {
    conn->reply_mode = ReplyMode::kOn;
  }
}

OutBuffer Replies::TakeSpare() {
  if (spare_.empty()) return OutBuffer();
  OutBuffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void Replies::GiveSpare(OutBuffer buffer) {
  if (buffer.capacity() == 0 || buffer.capacity() > kSpareBufferBytesMax ||
      spare_.size() >= kSpareBuffersMax) {
    return;
  }
  buffer.Clear();
  spare_.push_back(std::move(buffer));
}

namespace {

// Replies of this size are moved, never copied behind others, nor others behind them: a buffer that
// has to grow by a few bytes would be copied as a whole.
constexpr size_t kMovedBytesMin = kLargeValueBytes;

bool FitsBehind(const OutBuffer& out, const OutBuffer& more) {
  return out.empty() || (out.size() < kMovedBytesMin && more.size() < kMovedBytesMin);
}

bool AddsTo(const Slot& slot, const OutBuffer& more) {
  return !slot.pending && slot.gate.empty() && FitsBehind(slot.bytes, more);
}

// What these replies promise is not durable, and nobody knows when: each becomes an error.
void RefuseReplies(uint32_t replies, std::string_view reason, OutBuffer* out) {
  for (uint32_t i = 0; i < replies; ++i)
    ReplyWriter(out, 2).Error(errors::DiskRefusedWrite(reason));
}

}  // namespace

void Replies::EndBatch(Connection* conn) {
  if (conn->turn.empty() && conn->turn_gate.empty()) {
    conn->turn_replies = 0;
    if (conn->close_after_reply) host_->FlushSoon(conn);
    return;
  }
  if (conn->slots.empty() && conn->turn_gate.Unmet(*engine_) == nullptr &&
      FitsBehind(conn->out, conn->turn)) {
    if (conn->out.empty()) {
      std::swap(conn->out, conn->turn);
    } else {
      conn->out.Append(&conn->turn);
    }
    conn->turn.Clear();
  } else if (!conn->slots.empty() && AddsTo(conn->slots.back(), conn->turn) &&
             conn->turn_gate.Unmet(*engine_) == nullptr) {
    // Nothing but unsent replies holds both up: one slot will do, however many small ones come.
    Slot& slot = conn->slots.back();
    conn->slot_bytes += conn->turn.size();
    slot.bytes.Append(&conn->turn);
    slot.replies += conn->turn_replies;
  } else {
    Slot& slot = conn->slots.emplace_back();
    slot.bytes = std::move(conn->turn);
    slot.gate = std::move(conn->turn_gate);
    slot.replies = conn->turn_replies;
    conn->slot_bytes += slot.bytes.size();
    conn->turn = TakeSpare();
  }
  conn->turn_gate.Clear();
  conn->turn_replies = 0;
  host_->FlushSoon(conn);
}

Slot* Replies::Expect(Connection* conn) {
  EndBatch(conn);
  Slot& slot = conn->slots.emplace_back();
  slot.pending = true;
  slot.muted = conn->reply_mode != ReplyMode::kOn;
  if (conn->reply_mode == ReplyMode::kSkip) conn->reply_mode = ReplyMode::kOn;
  return &slot;
}

void Replies::Complete(Connection* conn, Slot* slot) {
  slot->pending = false;
  if (slot->muted) {
    slot->bytes.Clear();
    slot->replies = 0;
  }
  conn->slot_bytes += slot->bytes.size();
  host_->FlushSoon(conn);
}

void Replies::GiveUp(Connection* conn, const Slot* slot) {
  for (bool last = false; !last; conn->slots.pop_back()) {
    CAIRN_CHECK(!conn->slots.empty(), "the slot is one of the connection's");
    last = &conn->slots.back() == slot;
    conn->slot_bytes -= conn->slots.back().bytes.size();
  }
}

bool Replies::PushAhead(Connection* conn, std::string_view frame) {
  const Blocked& blocked = conn->blocked;
  if (conn->stall != Connection::kBlocked || blocked.slot == nullptr) return false;
  // One that is being served has its reply on the way.
  if (blocked.command_for_keys != nullptr && !blocked.command_for_keys->waits()) return false;
  size_t at = conn->slots.size() - 1;  // messages may stand behind it
  while (&conn->slots[at] != blocked.slot) --at;
  if (at == 0) {
    conn->out.Append(frame);
  } else {
    Slot& before = conn->slots[at - 1];
    if (before.pending) return false;
    before.bytes.Append(frame);
    conn->slot_bytes += frame.size();
  }
  host_->FlushSoon(conn);
  return true;
}

void Replies::Release(Connection* conn) {
  while (!conn->slots.empty()) {
    Slot& slot = conn->slots.front();
    if (slot.pending) return;
    if (const Ticket* ticket = slot.gate.Unmet(*engine_)) {
      std::string reason;
      if (!engine_->Stopped(ticket->stream, &reason)) {
        if (!slot.waiting) {
          slot.waiting = true;
          host_->WaitForTicket(conn, *ticket);
        }
        return;
      }
      conn->slot_bytes -= slot.bytes.size();
      slot.bytes.Clear();
      RefuseReplies(slot.replies, reason, &slot.bytes);
      conn->slot_bytes += slot.bytes.size();
      slot.gate.Clear();
    }
    if (!FitsBehind(conn->out, slot.bytes)) return;  // Flush asks again when out is sent
    conn->slot_bytes -= slot.bytes.size();
    if (slot.bytes.size() >= kMovedBytesMin) {
      std::swap(conn->out, slot.bytes);
    } else {
      conn->out.Append(&slot.bytes);
    }
    GiveSpare(std::move(slot.bytes));
    conn->slots.pop_front();
  }
}

void Replies::EngineLost(Connection* conn, bool durable, std::string_view reason) {
  for (Slot& slot : conn->slots) {
    if (slot.pending) {
      const std::string text = "ERR " + std::string(reason);
      if (!slot.muted) ReplyWriter(&conn->out, 2).Error(text);
    } else if (durable || slot.gate.empty()) {
      conn->out.Append(&slot.bytes);
    } else {
      RefuseReplies(slot.replies, reason, &conn->out);
    }
  }
  conn->slots.clear();
  conn->slot_bytes = 0;
}

}  // namespace cairn

#include "session/control_bridge.h"

#include <string>
#include <utility>
#include <vector>

namespace cairn {

void ControlBridge::Run(Connection* conn, const Command& command,
                        std::span<const std::string_view> argv) {
  conn->control.slot = replies_->Expect(conn);
  conn->control.command = &command;
  conn->control.argv.assign(argv.begin(), argv.end());
  conn->stall = Connection::kWaitsForControl;
  Send(*conn, argv, ControlMessage());
}

void ControlBridge::AskInExec(const Connection& conn, std::span<const std::string_view> argv,
                              std::shared_ptr<const KeyspaceFigures> keyspace) {
  ControlMessage message;
  message.in_multi = true;
  message.keyspace = std::move(keyspace);
  Send(conn, argv, std::move(message));
}

void ControlBridge::Send(const Connection& conn, std::span<const std::string_view> argv,
                         ControlMessage message) {
  OutBuffer frame;
  ReplyWriter writer(&frame, 2);
  writer.ArrayHeader(argv.size());
  for (std::string_view arg : argv) writer.Bulk(arg);
  message.reactor = reactor_;
  message.token = conn.Token();
  message.client_id = conn.id;
  message.db = conn.db;
  message.resp = conn.resp;
  message.name = conn.name;
  message.user = conn.login.user != nullptr ? conn.login.user->name() : std::string("default");
  message.frame.assign(frame.data(), frame.size());
  host_->SendControl(std::move(message));
}

void ControlBridge::Answered(Connection* conn, std::string_view reply, uint64_t nanos) {
  Slot* slot = std::exchange(conn->control.slot, nullptr);
  if (slot == nullptr) return;
  slot->bytes.Append(reply);
  slot->replies = 1;
  Book(conn, reply, nanos);
  replies_->Complete(conn, slot);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

void ControlBridge::Forget(Connection* conn) {
  if (conn->stall == Connection::kWaitsForControl && conn->control.slot != nullptr)
    Book(conn, {}, 0);
}

void ControlBridge::Book(Connection* conn, std::string_view reply, uint64_t nanos) {
  const std::vector<std::string> sent = std::exchange(conn->control.argv, {});
  const std::vector<std::string_view> argv(sent.begin(), sent.end());
  const Command& command = *conn->control.command;
  books_->Book(*conn, command, argv, reply, nanos, {});
  books_->Show(*conn, command, argv);
}

}  // namespace cairn

#include "pubsub/message.h"

#include "base/number.h"

namespace cairn {

namespace {

void AppendBulk(std::string* out, std::string_view bytes) {
  char digits[kInt64TextBytes];
  *out += '$';
  out->append(digits, FormatInt64(static_cast<int64_t>(bytes.size()), digits));
  out->append("\r\n").append(bytes).append("\r\n");
}

}  // namespace

void MakeBody(std::string_view channel, std::string_view payload, Message* message) {
  constexpr size_t kFrameBytesMax = 2 * (kInt64TextBytes + 5);
  message->body.reserve(channel.size() + payload.size() + kFrameBytesMax);
  AppendBulk(&message->body, channel);
  message->channel_at = message->body.size() - channel.size() - 2;
  message->channel_bytes = channel.size();
  AppendBulk(&message->body, payload);
}

}  // namespace cairn

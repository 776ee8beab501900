// What the tests of serialised values share: values as text, payloads made and sealed by hand.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/crc64.h"
#include "base/number.h"
#include "rdb/decoder.h"
#include "rdb/encoder.h"
#include "rdb/stream_encoder.h"
#include "rdb/types.h"
#include "rdb/visitor.h"
#include "rdb_payloads.h"

namespace cairn::testing {

inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline std::string ToHex(std::string_view bytes) {
  std::string hex;
  for (char c : bytes) {
    hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
    hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
  }
  return hex;
}

inline std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c >= 32 && c < 127 && c != '"' && c != '\\') {
      out += c;
    } else {
      out += "\\x" + ToHex({&c, 1});
    }
  }
  return out + "\"";
}

inline std::string ScoreText(double score) {
  char text[kDoubleTextBytes];
  return {text, FormatDouble(score, text)};
}

inline std::string IdText(rdb::StreamId id) {
  return std::to_string(id.ms) + "-" + std::to_string(id.seq);
}

// A body with a version and a checksum that fit it.
inline std::string Sealed(std::string body, uint16_t version = 11) {
  body.append(reinterpret_cast<const char*>(&version), sizeof(version));
  const uint64_t crc = Crc64(body.data(), body.size());
  body.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return body;
}

inline std::string BodyOf(std::string_view payload) {
  return std::string(payload.substr(0, payload.size() - rdb::kDumpFooterBytes));
}

// A string as it is, and a number.
inline std::string Str(std::string_view text) {
  std::string out(rdb::StringRoom(text.size()), '\0');
  out.resize(rdb::PutRaw(text, out.data()));
  return out;
}
inline std::string Len(uint64_t length) {
  std::string out(rdb::kLengthBytesMax, '\0');
  out.resize(rdb::PutLength(length, out.data()));
  return out;
}
template <typename T>
std::string Little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
inline std::string TypeByte(rdb::Type type) { return std::string(1, static_cast<char>(type)); }
inline std::string RawId(uint64_t ms, uint64_t seq) {
  std::string out(16, '\0');
  rdb::PutBig(ms, out.data());
  rdb::PutBig(seq, out.data() + 8);
  return out;
}
// A listpack; texts of integers become integers.
inline std::string Pack(const std::vector<std::string>& items) {
  rdb::Listpack pack;
  for (const std::string& item : items) pack.Append(item);
  return std::string(pack.Finish());
}

struct RdbRow {
  std::string name;
  std::string loads;
  std::string make;
  std::string ours;
  std::string payload;
  std::string is;
};

inline std::vector<RdbRow> RdbRows() {
  std::vector<RdbRow> rows;
  for (size_t at = 0; at < kRdbPayloads.size();) {
    size_t end = kRdbPayloads.find('\n', at);
    std::string_view line = kRdbPayloads.substr(at, end - at);
    at = end + 1;
    size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    std::string_view key = line.substr(0, colon);
    std::string value(line.substr(colon + 2));
    if (key == "name") rows.emplace_back().name = value;
    if (key == "loads") rows.back().loads = value;
    if (key == "make") rows.back().make = value;
    if (key == "ours") rows.back().ours = value;
    if (key == "hex") rows.back().payload = FromHex(value);
    if (key == "is") rows.back().is = value;
  }
  return rows;
}

// Takes everything down, and holds it against what was announced.
class Collector : public rdb::Visitor {
 public:
  struct Element {
    std::string key;
    std::string value;
    double score = 0;
    uint64_t expire_at_ms = 0;
  };
  struct Entry {
    rdb::StreamId id;
    std::vector<std::string> fields;
  };
  struct HeldConsumer {
    std::string name;
    rdb::StreamConsumer consumer;
    std::vector<rdb::StreamPending> pending;
  };
  struct HeldGroup {
    std::string name;
    rdb::StreamGroup group;
    std::vector<HeldConsumer> consumers;
  };

  bool Begin(rdb::Kind kind_begun, rdb::Type type_begun, std::optional<uint64_t> count) override {
    begun = begun + 1;
    kind = kind_begun;
    type = type_begun;
    claimed = count;
    return true;
  }
  bool String(std::string_view text) override { return Take({std::string(text), "", 0, 0}); }
  bool ListItem(std::string_view text) override { return Take({std::string(text), "", 0, 0}); }
  bool SetMember(std::string_view text) override { return Take({std::string(text), "", 0, 0}); }
  bool ZsetMember(std::string_view member, double score) override {
    return Take({std::string(member), "", score, 0});
  }
  bool HashField(std::string_view field, std::string_view value, uint64_t expiry) override {
    return Take({std::string(field), std::string(value), 0, expiry});
  }
  bool StreamEntry(rdb::StreamId id, uint64_t fields) override {
    sound = sound && fields_left == 0 && fields > 0;
    sound = sound && (entries.empty() || id > entries.back().id);
    fields_left = fields;
    entries.push_back({id, {}});
    return true;
  }
  bool StreamField(std::string_view name, std::string_view value) override {
    sound = sound && fields_left > 0;
    --fields_left;
    entries.back().fields.emplace_back(name);
    entries.back().fields.emplace_back(value);
    return true;
  }
  bool StreamEnd(const rdb::StreamState& end) override {
    sound = sound && fields_left == 0;
    state = end;
    return true;
  }
  bool Group(const rdb::StreamGroup& group) override {
    groups.push_back({std::string(group.name), group, {}});
    return true;
  }
  bool Consumer(const rdb::StreamConsumer& consumer) override {
    groups.back().consumers.push_back({std::string(consumer.name), consumer, {}});
    return true;
  }
  bool Pending(const rdb::StreamPending& pending) override {
    groups.back().consumers.back().pending.push_back(pending);
    return true;
  }

  // What was announced has come.
  bool IsWhole() const {
    if (!sound || begun != 1 || fields_left != 0) return false;
    if (kind != rdb::Kind::kStream) {
      return !elements.empty() && (!claimed || *claimed == elements.size());
    }
    bool whole = state.length == entries.size() && state.entries_added >= state.length &&
                 state.first_id == (entries.empty() ? rdb::StreamId() : entries.front().id) &&
                 (entries.empty() || state.last_id >= entries.back().id);
    for (const auto& group : groups) {
      uint64_t pending = 0;
      for (const auto& consumer : group.consumers) {
        whole = whole && consumer.consumer.pending == consumer.pending.size();
        pending += consumer.pending.size();
      }
      whole = whole && pending == group.group.pending;
    }
    return whole;
  }

  std::string Text() const {
    std::vector<std::string> parts;
    for (const Element& element : kind == rdb::Kind::kZset ? ByScore() : elements) {
      std::string part = Quoted(element.key);
      if (kind == rdb::Kind::kZset) part += " " + ScoreText(element.score);
      if (kind == rdb::Kind::kHash) part += " " + Quoted(element.value);
      if (element.expire_at_ms != 0) part += " @" + std::to_string(element.expire_at_ms);
      parts.push_back(part);
    }
    const bool any_order = kind == rdb::Kind::kSet || kind == rdb::Kind::kHash;
    if (any_order) std::sort(parts.begin(), parts.end());
    static constexpr const char* kKinds[] = {"string", "list", "set", "zset", "hash", "stream"};
    std::string out = kKinds[static_cast<size_t>(kind)];
    for (const std::string& part : parts) out += " " + part;
    return kind == rdb::Kind::kStream ? out + StreamText() : out;
  }

  std::vector<Element> ByScore() const {
    std::vector<Element> sorted = elements;
    std::sort(sorted.begin(), sorted.end(), [](const Element& left, const Element& right) {
      return std::tie(left.score, left.key) < std::tie(right.score, right.key);
    });
    return sorted;
  }

  int begun = 0;
  rdb::Kind kind = rdb::Kind::kString;
  rdb::Type type = rdb::Type::kString;
  std::optional<uint64_t> claimed;
  std::vector<Element> elements;
  std::vector<Entry> entries;
  rdb::StreamState state;
  std::vector<HeldGroup> groups;
  bool sound = true;
  uint64_t fields_left = 0;

 private:
  bool Take(Element element) {
    elements.push_back(std::move(element));
    return true;
  }

  std::string StreamText() const {
    std::string out;
    for (const Entry& entry : entries) {
      out += " " + IdText(entry.id);
      for (const std::string& text : entry.fields) out += " " + Quoted(text);
    }
    out += " ; length " + std::to_string(state.length) + " last " + IdText(state.last_id) +
           " first " + IdText(state.first_id) + " deleted " + IdText(state.max_deleted_id) +
           " added " + std::to_string(state.entries_added);
    for (const auto& group : groups) {
      out += " ; group " + Quoted(group.name) + " last " + IdText(group.group.last_id) + " read " +
             std::to_string(group.group.entries_read) + " pending " +
             std::to_string(group.group.pending);
      for (const auto& consumer : group.consumers) {
        out += " ; consumer " + Quoted(consumer.name) + " seen " +
               std::to_string(consumer.consumer.seen_ms) + " active " +
               std::to_string(consumer.consumer.active_ms) + " pending " +
               std::to_string(consumer.consumer.pending);
        for (const auto& entry : consumer.pending) {
          out += " ; " + IdText(entry.id) + " at " + std::to_string(entry.delivered_ms) +
                 " times " + std::to_string(entry.deliveries);
        }
      }
    }
    return out;
  }
};

struct Decoded {
  rdb::Decoder::Progress progress = rdb::Decoder::Progress::kMore;
  rdb::DumpResult fault = rdb::DumpResult::kOk;
  std::string message;
  uint64_t steps = 0;
  Collector value;

  bool ok() const { return progress == rdb::Decoder::Progress::kDone; }
  // The value, or what is wrong with it.
  std::string Text() const { return ok() ? value.Text() : "! " + message; }
};

inline constexpr uint64_t kTestStepsMax = 10'000'000;

inline Decoded Decode(std::string_view payload, const rdb::StepBudget& budget = {},
                      const rdb::DecodeLimits& limits = {}) {
  Decoded out;
  rdb::Decoder decoder(payload, &out.value, limits);
  do {
    out.progress = decoder.Step(budget);
  } while (out.progress == rdb::Decoder::Progress::kMore && ++out.steps < kTestStepsMax);
  out.fault = decoder.fault();
  out.message = decoder.message();
  return out;
}

class StringSink : public rdb::Sink {
 public:
  void Append(std::string_view bytes) override { text.append(bytes); }
  void Patch(uint64_t at, std::string_view bytes) override {
    text.replace(at, bytes.size(), bytes);
  }
  std::string text;
};

inline void EncodeStream(const Collector& value, StringSink* sink,
                         const rdb::EncodeOptions& options) {
  rdb::StreamEncoder encoder(sink, options);
  for (const auto& entry : value.entries) {
    std::vector<std::string_view> fields(entry.fields.begin(), entry.fields.end());
    if (!encoder.Entry(entry.id, fields)) std::abort();
  }
  encoder.State(value.state, value.groups.size());
  for (const auto& group : value.groups) {
    rdb::StreamGroup head = group.group;
    head.name = group.name;
    encoder.Group(head);
    std::vector<rdb::StreamPending> pending;
    for (const auto& consumer : group.consumers) {
      pending.insert(pending.end(), consumer.pending.begin(), consumer.pending.end());
    }
    std::sort(pending.begin(), pending.end(),
              [](const auto& left, const auto& right) { return left.id < right.id; });
    for (const auto& entry : pending) encoder.Pending(entry);
    encoder.Consumers(group.consumers.size());
    for (const auto& consumer : group.consumers) {
      rdb::StreamConsumer one = consumer.consumer;
      one.name = consumer.name;
      encoder.Consumer(one);
      for (const auto& entry : consumer.pending) encoder.Claim(entry.id);
    }
  }
  encoder.Finish();
}

// A value as it was decoded. Members of sets come once.
inline std::string Encode(const Collector& value, const rdb::EncodeOptions& options = {}) {
  StringSink sink;
  const uint64_t count = value.elements.size();
  switch (value.kind) {
    case rdb::Kind::kString:
      break;
    case rdb::Kind::kList: {
      rdb::ListEncoder encoder(&sink, options, count);
      for (const auto& element : value.elements) encoder.Add(element.key);
      encoder.Finish();
      break;
    }
    case rdb::Kind::kSet: {
      rdb::SetEncoder encoder(&sink, options, count);
      for (const auto& element : value.elements) encoder.Add(element.key);
      encoder.Finish();
      break;
    }
    case rdb::Kind::kZset: {
      rdb::ZsetEncoder encoder(&sink, options, count);
      for (const auto& element : value.ByScore()) encoder.Add(element.key, element.score);
      encoder.Finish();
      break;
    }
    case rdb::Kind::kHash: {
      std::optional<uint64_t> soonest;
      for (const auto& element : value.elements) {
        if (element.expire_at_ms != 0) {
          soonest = std::min(soonest.value_or(UINT64_MAX), element.expire_at_ms);
        }
      }
      rdb::HashEncoder encoder(&sink, options, count, soonest);
      for (const auto& element : value.elements) {
        encoder.Add(element.key, element.value, element.expire_at_ms);
      }
      encoder.Finish();
      break;
    }
    case rdb::Kind::kStream:
      EncodeStream(value, &sink, options);
      break;
  }
  return sink.text;
}

}  // namespace cairn::testing

// What streams are made of, by itself: state, fields, ids, and how far a group has read.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collection/stream_fields.h"
#include "collection/stream_head.h"
#include "collection/stream_lag.h"

using namespace cairn;

TEST_CASE("streams: the state of a root, and what is none") {
  StreamHead head;
  head.last_id = {7, UINT64_MAX};
  head.max_deleted_id = {UINT64_MAX, 0};
  head.entries_added = 300;
  head.names =
      "\x01"
      "a";
  const std::string bytes = EncodeStreamHead(head);
  CHECK(bytes == std::string("\x01"
                             "\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                             "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"
                             "\x00\x00"
                             "\xac\x02\x00\x01\x00"
                             "\x01"
                             "a",
                             1 + 11 + 11 + 2 + 5 + 2));
  StreamHead read;
  REQUIRE(DecodeStreamHead(bytes, &read));
  CHECK(EncodeStreamHead(read) == bytes);
  for (size_t size = 0; size + 2 < bytes.size(); ++size)
    CHECK_FALSE(DecodeStreamHead(bytes.substr(0, size), &read));
  CHECK_FALSE(DecodeStreamHead("\x02" + bytes.substr(1), &read));
  CHECK_FALSE(DecodeStreamHead(bytes + std::string(kNamesBytesMax, 'x'), &read));
}

TEST_CASE("streams: fields that make no sense are refused") {
  const std::vector<std::string_view> views = {"name", "value", "n", ""};
  const std::string names = StreamNames(views);
  for (const bool alike : {false, true}) {
    std::string payload;
    AppendStreamFields(views, alike, &payload);
    for (size_t size = 0; size <= payload.size(); ++size) {
      StreamFields fields;
      bool whole = fields.Open(std::string_view(payload).substr(0, size), names);
      std::string_view name, value;
      for (uint64_t i = 0; whole && i < fields.count(); ++i) whole = fields.Next(&name, &value);
      CHECK(whole == (size == payload.size()));
    }
    StreamFields fields;
    std::string_view name, value;
    REQUIRE(fields.Open(payload, names));
    CHECK((fields.Next(&name, &value) && name == "name" && value == "value"));
    CHECK((fields.Next(&name, &value) && name == "n" && value.empty()));
    if (!alike) continue;
    REQUIRE(fields.Open(payload, "\x07name"));
    CHECK_FALSE(fields.Next(&name, &value));
  }
}

TEST_CASE("streams: neighbours of ids") {
  StreamId id{5, UINT64_MAX};
  CHECK((StepUp(&id) && id == StreamId{6, 0}));
  CHECK((StepDown(&id) && id == StreamId{5, UINT64_MAX}));
  id = kStreamIdMax;
  CHECK_FALSE(StepUp(&id));
  CHECK(id == kStreamIdMax);
  id = {};
  CHECK_FALSE(StepDown(&id));
  CHECK(NextStreamId({5, 3}, 5) == StreamId{5, 4});
  CHECK(NextStreamId({5, UINT64_MAX}, 3) == StreamId{6, 0});
  CHECK(NextStreamId({5, 3}, 9) == StreamId{9, 0});
}

TEST_CASE("streams: how far a group has read") {
  StreamHead head;
  StreamGroup group;
  CHECK(LagOf(head, 0, group) == 0);
  head.last_id = {10, 0};
  head.first_id = {6, 0};
  head.entries_added = 10;
  CHECK(LagOf(head, 5, group) == 5);  // it has read nothing of what is there
  group.last_id = {6, 0};
  CHECK(LagOf(head, 5, group) == 4);
  group.last_id = {7, 0};
  CHECK(LagOf(head, 5, group) == std::nullopt);
  group.last_id = {11, 0};
  CHECK(LagOf(head, 5, group) == std::nullopt);
  group.last_id = {6, 0};
  group.entries_read = 6;
  NoteRead(head, 5, {7, 0}, &group);
  CHECK((group.entries_read == 7 && group.last_id == StreamId{7, 0}));
  head.max_deleted_id = {8, 0};
  CHECK(LagOf(head, 4, group) == std::nullopt);
  NoteRead(head, 4, {9, 0}, &group);
  CHECK(group.entries_read == 8);
  CHECK(LagOf(head, 4, group) == 2);
  NoteRead(head, 4, {10, 0}, &group);
  CHECK((group.entries_read == 9 && LagOf(head, 4, group) == 1));
}

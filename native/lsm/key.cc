#include "lsm/key.h"

#include "base/check.h"
#include "base/coding.h"
#include "engine/engine.h"

namespace cairn::lsm {

static_assert(kPrefixBytes == 1 + 1 + 4 + 4 + 4);

namespace {

constexpr size_t kShownBytesMax = 48;

uint8_t ByteAt(std::string_view bytes, size_t offset) {
  return static_cast<uint8_t>(bytes[offset]);
}

FormatFault CheckSystemKey(const ParsedKey& key) {
  if (key.prefix.workspace != 0) return {"system key of a workspace", kWorkspaceOffset};
  switch (key.prefix.index) {
    case system_index::kMetadata:
      if (key.prefix.collection != 0) return {"metadata of a collection", kCollectionOffset};
      break;
    case system_index::kCounters:
      break;
    default:
      return {"unknown system index", kIndexOffset};
  }
  if (key.user_key.empty()) return {"system key without a name", kPrefixBytes};
  return {};
}

FormatFault CheckKeyValueKey(const ParsedKey& key) {
  const size_t bytes = key.user_key.size();
  switch (key.prefix.index) {
    case key_value_index::kKeys:
      if (bytes > kKeyBytesMax) return {"key is too long", kPrefixBytes + kKeyBytesMax};
      return {};
    case key_value_index::kPages:
      if (bytes < kPageKeyBytes) return {"page key is cut off", kPrefixBytes + bytes};
      if (bytes > kPageKeyBytes) return {"page key is too long", kPrefixBytes + kPageKeyBytes};
      return {};
    case key_value_index::kExpiry:
      if (bytes < kExpiryBytes) return {"expiry is cut off", kPrefixBytes + bytes};
      if (bytes - kExpiryBytes > kKeyBytesMax) {
        return {"key is too long", kPrefixBytes + kExpiryBytes + kKeyBytesMax};
      }
      if (ExpireAtOf(key.user_key) == 0)
        return {"expiry of a key that never expires", kPrefixBytes};
      return {};
    default:
      return {"unknown index", kIndexOffset};
  }
}

const char* NameOfIndex(const KeyPrefix& prefix) {
  if (prefix.category == Category::kSystem) {
    return prefix.index == system_index::kMetadata ? "metadata" : "counters";
  }
  switch (prefix.index) {
    case key_value_index::kKeys:
      return "keys";
    case key_value_index::kPages:
      return "pages";
    default:
      return "expiry";
  }
}

}  // namespace

void EncodePrefix(const KeyPrefix& prefix, char to[kPrefixBytes]) {
  to[kTypeOffset] = static_cast<char>(prefix.type);
  to[kCategoryOffset] = static_cast<char>(prefix.category);
  PutBig32(to + kCollectionOffset, prefix.collection);
  PutBig32(to + kIndexOffset, prefix.index);
  PutBig32(to + kWorkspaceOffset, prefix.workspace);
}

void EncodeKey(const KeyPrefix& prefix, std::string_view user_key, std::string* key) {
  char bytes[kPrefixBytes];
  EncodePrefix(prefix, bytes);
  key->assign(bytes, sizeof(bytes));
  key->append(user_key);
}

void EncodePageKey(KeyPrefix prefix, uint64_t space, uint64_t page, std::string* key) {
  prefix.index = key_value_index::kPages;
  char user_key[kPageKeyBytes];
  PutBig64(user_key, space);
  PutBig64(user_key + 8, page);
  EncodeKey(prefix, std::string_view(user_key, sizeof(user_key)), key);
}

void EncodeExpiryKey(KeyPrefix prefix, uint64_t expire_at_ms, std::string_view user_key,
                     std::string* key) {
  CAIRN_CHECK(expire_at_ms != 0);
  prefix.index = key_value_index::kExpiry;
  char front[kExpiryBytes];
  PutBig64(front, expire_at_ms);
  EncodeKey(prefix, std::string_view(front, sizeof(front)), key);
  key->append(user_key);
}

FormatFault CheckKey(std::string_view stored) {
  if (stored.size() < kPrefixBytes) return {"prefix is cut off", stored.size()};
  if (ByteAt(stored, kTypeOffset) != static_cast<uint8_t>(DatabaseType::kServer)) {
    return {"unknown database type", kTypeOffset};
  }
  switch (static_cast<Category>(ByteAt(stored, kCategoryOffset))) {
    case Category::kSystem:
      return CheckSystemKey(ParseKey(stored));
    case Category::kKeyValue:
      return CheckKeyValueKey(ParseKey(stored));
    case Category::kDocument:
      return {};
  }
  return {"unknown category", kCategoryOffset};
}

ParsedKey ParseKey(std::string_view stored) {
  CAIRN_CHECK(stored.size() >= kPrefixBytes);
  const char* data = stored.data();
  ParsedKey key;
  key.prefix.type = static_cast<DatabaseType>(ByteAt(stored, kTypeOffset));
  key.prefix.category = static_cast<Category>(ByteAt(stored, kCategoryOffset));
  key.prefix.collection = Big32(data + kCollectionOffset);
  key.prefix.index = Big32(data + kIndexOffset);
  key.prefix.workspace = Big32(data + kWorkspaceOffset);
  key.user_key = stored.substr(kPrefixBytes);
  return key;
}

uint64_t SpaceOf(std::string_view page_user_key) {
  CAIRN_CHECK(page_user_key.size() == kPageKeyBytes);
  return Big64(page_user_key.data());
}

uint64_t PageOf(std::string_view page_user_key) {
  CAIRN_CHECK(page_user_key.size() == kPageKeyBytes);
  return Big64(page_user_key.data() + 8);
}

uint64_t ExpireAtOf(std::string_view expiry_user_key) {
  CAIRN_CHECK(expiry_user_key.size() >= kExpiryBytes);
  return Big64(expiry_user_key.data());
}

std::string PrefixSuccessor(std::string_view prefix) {
  std::string successor(prefix);
  while (!successor.empty() && ByteAt(successor, successor.size() - 1) == 0xff) {
    successor.pop_back();
  }
  if (!successor.empty()) ++successor.back();
  return successor;
}

std::string DescribeKey(std::string_view stored) {
  if (const FormatFault fault = CheckKey(stored)) {
    return "\"" + Printable(stored, kShownBytesMax) + "\": " + fault.Text();
  }
  const ParsedKey key = ParseKey(stored);
  std::string text = "collection " + std::to_string(key.prefix.collection) + ", ";
  if (key.prefix.category == Category::kDocument) {
    return text + "document \"" + Printable(key.user_key, kShownBytesMax) + "\"";
  }
  text += NameOfIndex(key.prefix);
  if (key.prefix.category == Category::kKeyValue && key.prefix.index == key_value_index::kPages) {
    if (SpaceOf(key.user_key) == 0)
      return text + ", the mark of dropped space " + std::to_string(PageOf(key.user_key));
    return text + ", page " + std::to_string(PageOf(key.user_key)) + " of space " +
           std::to_string(SpaceOf(key.user_key));
  }
  return text + ", \"" + Printable(key.user_key, kShownBytesMax) + "\"";
}

}  // namespace cairn::lsm

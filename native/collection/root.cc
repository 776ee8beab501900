#include "collection/root.h"

#include <cstring>

#include "base/check.h"
#include "base/coding.h"
#include "tree/bytes.h"

namespace cairn {
namespace {

constexpr size_t kHeadBytes = 12;

}  // namespace

std::string_view EncodingName(Encoding encoding) {
  switch (encoding) {
    case Encoding::kListpack:
      return "listpack";
    case Encoding::kHashtable:
      return "hashtable";
    case Encoding::kQuicklist:
      return "quicklist";
    case Encoding::kIntset:
      return "intset";
    case Encoding::kSkiplist:
      return "skiplist";
    case Encoding::kStream:
      return "stream";
  }
  return "unknown";
}

SpaceId SpaceOfRoot(std::string_view value) {
  return value.size() < sizeof(SpaceId) ? 0 : Little64(value.data());
}

bool DecodeRoot(std::string_view value, RootValue* root) {
  if (value.size() < kHeadBytes || static_cast<uint8_t>(value[8]) != kRootFormat) return false;
  root->space = Little64(value.data());
  root->encoding = static_cast<Encoding>(value[9]);
  root->trees = static_cast<uint8_t>(value[10]);
  const auto encoding = static_cast<uint8_t>(value[9]);
  if (encoding < 1 || encoding > static_cast<uint8_t>(Encoding::kStream)) return false;
  if (root->trees > kTreesMax || value[11] != 0) return false;
  tree::Reader reader{value.data() + kHeadBytes, value.data() + value.size()};
  uint64_t bytes[kTreesMax + 1] = {};
  for (size_t i = 0; i <= root->trees; ++i)
    if (!reader.Varint(&bytes[i])) return false;
  for (size_t i = 0; i < root->trees; ++i)
    if (!reader.Bytes(bytes[i], &root->roots[i])) return false;
  return reader.Bytes(bytes[root->trees], &root->state) && reader.left() == 0;
}

size_t EncodedBytes(const RootValue& root) {
  size_t bytes = kHeadBytes + VarintBytes(root.state.size()) + root.state.size();
  for (size_t i = 0; i < root.trees; ++i)
    bytes += VarintBytes(root.roots[i].size()) + root.roots[i].size();
  return bytes;
}

void EncodeRoot(const RootValue& root, char* to) {
  CAIRN_CHECK(root.trees <= kTreesMax);
  PutLittle64(to, root.space);
  to[8] = static_cast<char>(kRootFormat);
  to[9] = static_cast<char>(root.encoding);
  to[10] = static_cast<char>(root.trees);
  to[11] = 0;
  to += kHeadBytes;
  for (size_t i = 0; i < root.trees; ++i) to = PutVarint(to, root.roots[i].size());
  to = PutVarint(to, root.state.size());
  for (size_t i = 0; i < root.trees; ++i) {
    std::memcpy(to, root.roots[i].data(), root.roots[i].size());
    to += root.roots[i].size();
  }
  if (!root.state.empty()) std::memcpy(to, root.state.data(), root.state.size());
}

}  // namespace cairn

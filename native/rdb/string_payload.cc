#include "rdb/string_payload.h"

#include "base/check.h"
#include "base/crc64.h"
#include "rdb/types.h"

namespace cairn::rdb {

size_t EncodeDump(std::string_view value, char* out, uint16_t version) {
  out[0] = static_cast<char>(Type::kString);
  size_t n = PutInteger(value, out + 1);
  if (n == 0) n = PutLzf(value, out + 1);
  if (n == 0) n = PutRaw(value, out + 1);
  n += 1;
  n += PutLittle(version, out + n);
  n += PutLittle(Crc64(out, n), out + n);
  CAIRN_CHECK(n <= DumpBytesMax(value.size()));
  return n;
}

DumpResult ParseDump(std::string_view payload, uint64_t value_bytes_max, DumpedString* out) {
  if (payload.size() < kDumpFooterBytes) return DumpResult::kBadFooter;
  std::string_view body = payload.substr(0, payload.size() - kDumpFooterBytes);
  uint64_t checksum;
  std::memcpy(&checksum, body.data() + body.size() + kDumpVersionBytes, sizeof(checksum));
  if (checksum != Crc64(payload.data(), body.size() + kDumpVersionBytes)) {
    return DumpResult::kBadFooter;
  }
  Reader reader(body);
  uint8_t type;
  if (!reader.TakeByte(&type)) return DumpResult::kBadFormat;
  if (type != static_cast<uint8_t>(Type::kString)) {
    return type <= kTypeMax ? DumpResult::kOtherType : DumpResult::kBadFormat;
  }
  DumpResult result = TakeString(&reader, value_bytes_max, out);
  return result == DumpResult::kOk && !reader.empty() ? DumpResult::kBadFormat : result;
}

}  // namespace cairn::rdb

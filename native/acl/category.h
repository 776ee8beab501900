// Categories of commands, by which rules name many at once: +@read. The rows of the table say which
// they are in (CommandSpec::acl). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cairn::acl {

// In the order of ACL CAT.
inline constexpr std::string_view kCategories[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};
inline constexpr size_t kCategoryCount = sizeof(kCategories) / sizeof(kCategories[0]);

// Bit i: kCategories[i].
using CategoryMask = uint32_t;
static_assert(kCategoryCount <= 32);

// A name in any case, without the sign. None: there is no such category.
std::optional<size_t> FindCategory(std::string_view name);
// Those of "@read @string". What is none is passed over.
CategoryMask CategoriesOf(std::string_view words);

}  // namespace cairn::acl

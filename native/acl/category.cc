#include "acl/category.h"

#include "base/text.h"

namespace cairn::acl {

std::optional<size_t> FindCategory(std::string_view name) {
  for (size_t i = 0; i < kCategoryCount; ++i) {
    if (EqualsIgnoreCase(name, kCategories[i])) return i;
  }
  return std::nullopt;
}

CategoryMask CategoriesOf(std::string_view words) {
  CategoryMask mask = 0;
  while (!words.empty()) {
    const size_t space = words.find(' ');
    const std::string_view word = words.substr(0, space);
    if (word.starts_with('@')) {
      if (const auto category = FindCategory(word.substr(1))) mask |= CategoryMask{1} << *category;
    }
    words = space == std::string_view::npos ? std::string_view() : words.substr(space + 1);
  }
  return mask;
}

}  // namespace cairn::acl

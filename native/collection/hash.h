// HashValue: fields with values, and with times at which they end. What hash commands need, without
// their replies.
//
//   tree 0, ordered: head: KeyedHash(seed, field)   rest: field   payload: value   due: its end
//   state: seed, 8
//
// While everything is in the root, fields have an order besides that of their hashes: that in which
// they came (their order in the page's heap). ForEach shows that one, as Redis does for a listpack.
//
// A field that is due is not there: reads do not see it, and the next change removes it. Outcomes
// are those of collection.h. Views are valid until the next call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "collection/collection.h"
#include "collection/thresholds.h"

namespace cairn {

class HashValue {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
    uint64_t due = 0;  // ms since 1970; 0: never
  };

  HashValue(Txn* txn, std::string_view key, const Thresholds* thresholds);

  // To read. kMissing: there are no fields.
  Opened Open();
  // To write: a missing one is made (never kMissing).
  Opened OpenOrMake();
  bool made() const { return made_; }

  tree::Outcome Count(uint64_t* count);
  tree::Outcome Get(std::string_view name, bool* found, Field* field);
  // Notes all pages that these fields lie in, so that they are read in one wave.
  tree::Outcome Want(std::span<const std::string_view> names);
  // The field has no end afterwards, unless `due` says so.
  tree::Outcome Set(std::string_view name, std::string_view value, bool* existed, uint64_t due = 0);
  tree::Outcome SetDue(std::string_view name, uint64_t due, bool* existed);
  tree::Outcome Remove(std::string_view name, bool* existed);
  tree::Outcome Save() { return collection_.Save(); }

  // Fields from a rank on, by hash: at most `most`. For slices and for random picks.
  tree::Outcome Seek(uint64_t rank, Field* field);

  Collection& collection() { return collection_; }
  const Status& status() const { return collection_.status(); }
  Encoding encoding() const { return collection_.encoding(); }

 private:
  tree::Key KeyOf(std::string_view name) const;

  Collection collection_;
  const Thresholds& thresholds_;
  tree::Tree tree_;
  uint64_t seed_ = 0;
  bool made_ = false;
  std::string name_buffer_;
  std::string value_buffer_;
};

}  // namespace cairn

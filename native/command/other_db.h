// OtherDb: looks at another database for as long as it lives. For native/command only.
#pragma once

#include <cstdint>

#include "txn/txn.h"

namespace cairn {

class OtherDb {
 public:
  OtherDb(Txn& txn, uint16_t db) : txn_(txn), home_(txn.db()) { txn_.set_db(db); }
  ~OtherDb() { txn_.set_db(home_); }
  OtherDb(const OtherDb&) = delete;
  OtherDb& operator=(const OtherDb&) = delete;

 private:
  Txn& txn_;
  uint16_t home_;
};

}  // namespace cairn

// TREE_TRY: goes on only if what was tried was done. For files of this room, not for headers that
// others include.
#pragma once

#define TREE_TRY(what)                                          \
  do {                                                          \
    if (const ::cairn::tree::Outcome tried = (what);            \
        CAIRN_UNLIKELY(tried != ::cairn::tree::Outcome::kDone)) \
      return tried;                                             \
  } while (false)

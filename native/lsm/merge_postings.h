// Posting lists: for each term the documents it occurs in, with a weight. One key holds as many
// terms as its owner likes. They change by lists of changes that are merged in, without being read.
// Pure.
//
// Body, of a list and of changes alike; integers are variable-length (base/coding.h):
//
//   +------------+------+-----------+----------------------------------+------+--
//   | term bytes | term | documents | document, weight * 2 + deleted   | next | ...
//   | varint     |      | varint    | varint    varint (of each)       | term |
//   +------------+------+-----------+----------------------------------+------+--
//
// Terms are in order and named once; so are the documents of a term. The first document is given as
// it is, each further one as the distance to the one before. `deleted` occurs in changes only, with
// a weight of 0. An empty body is a list without postings.
//
// A change replaces what was there for its term and document. So a change says all that can be
// known about the two, and merging is associative: lists of changes may be merged among themselves
// first, in any grouping, as long as they stay in their order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lsm/fault.h"

namespace cairn::lsm {

inline constexpr size_t kTermBytesMax = 4096;

struct Posting {
  std::string_view term;
  uint64_t document = 0;
  uint32_t weight = 0;
  bool deleted = false;
  bool operator==(const Posting&) const = default;
};

// Reads a body from front to back. Checks as it goes: what it has shown is in order.
class PostingsReader {
 public:
  explicit PostingsReader(std::string_view body) : bytes_(body.size()), rest_(body) {}

  // The next posting; its term is of the body. False: the end, or a fault.
  bool Next(Posting* posting);
  FormatFault fault() const { return fault_; }

 private:
  bool Fail(const char* what);
  bool NextTerm();

  size_t bytes_;
  std::string_view rest_;
  std::string_view term_;
  uint64_t documents_left_ = 0;  // of term_
  uint64_t document_ = 0;        // the last one shown
  bool first_ = true;            // none of term_ was shown yet
  FormatFault fault_;
};

// Writes a body: in order, each term and document once (checked).
class PostingsWriter {
 public:
  explicit PostingsWriter(std::string* body) : body_(body) {}
  void Add(const Posting& posting);
  void Finish();  // once

 private:
  void EndTerm();

  std::string* body_;
  std::string term_;
  std::string entries_;  // of term_
  uint64_t documents_ = 0;
  uint64_t document_ = 0;
};

// Changes or postings in any order; where several name the same term and document, the last counts.
std::string EncodePostings(std::span<const Posting> postings);

// Merges bodies, the oldest first. The first may be a list, in which nothing is deleted; the others
// are changes. `drop_deleted`: the result is a list. *out is left alone if there is a fault; *which
// says then in which body.
FormatFault MergePostings(std::span<const std::string_view> bodies, bool drop_deleted,
                          std::string* out, size_t* which);

}  // namespace cairn::lsm

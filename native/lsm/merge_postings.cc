#include "lsm/merge_postings.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/coding.h"

namespace cairn::lsm {

namespace {

// By term, then document: -1, 0, 1.
int Compare(const Posting& a, const Posting& b) {
  if (const int terms = a.term.compare(b.term); terms != 0) return terms < 0 ? -1 : 1;
  if (a.document == b.document) return 0;
  return a.document < b.document ? -1 : 1;
}

// One of the bodies that are being merged, at its next posting.
struct Source {
  PostingsReader reader;
  Posting next;
  size_t age;  // index among the bodies: greater is newer
};

// For a heap with the smallest posting on top, of equal ones the newest.
bool ComesLater(const Source* a, const Source* b) {
  const int order = Compare(a->next, b->next);
  return order == 0 ? a->age < b->age : order > 0;
}

}  // namespace

bool PostingsReader::Fail(const char* what) {
  fault_ = {what, bytes_ - rest_.size()};
  return false;
}

bool PostingsReader::NextTerm() {
  uint64_t bytes = 0;
  if (!TakeVarint(&rest_, &bytes)) return Fail("length of a term cannot be read");
  if (bytes > kTermBytesMax) return Fail("term is too long");
  if (bytes > rest_.size()) return Fail("term is cut off");
  const std::string_view term = rest_.substr(0, bytes);
  if (term_.data() != nullptr && term <= term_) return Fail("terms are out of order");
  rest_.remove_prefix(bytes);
  term_ = term;
  if (!TakeVarint(&rest_, &documents_left_)) return Fail("number of documents cannot be read");
  if (documents_left_ == 0) return Fail("term without documents");
  first_ = true;
  return true;
}

bool PostingsReader::Next(Posting* posting) {
  if (fault_) return false;
  if (documents_left_ == 0) {
    if (rest_.empty()) return false;
    if (!NextTerm()) return false;
  }
  uint64_t document = 0;
  uint64_t weight = 0;
  if (!TakeVarint(&rest_, &document)) return Fail("document cannot be read");
  if (!first_) {
    if (document == 0) return Fail("document is named twice");
    if (document > UINT64_MAX - document_) return Fail("document is too large");
    document += document_;
  }
  if (!TakeVarint(&rest_, &weight)) return Fail("weight cannot be read");
  if (weight >> 1 > UINT32_MAX) return Fail("weight is too large");
  const bool deleted = (weight & 1) != 0;
  if (deleted && weight != 1) return Fail("weight of what is deleted");
  *posting = {term_, document, static_cast<uint32_t>(weight >> 1), deleted};
  document_ = document;
  first_ = false;
  --documents_left_;
  return true;
}

void PostingsWriter::EndTerm() {
  if (documents_ == 0) return;
  AppendVarint(body_, term_.size());
  body_->append(term_);
  AppendVarint(body_, documents_);
  body_->append(entries_);
  entries_.clear();
  documents_ = 0;
}

void PostingsWriter::Add(const Posting& posting) {
  CAIRN_CHECK(posting.term.size() <= kTermBytesMax);
  CAIRN_CHECK(!posting.deleted || posting.weight == 0);
  const bool same_term = documents_ > 0 && posting.term == term_;
  if (!same_term) {
    CAIRN_CHECK(documents_ == 0 || posting.term > term_, "terms are in order");
    EndTerm();
    term_.assign(posting.term);
    AppendVarint(&entries_, posting.document);
  } else {
    CAIRN_CHECK(posting.document > document_, "documents are in order");
    AppendVarint(&entries_, posting.document - document_);
  }
  AppendVarint(&entries_, uint64_t{posting.weight} << 1 | (posting.deleted ? 1 : 0));
  document_ = posting.document;
  ++documents_;
}

void PostingsWriter::Finish() { EndTerm(); }

std::string EncodePostings(std::span<const Posting> postings) {
  std::vector<Posting> sorted(postings.begin(), postings.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Posting& a, const Posting& b) { return Compare(a, b) < 0; });
  std::string body;
  PostingsWriter writer(&body);
  for (size_t i = 0; i < sorted.size(); ++i) {
    const bool last = i + 1 == sorted.size() || Compare(sorted[i], sorted[i + 1]) != 0;
    if (last) writer.Add(sorted[i]);
  }
  writer.Finish();
  return body;
}

FormatFault MergePostings(std::span<const std::string_view> bodies, bool drop_deleted,
                          std::string* out, size_t* which) {
  std::vector<Source> sources;
  sources.reserve(bodies.size());
  for (size_t i = 0; i < bodies.size(); ++i) sources.push_back({PostingsReader(bodies[i]), {}, i});

  std::vector<Source*> heap;
  FormatFault fault;
  const auto advance = [&](Source* source) {
    if (source->reader.Next(&source->next)) {
      heap.push_back(source);
      std::push_heap(heap.begin(), heap.end(), ComesLater);
    } else if (source->reader.fault() && !fault) {
      fault = source->reader.fault();
      *which = source->age;
    }
  };
  for (Source& source : sources) advance(&source);

  std::string merged;
  PostingsWriter writer(&merged);
  Posting written;
  bool any = false;
  while (!fault && !heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), ComesLater);
    Source* const source = heap.back();
    heap.pop_back();
    const Posting& next = source->next;
    // Of equal ones the newest came first; the others are void.
    if (!any || Compare(written, next) != 0) {
      written = next;
      any = true;
      if (!(drop_deleted && next.deleted)) writer.Add(next);
    }
    advance(source);
  }
  if (fault) return fault;
  writer.Finish();
  *out += merged;
  return {};
}

}  // namespace cairn::lsm

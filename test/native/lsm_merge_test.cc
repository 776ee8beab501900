// What the merge operator is made of, each by itself: counters, posting lists, damaged values.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/coding.h"
#include "environment.h"
#include "lsm/merge_counters.h"
#include "lsm/merge_operator.h"
#include "lsm/merge_postings.h"
#include "lsm_testing.h"

using namespace cairn::lsm;
using cairn::AppendVarint;
using cairn::testing::FromEnvironment;
using cairn::testing::StoredValue;

namespace {

using Random = std::mt19937_64;

std::string Body(std::vector<int64_t> values) {
  std::string body;
  AppendCounters(values, &body);
  return body;
}

std::vector<Posting> Read(std::string_view body, FormatFault* fault) {
  std::vector<Posting> postings;
  PostingsReader reader(body);
  for (Posting posting; reader.Next(&posting);) postings.push_back(posting);
  *fault = reader.fault();
  return postings;
}

std::string FaultOf(std::string_view body) {
  FormatFault fault;
  Read(body, &fault);
  return fault ? fault.Text() : "";
}

// Terms and documents with ends of their ranges among them. Views are of the table.
Posting RandomPosting(Random* random) {
  static const std::vector<std::string> kTerms = {
      "", "a", "aa", "b", std::string("\0", 1), "\xff\xff", std::string(kTermBytesMax, 'z')};
  static constexpr uint64_t kDocuments[] = {0,         1, 2, 127, 128, 1u << 20, UINT64_MAX - 1,
                                            UINT64_MAX};
  Posting posting;
  posting.term = kTerms[(*random)() % kTerms.size()];
  posting.document = kDocuments[(*random)() % std::size(kDocuments)];
  posting.deleted = (*random)() % 3 == 0;
  posting.weight = posting.deleted ? 0 : static_cast<uint32_t>((*random)());
  return posting;
}

using PostingModel = std::map<std::pair<std::string, uint64_t>, uint32_t>;

void Apply(const std::vector<Posting>& changes, PostingModel* model) {
  for (const Posting& change : changes) {
    const std::pair key(std::string(change.term), change.document);
    if (change.deleted) {
      model->erase(key);
    } else {
      (*model)[key] = change.weight;
    }
  }
}

PostingModel ModelOf(std::string_view body) {
  FormatFault fault;
  PostingModel model;
  for (const Posting& posting : Read(body, &fault)) {
    CHECK_FALSE(posting.deleted);
    model[{std::string(posting.term), posting.document}] = posting.weight;
  }
  REQUIRE_FALSE(fault);
  return model;
}

std::string Merged(const std::vector<std::string>& bodies, bool drop_deleted) {
  const std::vector<std::string_view> views(bodies.begin(), bodies.end());
  std::string out;
  size_t which = 0;
  REQUIRE_FALSE(MergePostings(views, drop_deleted, &out, &which));
  return out;
}

}  // namespace

TEST_CASE("lsm counters: sums") {
  Counters sum;
  REQUIRE_FALSE(AddCounters(Body({1, -2}), &sum));
  REQUIRE_FALSE(AddCounters(Body({10, 20, 30}), &sum));
  REQUIRE_FALSE(AddCounters(Body({INT64_MAX}), &sum));
  CHECK(sum.count == 3);
  CHECK(sum.values[0] == INT64_MIN + 10);  // wraps around
  CHECK(sum.values[1] == 18);
  CHECK(sum.values[2] == 30);
}

TEST_CASE("lsm counters: faults") {
  Counters sum;
  CHECK(AddCounters("", &sum).Text() == "no counters at byte 0");
  CHECK(AddCounters("1234567", &sum).Text() == "counter is cut off at byte 7");
  CHECK(AddCounters(std::string(72, 'x'), &sum).Text() == "too many counters at byte 64");
  CHECK(sum.count == 0);
  CHECK(sum.values[0] == 0);
}

TEST_CASE("lsm postings: what was encoded is read, in order") {
  Random random(FromEnvironment("CAIRN_SEED", 1));
  for (int i = 0; i < 500; ++i) {
    std::vector<Posting> postings(random() % 30);
    std::map<std::pair<std::string_view, uint64_t>, Posting> expected;
    for (Posting& posting : postings) {
      posting = RandomPosting(&random);
      expected[{posting.term, posting.document}] = posting;
    }
    FormatFault fault;
    const std::string body = EncodePostings(postings);
    const std::vector<Posting> read = Read(body, &fault);
    REQUIRE_FALSE(fault);
    REQUIRE(read.size() == expected.size());
    size_t at = 0;
    for (const auto& [key, posting] : expected) CHECK(read[at++] == posting);
  }
}

TEST_CASE("lsm postings: merging is the same in any grouping") {
  Random random(FromEnvironment("CAIRN_SEED", 2));
  for (int i = 0; i < 300; ++i) {
    PostingModel model;
    std::vector<std::string> bodies;
    for (size_t n = 1 + random() % 8; bodies.size() < n;) {
      std::vector<Posting> changes(random() % 10);
      for (Posting& change : changes) change = RandomPosting(&random);
      // The first one is a list.
      if (bodies.empty()) std::erase_if(changes, [](const Posting& p) { return p.deleted; });
      Apply(changes, &model);
      bodies.push_back(EncodePostings(changes));
    }
    const std::string at_once = Merged(bodies, true);
    CHECK(ModelOf(at_once) == model);
    while (bodies.size() > 1) {  // any two neighbours, until there is one
      const size_t at = random() % (bodies.size() - 1);
      bodies[at] = Merged({bodies[at], bodies[at + 1]}, at == 0);
      bodies.erase(bodies.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
    CHECK(bodies[0] == at_once);
  }
}

TEST_CASE("lsm postings: faults") {
  const std::string body =
      EncodePostings(std::vector<Posting>{{"a", 1, 2}, {"a", 300, 4}, {"b", 5, 6}});
  CHECK(FaultOf(body) == "");
  CHECK(FaultOf("") == "");
  for (size_t cut = 1; cut < body.size(); ++cut) {
    // 9 bytes are the first term with both of its documents.
    const bool whole = cut == 8;
    CHECK((FaultOf(body.substr(0, cut)) == "") == whole);
  }
  const auto bytes = [](std::initializer_list<int> list) {
    std::string text;
    for (const int byte : list) text += static_cast<char>(byte);
    return text;
  };
  CHECK(FaultOf(bytes({1, 'b', 1, 1, 2, 1, 'a', 1, 1, 2})) == "terms are out of order at byte 6");
  CHECK(FaultOf(bytes({1, 'a', 1, 1, 2, 1, 'a', 1, 1, 2})) == "terms are out of order at byte 6");
  CHECK(FaultOf(bytes({1, 'a', 0})) == "term without documents at byte 3");
  CHECK(FaultOf(bytes({1, 'a', 2, 1, 2, 0, 2})) == "document is named twice at byte 6");
  CHECK(FaultOf(bytes({1, 'a', 1, 1, 3})) == "weight of what is deleted at byte 5");
  CHECK(FaultOf(bytes({5, 'a'})) == "term is cut off at byte 1");
  std::string huge = bytes({1, 'a', 2, 1, 2});
  AppendVarint(&huge, UINT64_MAX);
  CHECK(FaultOf(huge + bytes({2})) == "document is too large at byte 15");
  std::string heavy = bytes({1, 'a', 1, 1});
  AppendVarint(&heavy, uint64_t{1} << 33);
  CHECK(FaultOf(heavy) == "weight is too large at byte 9");
  std::string term;
  AppendVarint(&term, kTermBytesMax + 1);
  CHECK(FaultOf(term + std::string(5000, 'x')) == "term is too long at byte 2");

  const std::vector<std::string_view> bodies = {body,
                                                "\x05"
                                                "a"};
  std::string out = "kept";
  size_t which = 0;
  CHECK(MergePostings(bodies, true, &out, &which).Text() == "term is cut off at byte 1");
  CHECK(which == 1);
  CHECK(out == "kept");
}

TEST_CASE("lsm postings: any bytes are read without harm") {
  Random random(FromEnvironment("CAIRN_SEED", 3));
  for (int i = 0; i < 20000; ++i) {
    std::string body(random() % 24, '\0');
    for (char& byte : body) byte = static_cast<char>(random() % 8 == 0 ? random() : random() % 4);
    FormatFault fault;
    const std::vector<Posting> postings = Read(body, &fault);
    if (!fault) CHECK(EncodePostings(postings) == body);  // there is one encoding of each
  }
}

namespace {

struct Merge {
  PageFolds folds;
  MergeFigures figures;
  MergeOperator merger{&folds, &figures};
  std::string key = cairn::testing::StoredKey(1, "k");

  std::string Full(const std::string* value, const std::vector<std::string>& operands) {
    const rocksdb::Slice key_slice = key;
    const rocksdb::Slice existing = value == nullptr ? rocksdb::Slice() : rocksdb::Slice(*value);
    const std::vector<rocksdb::Slice> slices(operands.begin(), operands.end());
    const rocksdb::MergeOperator::MergeOperationInput in(
        key_slice, value == nullptr ? nullptr : &existing, slices, nullptr);
    std::string result;
    rocksdb::Slice operand(nullptr, 0);
    rocksdb::MergeOperator::MergeOperationOutput out(result, operand);
    REQUIRE(merger.FullMergeV2(in, &out));
    return result;
  }
  bool Partial(const std::vector<std::string>& operands, std::string* result) {
    const std::deque<rocksdb::Slice> slices(operands.begin(), operands.end());
    return merger.PartialMergeMulti(key, slices, result, nullptr);
  }
};

// Of a value that must be a damaged one.
DamagedValue Damaged(std::string_view stored) {
  ParsedValue value;
  REQUIRE_FALSE(ParseValue(stored, &value));
  REQUIRE(value.head.kind == Kind::kDamaged);
  DamagedValue damaged;
  REQUIRE_FALSE(ParseDamaged(value.body, &damaged));
  return damaged;
}

std::string CountersOperand(uint64_t version, std::vector<int64_t> values) {
  return StoredValue({.kind = Kind::kCountersDelta, .version = version}, Body(std::move(values)));
}

}  // namespace

TEST_CASE("lsm merge: counters, with the version of the newest") {
  Merge merge;
  const std::string value = StoredValue({.kind = Kind::kCounters, .version = 5}, Body({100}));
  const std::vector<std::string> operands = {CountersOperand(6, {1, 2}), CountersOperand(7, {3})};
  CHECK(merge.Full(&value, operands) ==
        StoredValue({.kind = Kind::kCounters, .version = 7}, Body({104, 2})));
  CHECK(merge.Full(nullptr, operands) ==
        StoredValue({.kind = Kind::kCounters, .version = 7}, Body({4, 2})));
  std::string partial;
  REQUIRE(merge.Partial(operands, &partial));
  CHECK(partial == CountersOperand(7, {4, 2}));
  CHECK(merge.figures.full == 2);
  CHECK(merge.figures.partial == 1);
  CHECK(merge.figures.operands == 6);
  CHECK(merge.figures.faults == 0);
}

TEST_CASE("lsm merge: what cannot be merged is kept, told and counted") {
  Merge merge;
  const std::string value = StoredValue({.kind = Kind::kCounters, .version = 5}, Body({100}));
  const std::string good = CountersOperand(6, {1});
  const std::string bad = StoredValue({.kind = Kind::kCountersDelta, .version = 7}, "1234567");

  std::string damaged = merge.Full(&value, {good, bad});
  CHECK(Damaged(damaged).reason == "operand 2 of 2: counter is cut off at byte 7");
  CHECK(Damaged(damaged).value == value);
  CHECK(Damaged(damaged).operands == std::vector<std::string_view>{good, bad});
  CHECK(merge.figures.faults == 1);
  CHECK(merge.figures.findings.Take() ==
        std::vector<std::string>{"collection 1, keys, \"k\" cannot be merged: operand 2 of 2: "
                                 "counter is cut off at byte 7"});
  ParsedValue parsed;
  REQUIRE_FALSE(ParseValue(damaged, &parsed));
  CHECK(parsed.head.version == 7);

  // Further operands join those that are kept, and are no new fault.
  damaged = merge.Full(&damaged, {CountersOperand(8, {1})});
  CHECK(Damaged(damaged).operands.size() == 3);
  CHECK(Damaged(damaged).value == value);
  CHECK(merge.figures.faults == 1);
  REQUIRE_FALSE(ParseValue(damaged, &parsed));
  CHECK(parsed.head.version == 8);

  std::string partial;
  CHECK_FALSE(merge.Partial({good, bad}, &partial));
  CHECK(partial.empty());
}

TEST_CASE("lsm merge: every reason") {
  Merge merge;
  const std::string good = CountersOperand(6, {1});
  const auto reason = [&](const std::string* value, std::vector<std::string> operands) {
    return std::string(Damaged(merge.Full(value, operands)).reason);
  };
  const std::string empty;
  const std::string text = StoredValue({}, "text");
  const std::string expires = StoredValue({.expire_at_ms = 1}, "text");
  const std::string counters = StoredValue({.kind = Kind::kCounters}, Body({1}));
  const std::string bad_counters = StoredValue({.kind = Kind::kCounters}, "x");
  const std::string postings = StoredValue({.kind = Kind::kPostingsDelta}, "");
  const std::string page = StoredValue({.kind = Kind::kPageDelta, .aux = 1}, "");
  CHECK(reason(nullptr, {""}) == "operand 1 of 1: head of the value is cut off at byte 0");
  CHECK(reason(&empty, {good}) == "value: head of the value is cut off at byte 0");
  CHECK(reason(&bad_counters, {good}) == "value: counter is cut off at byte 1");
  CHECK(reason(nullptr, {text}) == "operand 1 of 1: not a merge operand at byte 0");
  CHECK(reason(&counters, {good, postings}) ==
        "operand 2 of 2: does not go with those before it at byte 0");
  CHECK(reason(&text, {good}) == "operands of another kind than the value");
  CHECK(reason(&counters, {postings}) == "operands of another kind than the value");
  CHECK(reason(&expires, {page}) == "operands for a value that expires");
  CHECK(reason(&text, {page}) == "operand 1 of 1: unknown kind of page at byte 3");
  CHECK(merge.figures.faults == 9);
}

TEST_CASE("lsm merge: no more operands are kept than the bound") {
  Merge merge;
  const std::string big = StoredValue({.kind = Kind::kCountersDelta}, std::string(300'000, 'x'));
  std::string damaged = merge.Full(nullptr, {big, big, big, big});
  CHECK(Damaged(damaged).operands.size() == 3);
  CHECK(Damaged(damaged).left_out == 1);
  damaged = merge.Full(&damaged, {big});
  CHECK(Damaged(damaged).operands.size() == 3);
  CHECK(Damaged(damaged).left_out == 2);
}

TEST_CASE("lsm merge: damaged bodies that are damaged") {
  Merge merge;
  const std::string damaged = merge.Full(nullptr, {"bad"});
  ParsedValue value;
  REQUIRE_FALSE(ParseValue(damaged, &value));
  DamagedValue parsed;
  size_t whole = 0;
  for (size_t cut = 0; cut < value.body.size(); ++cut) {
    parsed = {};
    whole += ParseDamaged(value.body.substr(0, cut), &parsed) ? 0 : 1;
  }
  CHECK(whole == 1);  // without the one input
  // Then it is an input like any other.
  const std::string cut = damaged.substr(0, damaged.size() - 1);
  CHECK(Damaged(merge.Full(&cut, {"bad"})).value == cut);
}

TEST_CASE("lsm merge: findings are bounded") {
  Findings findings;
  for (int i = 0; i < 20; ++i) findings.Add(std::to_string(i));
  CHECK(findings.count() == 20);
  const std::vector<std::string> taken = findings.Take();
  REQUIRE(taken.size() == Findings::kKeptMax + 1);
  CHECK(taken.back() == "and 4 more");
  CHECK(findings.Take().empty());
}

// Places within a circle or a box: GEOSEARCH, GEOSEARCHSTORE, and GEORADIUS and GEORADIUSBYMEMBER,
// which were before them.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/slot.h"
#include "command/geo_args.h"
#include "command/slice_sort.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;

namespace {

enum class Order : uint8_t { kAny, kNearest, kFarthest };

// The commands differ in what stands at fixed places, and in which options they know.
struct SearchForm {
  bool searches = false;   // GEOSEARCH: centre and shape are options
  bool by_member = false;  // GEORADIUSBYMEMBER
  bool may_store = false;  // options STORE and STOREDIST
  bool stores = false;     // GEOSEARCHSTORE: into argv[1]
  size_t key = 1;
  size_t options = 2;
};

struct Search {
  geo::Shape shape;
  double unit = 1;
  bool has_member = false;  // the centre is where this member is
  std::string_view member;
  bool has_point = false;
  bool has_shape = false;
  bool distances = false;
  bool hashes = false;
  bool points = false;
  Order order = Order::kAny;
  int64_t count = 0;  // 0: all
  bool any = false;   // of the first that are found
  bool store = false;
  bool store_distances = false;
  std::string_view store_key;
  std::string_view event;  // what storing is told as
};

bool LengthArg(Call& call, std::string_view arg, std::string_view not_number, double* length) {
  return FloatArg(call, arg, not_number, length);
}

bool RadiusArgs(Call& call, size_t at, Search* search) {
  double radius = 0;
  if (!LengthArg(call, call.argv[at], errors::kGeoRadius, &radius)) return false;
  if (radius < 0) return Refuse(call, errors::kGeoRadiusNegative);
  if (!GeoUnitArg(call, call.argv[at + 1], &search->unit)) return false;
  search->shape.box = false;
  search->shape.radius = radius * search->unit;
  return search->has_shape = true;
}

bool BoxArgs(Call& call, size_t at, Search* search) {
  double width = 0, height = 0;
  if (!LengthArg(call, call.argv[at], errors::kGeoWidth, &width)) return false;
  if (!LengthArg(call, call.argv[at + 1], errors::kGeoHeight, &height)) return false;
  if (width < 0 || height < 0) return Refuse(call, errors::kGeoBoxNegative);
  if (!GeoUnitArg(call, call.argv[at + 2], &search->unit)) return false;
  search->shape.box = true;
  search->shape.width = width * search->unit;
  search->shape.height = height * search->unit;
  return search->has_shape = true;
}

// The place of a member as the centre.
bool CentreOf(Call& call, ZsetValue* zset, std::string_view member, Search* search) {
  bool found = false;
  double score = 0;
  if (!Done(call, *zset, zset->Find(member, &found, &score))) return false;
  if (!found) return Refuse(call, errors::kGeoNoMember);
  search->shape.centre = geo::Decode(score);
  return true;
}

// What stands before the options.
bool FixedArgs(Call& call, const SearchForm& form, ZsetValue* zset, bool there, Search* search) {
  if (form.searches) return true;
  if (!form.by_member)
    return GeoPointArgs(call, 2, &search->shape.centre) && RadiusArgs(call, 4, search);
  // Without a key Redis looks at neither.
  return !there || (CentreOf(call, zset, call.argv[2], search) && RadiusArgs(call, 3, search));
}

// One of the options of GEOSEARCH that say where. *i: the option, and then its last argument.
// *known: it is such a one.
bool ShapeOption(Call& call, ZsetValue* zset, bool there, size_t* i, Search* search, bool* known) {
  const std::string_view arg = call.argv[*i];
  const size_t left = call.argv.size() - *i - 1;
  const size_t at = *i + 1;
  *known = true;
  if (Is(arg, "frommember") && left >= 1 && !search->has_point) {
    *i += 1;
    search->has_member = true;
    return !there || CentreOf(call, zset, call.argv[at], search);
  }
  if (Is(arg, "fromlonlat") && left >= 2 && !search->has_member) {
    *i += 2;
    return search->has_point = GeoPointArgs(call, at, &search->shape.centre);
  }
  const bool has_circle = search->has_shape && !search->shape.box;
  const bool has_box = search->has_shape && search->shape.box;
  if (Is(arg, "byradius") && left >= 2 && !has_box) {
    *i += 2;
    return RadiusArgs(call, at, search);
  }
  if (Is(arg, "bybox") && left >= 3 && !has_circle) {
    *i += 3;
    return BoxArgs(call, at, search);
  }
  *known = false;
  return true;
}

bool Options(Call& call, const SearchForm& form, ZsetValue* zset, bool there, Search* search) {
  const IntegerRule count_rule{1, INT64_MAX, errors::kNotInteger, errors::kGeoCount};
  for (size_t i = form.options; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    const bool has_value = i + 1 < call.argv.size();
    bool known = false;
    if (Is(arg, "withdist")) {
      search->distances = true;
    } else if (Is(arg, "withhash")) {
      search->hashes = true;
    } else if (Is(arg, "withcoord")) {
      search->points = true;
    } else if (Is(arg, "any")) {
      search->any = true;
    } else if (Is(arg, "asc")) {
      search->order = Order::kNearest;
    } else if (Is(arg, "desc")) {
      search->order = Order::kFarthest;
    } else if (Is(arg, "count") && has_value) {
      if (!IntegerArg(call, call.argv[++i], count_rule, &search->count)) return false;
    } else if (form.may_store && has_value && (Is(arg, "store") || Is(arg, "storedist"))) {
      search->store = true;
      search->store_distances = Is(arg, "storedist");
      search->store_key = call.argv[++i];
    } else if (form.searches && !ShapeOption(call, zset, there, &i, search, &known)) {
      return false;
    } else if (form.stores && !known && Is(arg, "storedist")) {
      search->store_distances = true;
    } else if (!known) {
      return Refuse(call, errors::kSyntax);
    }
  }
  return true;
}

bool Agree(Call& call, const SearchForm& form, const Search& search) {
  if (search.store && (search.distances || search.hashes || search.points)) {
    return Refuse(
        call, errors::GeoStoreWith(form.stores ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"));
  }
  if (form.searches && !search.has_member && !search.has_point)
    return Refuse(call, errors::GeoOneOf("FROMMEMBER or FROMLONLAT", call.argv[0]));
  if (form.searches && !search.has_shape)
    return Refuse(call, errors::GeoOneOf("BYRADIUS and BYBOX", call.argv[0]));
  return !search.any || search.count != 0 || Refuse(call, errors::kGeoAnyCount);
}

struct Place {
  std::string member;
  double score = 0;
  double distance = 0;  // metres
  geo::Point point;
};

// What was found so far: cells one by one, and in each of them in the order of scores.
struct Finding {
  bool kept = false;  // from one pass to the next
  size_t cell = 0;
  bool in_cell = false;
  ZsetValue::Walk walk;
  std::vector<Place> places;
  SliceSort<Place> sort{&places};
  bool arranged = false;
};

constexpr uint64_t kElementsAtATime = 1024;

using Spans = std::vector<ZsetValue::Span>;

// Of the cells that the search looks at. False: pending, or refused.
bool Resolve(Call& call, ZsetValue* zset, const Search& search, Spans* spans, uint64_t* members) {
  const geo::Cells cells = geo::CellsOf(search.shape);
  bool waiting = false;
  for (size_t i = 0; i < cells.count; ++i) {
    const ScoreRange range{cells.cells[i].from, cells.cells[i].to, false, true};
    ZsetValue::Span& span = spans->emplace_back();
    const Outcome outcome = zset->Resolve(range, &span);
    if (outcome == Outcome::kFailed) return Done(call, *zset, outcome);
    waiting |= outcome == Outcome::kWait;
    *members += span.count;
  }
  return !waiting;
}

// Whether the rest has to wait for the next slice.
bool SliceOver(Call& call, const Finding& finding, uint64_t charge) {
  if (!finding.kept) return false;
  if (call.txn.SliceOver()) return call.txn.Again(), true;
  call.txn.Charge(static_cast<uint32_t>(charge));
  return false;
}

// False: pending, or refused.
bool Find(Call& call, ZsetValue* zset, const Search& search, const Spans& spans, Finding* finding) {
  const uint64_t most = search.any ? static_cast<uint64_t>(search.count) : UINT64_MAX;
  for (; finding->cell < spans.size(); ++finding->cell, finding->in_cell = false) {
    if (!std::exchange(finding->in_cell, true)) {
      finding->walk = ZsetValue::Walk(spans[finding->cell], false);
      finding->walk.keep = true;
    }
    while (finding->walk.left > 0 && finding->places.size() < most) {
      if (SliceOver(call, *finding, kElementsAtATime)) return false;
      const Outcome outcome =
          zset->Go(&finding->walk, kElementsAtATime, [&](const Element& element) {
            Place place;
            place.point = geo::Decode(element.score);
            if (finding->places.size() >= most ||
                !geo::Covers(search.shape, place.point, &place.distance)) {
              return;
            }
            place.member.assign(element.member);
            place.score = element.score;
            finding->places.push_back(std::move(place));
          });
      if (!Done(call, *zset, outcome)) return false;
    }
  }
  return true;
}

// Sorts and cuts them as asked for. False: pending.
bool Arrange(Call& call, const Search& search, Finding* finding) {
  if (finding->arranged) return true;
  Order order = search.order;
  // The nearest are those that count.
  if (order == Order::kAny && search.count != 0 && !search.any) order = Order::kNearest;
  const auto less = [order](const Place& a, const Place& b) {
    return order == Order::kNearest ? a.distance < b.distance : a.distance > b.distance;
  };
  for (bool sorted = order == Order::kAny; !sorted;) {
    if (SliceOver(call, *finding, SliceSort<Place>::kPiece)) return false;
    sorted = finding->sort.Step(less);
  }
  const auto count = static_cast<uint64_t>(search.count);
  if (count != 0 && finding->places.size() > count) finding->places.resize(count);
  return finding->arranged = true;
}

void ReplyPlaces(Call& call, const Search& search, const std::vector<Place>& places) {
  const uint32_t parts = 1 + search.distances + search.hashes + search.points;
  call.reply.ArrayHeader(places.size());
  for (const Place& place : places) {
    if (parts > 1) call.reply.ArrayHeader(parts);
    call.reply.Bulk(place.member);
    if (search.distances) ReplyLength(call.reply, place.distance / search.unit);
    if (search.hashes) call.reply.Integer(static_cast<int64_t>(place.score));
    if (search.points) ReplyPoint(call.reply, place.point);
  }
}

void StorePlaces(Call& call, const Search& search, const std::vector<Place>& places) {
  std::vector<Element> elements;
  elements.reserve(places.size());
  for (const Place& place : places) {
    const double score = search.store_distances ? place.distance / search.unit : place.score;
    elements.push_back({place.member, score});
  }
  std::sort(elements.begin(), elements.end(), [](const Element& a, const Element& b) {
    return a.score != b.score ? a.score < b.score : a.member < b.member;
  });
  // GEORADIUS names it among its options.
  if (!call.txn.NeedLatch(ShardOf(search.store_key))) return;
  if (!StoreZset(call, search.store_key, elements, search.event)) return;
  if (!elements.empty()) call.txn.extra_changes += static_cast<int64_t>(elements.size()) - 1;
  call.reply.Integer(static_cast<int64_t>(elements.size()));
}

void SearchAndReply(Call& call, const SearchForm& form) {
  Search search;
  search.store = form.stores;
  search.event = form.stores ? "geosearchstore" : "georadiusstore";
  if (form.stores) search.store_key = call.argv[1];
  ZsetValue zset = ZsetOf(call, call.argv[form.key]);
  bool there = false;
  const bool writes = form.may_store || form.stores;
  if (!(writes ? OpenZsetCounted(call, &zset, &there) : OpenZset(call, &zset, &there))) return;
  if (!FixedArgs(call, form, &zset, there, &search) ||
      !Options(call, form, &zset, there, &search) || !Agree(call, form, search)) {
    return;
  }
  Spans spans;
  uint64_t members = 0;
  if (there && !Resolve(call, &zset, search, &spans, &members)) return;
  Finding local;
  Finding* finding = members <= kElementsAtOnce ? nullptr : call.txn.Progress<Finding>();
  if (finding == nullptr) {
    finding = &local;
  } else {
    finding->kept = true;
  }
  if (!Find(call, &zset, search, spans, finding)) return;
  if (!Arrange(call, search, finding)) return;
  search.store ? StorePlaces(call, search, finding->places)
               : ReplyPlaces(call, search, finding->places);
}

}  // namespace

void HandleGeoSearch(Call& call) { SearchAndReply(call, {.searches = true}); }
void HandleGeoSearchStore(Call& call) {
  SearchAndReply(call, {.searches = true, .stores = true, .key = 2, .options = 3});
}
void HandleGeoRadius(Call& call) { SearchAndReply(call, {.may_store = true, .options = 6}); }
void HandleGeoRadiusRo(Call& call) { SearchAndReply(call, {.options = 6}); }
void HandleGeoRadiusByMember(Call& call) {
  SearchAndReply(call, {.by_member = true, .may_store = true, .options = 5});
}
void HandleGeoRadiusByMemberRo(Call& call) {
  SearchAndReply(call, {.by_member = true, .options = 5});
}

}  // namespace cairn

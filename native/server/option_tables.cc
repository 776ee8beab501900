#include "server/option_tables.h"

#include <algorithm>

#include "base/check.h"
#include "engine/options.h"
#include "lsm/lsm_options.h"
#include "server/server_options.h"
#include "vlog/vlog_options.h"

namespace cairn {

namespace {

// In the order of conf/cairn.conf.
constexpr std::string_view kSections[] = {"Network",
                                          "Limits",
                                          "Collections",
                                          "Scripts",
                                          "Threads and input/output",
                                          "Storage",
                                          "Garbage collection and checkpoints",
                                          "Engine lsm",
                                          "Observation"};

size_t PlaceOf(const TableRow& row) {
  const auto found = std::find(std::begin(kSections), std::end(kSections), row.row.section);
  CAIRN_CHECK(found != std::end(kSections));
  return static_cast<size_t>(found - std::begin(kSections));
}

template <typename Table>
void Add(const Table& table, const char* engine, std::vector<TableRow>* rows) {
  for (const auto& option : table) rows->push_back({option.row, engine, ""});
}

void AddServer(std::span<const ServerOption> table, std::vector<TableRow>* rows) {
  for (const ServerOption& option : table) rows->push_back({option.row, nullptr, option.alias});
}

std::vector<TableRow> AllRows() {
  std::vector<TableRow> rows;
  Add(CommonOptions(), nullptr, &rows);
  AddServer(ServerOptionTable(), &rows);
  AddServer(CollectionOptionTable(), &rows);
  Add(VlogOptionTable(), "vlog", &rows);
  Add(lsm::LsmOptionTable(), "lsm", &rows);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const TableRow& a, const TableRow& b) { return PlaceOf(a) < PlaceOf(b); });
  return rows;
}

}  // namespace

const std::vector<TableRow>& OptionTable() {
  static const std::vector<TableRow> rows = AllRows();
  return rows;
}

const TableRow* FindOptionRow(std::string_view name) {
  for (const TableRow& row : OptionTable())
    if (name == row.row.name) return &row;
  return nullptr;
}

}  // namespace cairn

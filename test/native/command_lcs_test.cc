// The bit-parallel LCS against the textbook matrix.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "command/lcs.h"

namespace cairn {
namespace {

using Matches = std::vector<std::vector<size_t>>;

// The whole matrix, walked from the end: on unequal bytes up if that keeps more, else left.
Matches Textbook(const std::string& a, const std::string& b, size_t* length) {
  std::vector<std::vector<uint32_t>> cell(a.size() + 1, std::vector<uint32_t>(b.size() + 1));
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      cell[i][j] =
          a[i - 1] == b[j - 1] ? cell[i - 1][j - 1] + 1 : std::max(cell[i - 1][j], cell[i][j - 1]);
    }
  }
  *length = cell[a.size()][b.size()];
  Matches matches;
  size_t i = a.size();
  size_t j = b.size();
  bool in_match = false;
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      if (!in_match) matches.push_back({i, i, j, j});
      matches.back()[0] = i;
      matches.back()[2] = j;
      in_match = true;
    } else {
      cell[i - 1][j] > cell[i][j - 1] ? --i : --j;
      in_match = false;
    }
  }
  return matches;
}

Matches Walk(Lcs* lcs) {
  Matches matches;
  Lcs::Match match;
  while (lcs->NextMatch(&match)) {
    matches.push_back({match.a_first, match.a_last, match.b_first, match.b_last});
  }
  return matches;
}

void Compare(const std::string& a, const std::string& b) {
  size_t length;
  Matches expected = Textbook(a, b, &length);
  Lcs with_path(a, b, true);
  CHECK(with_path.length() == length);
  CHECK(Lcs(a, b, false).length() == length);
  CHECK(Walk(&with_path) == expected);
}

TEST_CASE("lcs: known strings") {
  Lcs lcs("ohmytext", "mynewtext", true);
  CHECK(lcs.length() == 6);
  CHECK(Walk(&lcs) == Matches{{4, 7, 5, 8}, {2, 3, 0, 1}});
}

TEST_CASE("lcs: empty strings") {
  Compare("", "");
  Compare("", "abc");
  Compare("abc", "");
}

TEST_CASE("lcs: against the matrix, around the word size") {
  std::mt19937 random(1);
  for (size_t columns : {1u, 2u, 63u, 64u, 65u, 127u, 128u, 129u, 200u}) {
    for (size_t rows : {1u, 2u, 64u, 65u, 150u}) {
      for (uint32_t letters : {1u, 2u, 3u, 26u, 256u}) {
        std::string a(rows, '\0');
        std::string b(columns, '\0');
        for (char& c : a) c = static_cast<char>(random() % letters);
        for (char& c : b) c = static_cast<char>(random() % letters);
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(letters);
        Compare(a, b);
      }
    }
  }
}

TEST_CASE("lcs: equal long strings are one match") {
  std::string text(1000, 'x');
  Compare(text, text);
}

}  // namespace
}  // namespace cairn

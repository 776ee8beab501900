// Numbers as clients write and expect them, and as Redis stores them. Pure functions, safe from any
// thread, independent of the process's locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

// Canonical decimal only: no sign but '-', no leading zeros, no blanks, no "-0". False: not such a
// number, or out of range; *out is untouched.
bool ParseInt64(std::string_view text, int64_t* out);
// A SCAN cursor, as strtoul reads it for Redis: a decimal number of 64 bits; a sign is allowed
// ("-1" wraps), blanks are not, a NUL ends it, and nothing at all is 0.
bool ParseCursor(std::string_view text, uint64_t* out);
// The whole text must be one number as strtod reads it (decimal, hexadecimal, inf, infinity); not
// NaN, no leading blank, no overflow, no underflow to zero.
bool ParseDouble(std::string_view text, double* out);
bool ParseLongDouble(std::string_view text, long double* out);

// The formatters write to `out`, which has room for the named number of bytes, and return the
// length; no NUL is added.
inline constexpr size_t kInt64TextBytes = 20;
inline constexpr size_t kDoubleTextBytes = 32;
inline constexpr size_t kLongDoubleTextBytes = 5 * 1024;

size_t FormatInt64(int64_t value, char* out);
size_t FormatUint64(uint64_t value, char* out);
// The shortest digits that read back as the same value: "3", "0.1", "1e+21", "inf", "-inf", "nan".
size_t FormatDouble(double value, char* out);
// INCRBYFLOAT's form: never an exponent, 17 digits after the point at most, trailing zeros cut.
size_t FormatLongDouble(long double value, char* out);

}  // namespace cairn

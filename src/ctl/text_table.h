// Tables and numbers as people read them.
//
// Thread: any. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace siplb::ctl {

inline constexpr size_t kColumns = 80;  // of a terminal

enum class Align : uint8_t { Left, Right };

struct Column {
  const char* title;
  Align align = Align::Left;
};
using Row = std::vector<std::string>;

// A line of titles and a line for each row; no spaces at their ends. Requires: each row has a cell
// for each column.
[[nodiscard]] std::string table_text(const std::vector<Column>& columns,
                                     const std::vector<Row>& rows);

// "  title     value"
[[nodiscard]] std::string sheet_line(const char* title, const std::string& value);

// "12s", "5m", "3h", "2d": the greatest unit of which there is at least one.
[[nodiscard]] std::string age_text(double seconds);
// "0.25 ms"
[[nodiscard]] std::string milliseconds_text(double seconds);
// "512 B", "64.0 KiB", "1.5 GiB"
[[nodiscard]] std::string size_text(uint64_t octets);
// "999", "12.3k", "4.5M": at most five characters up to 999 millions.
[[nodiscard]] std::string count_text(uint64_t count);
// "12 of 500"
[[nodiscard]] std::string of_max_text(uint64_t count, uint64_t max);
// "1 call", "12 calls", "no calls"
[[nodiscard]] std::string plural_text(uint64_t count, const std::string& noun);

}  // namespace siplb::ctl

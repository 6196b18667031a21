#include "ctl/text_table.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace siplb::ctl {
namespace {

std::string line_of(const std::vector<Column>& columns, const std::vector<size_t>& widths,
                    const Row& row) {
  std::string line;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string pad(widths[i] - row[i].size(), ' ');
    if (i > 0) line += "  ";
    line += columns[i].align == Align::Right ? pad + row[i] : row[i] + pad;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string number_text(const char* format, double number) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

}  // namespace

std::string table_text(const std::vector<Column>& columns, const std::vector<Row>& rows) {
  Row titles;
  std::vector<size_t> widths;
  for (const Column& column : columns) {
    titles.emplace_back(column.title);
    widths.push_back(titles.back().size());
  }
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out = line_of(columns, widths, titles);
  for (const Row& row : rows) out += line_of(columns, widths, row);
  return out;
}

std::string sheet_line(const char* title, const std::string& value) {
  std::array<char, 16> start;
  std::snprintf(start.data(), start.size(), "  %-9s ", title);
  return start.data() + value + '\n';
}

std::string age_text(double seconds) {
  struct Unit {
    double seconds;
    char letter;
  };
  for (const Unit& unit : {Unit{86400, 'd'}, Unit{3600, 'h'}, Unit{60, 'm'}}) {
    if (seconds >= unit.seconds) {
      return std::to_string(static_cast<int64_t>(seconds / unit.seconds)) + unit.letter;
    }
  }
  return std::to_string(static_cast<int64_t>(seconds)) + 's';
}

std::string milliseconds_text(double seconds) {
  const double milliseconds = seconds * 1000;
  return number_text(milliseconds < 10 ? "%.2f ms" : "%.0f ms", milliseconds);
}

std::string size_text(uint64_t octets) {
  static constexpr std::array<const char*, 4> kUnits = {"%.1f KiB", "%.1f MiB", "%.1f GiB",
                                                        "%.1f TiB"};
  if (octets < 1024) return std::to_string(octets) + " B";
  double size = static_cast<double>(octets) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  return number_text(kUnits[unit], size);
}

std::string count_text(uint64_t count) {
  if (count < 10'000) return std::to_string(count);
  const auto number = static_cast<double>(count);
  if (count < 1'000'000) return number_text(count < 99'950 ? "%.1fk" : "%.0fk", number / 1e3);
  if (count < 999'500'000) return number_text(count < 99'950'000 ? "%.1fM" : "%.0fM", number / 1e6);
  return number_text("%.1fG", number / 1e9);
}

std::string of_max_text(uint64_t count, uint64_t max) {
  return std::to_string(count) + " of " + std::to_string(max);
}

std::string plural_text(uint64_t count, const std::string& noun) {
  if (count == 0) return "no " + noun + 's';
  return std::to_string(count) + ' ' + noun + (count == 1 ? "" : "s");
}

}  // namespace siplb::ctl

// What is wrong with a configuration file, and where.
//
// Thread: one. Bounds: kFaultsMax faults per list; the rest of a file that bad says nothing new.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace siplb::config {

inline constexpr size_t kFaultsMax = 100;

// Lines and columns count from 1; line 0 means the file as a whole.
struct Place {
  size_t line = 0;
  size_t column = 0;
  auto operator<=>(const Place&) const = default;
};

struct Fault {
  std::string file;
  Place place;
  std::string message;
};

// "siplb.yaml:3:5: unknown key 'adress' (did you mean 'address'?)"
[[nodiscard]] std::string to_text(const Fault& fault);

class FaultList {
 public:
  explicit FaultList(std::string_view file) : file_(file) {}

  void add(Place place, std::string message);
  [[nodiscard]] bool empty() const { return faults_.empty(); }
  // True where what stands at `place` has a fault already.
  [[nodiscard]] bool has(Place place) const;
  // All of them, sorted by place; the list is empty afterwards.
  [[nodiscard]] std::vector<Fault> take_sorted();

 private:
  std::string file_;
  std::vector<Fault> faults_;
};

// `text` from the file as a message may show it: in quotes, cut at 40 octets, without control
// octets, which could play tricks on a terminal.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace siplb::config

#include "app/time_text.h"

#include <ctime>

namespace siplb::app {

std::string time_text(std::chrono::system_clock::time_point time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  const auto rest = std::chrono::floor<std::chrono::milliseconds>(time - whole);
  const std::time_t calendar = std::chrono::system_clock::to_time_t(whole);
  std::tm fields{};
  gmtime_r(&calendar, &fields);
  char text[32];
  const size_t length = std::strftime(text, sizeof text, "%FT%T", &fields);
  const std::string milliseconds = std::to_string(1000 + rest.count()).substr(1);
  return std::string(text, length) + '.' + milliseconds + 'Z';
}

}  // namespace siplb::app

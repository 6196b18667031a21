#include "app/key_file.h"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>

#include <sys/stat.h>

#include "app/whole_file.h"
#include "base/random.h"

namespace siplb::app {
namespace {

constexpr size_t kDigitCount = 2 * sizeof(HashKey::octets);

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

std::string text_of(const HashKey& key) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t octet : key.octets) {
    text += kHexDigits[octet >> 4];
    text += kHexDigits[octet & 15];
  }
  return text + '\n';
}

// The newline may be missing: not every editor writes one.
Result<HashKey> key_of(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() != kDigitCount) return plain_error(ErrorCode::KeyFileMalformed);
  HashKey key;
  const char* digits = text.data();
  for (uint8_t& octet : key.octets) {
    const auto [end, fault] = std::from_chars(digits, digits + 2, octet, 16);
    if (fault != std::errc{} || end != digits + 2) return plain_error(ErrorCode::KeyFileMalformed);
    digits += 2;
  }
  return key;
}

Result<HashKey> load(const std::string& path) {
  const File file(std::fopen(path.c_str(), "re"));
  if (!file) return system_error(ErrorCode::KeyFileOpen);
  char text[kDigitCount + 2];  // one more than a key file has, so that a longer one shows
  const size_t length = std::fread(text, 1, sizeof text, file.get());
  if (std::ferror(file.get()) != 0) return system_error(ErrorCode::KeyFileOpen);
  return key_of({text, length});
}

// One that appeared meanwhile stays.
Result<void> create(const std::string& path) {
  HashKey key;
  if (auto filled = fill_random(key.octets); !filled) return filled;
  if (!write_whole_file(path, text_of(key), IfThere::Keep)) {
    return system_error(ErrorCode::KeyFileOpen);
  }
  return {};
}

}  // namespace

Result<HashKey> load_or_create_key(const std::string& path) {
  const Result<HashKey> key = load(path);
  if (key || key.error().sys_errno != ENOENT) return key;
  if (const Result<void> created = create(path); !created) {
    return tl::unexpected(created.error());
  }
  return load(path);
}

bool key_file_is_exposed(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

}  // namespace siplb::app

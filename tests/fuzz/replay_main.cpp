// Runs a fuzz target over folders of messages, for builds without libFuzzer.
//
// Usage: replay_NAME SHARE FOLDER...
// Each file is given whole, cut at every length, and in a number of mutations from a fixed seed; of
// lengths and mutations one in SHARE.
// Files of a folder called "valid" must scan Ok, those of one called "invalid" must not.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "sip/message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace std::string_view_literals;

constexpr size_t kMutationsPerFile = 500;

void give(const std::string& octets) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(octets.data()), octets.size());
}

void give_cut(const std::string& octets, size_t share) {
  for (size_t length = 0; length < octets.size(); length += share) give(octets.substr(0, length));
}

void give_mutated(const std::string& octets, size_t share, std::mt19937& random) {
  constexpr std::string_view kSalt = "\r\n\t :;,=\"<>@[]\\/?vViItTfFlL09z\0\x01\x80"sv;
  for (size_t round = 0; round < kMutationsPerFile / share; ++round) {
    std::string mutant = octets;
    const size_t at = random() % mutant.size();
    const char salt = kSalt[random() % kSalt.size()];
    switch (round % 4) {
      case 0: mutant[at] = salt; break;
      case 1: mutant.insert(at, 1, salt); break;
      case 2: mutant.erase(at, 1 + random() % 8); break;
      case 3: mutant.insert(at, mutant.substr(random() % mutant.size(), random() % 60)); break;
    }
    give(mutant);
  }
}

bool is_as_its_folder_says(const std::filesystem::path& file, const std::string& octets) {
  const std::string folder = file.parent_path().filename();
  const auto message = std::make_unique<siplb::sip::Message>();
  const siplb::sip::ScanStatus status = siplb::sip::scan(octets, {}, *message);
  const bool ok = status == siplb::sip::ScanStatus::Ok;
  if ((folder != "valid" || ok) && (folder != "invalid" || !ok)) return true;
  const std::string name(siplb::sip::scan_status_name(status));
  std::fprintf(stderr, "%s: scans as %s\n", file.c_str(), name.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  std::mt19937 random(3261);
  const size_t share = argc < 2 ? 0 : std::strtoul(argv[1], nullptr, 10);
  if (share == 0) {
    std::fprintf(stderr, "usage: replay SHARE FOLDER...\n");
    return 2;
  }
  size_t files = 0;
  size_t misjudged = 0;
  for (int i = 2; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string octets{std::istreambuf_iterator<char>(in), {}};
      if (!in || octets.empty()) {
        std::fprintf(stderr, "%s: cannot be read or is empty\n", entry.path().c_str());
        return 1;
      }
      if (!is_as_its_folder_says(entry.path(), octets)) ++misjudged;
      give(octets);
      give_cut(octets, share);
      give_mutated(octets, share, random);
      ++files;
    }
  }
  std::printf("%zu files replayed, %zu misjudged\n", files, misjudged);
  return files != 0 && misjudged == 0 ? 0 : 1;
}

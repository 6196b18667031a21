// Puts each message of the corpus before a lane of siplb, and judges what becomes of it by the
// manifest. Each has a stage of its own.
//
// Usage: corpus. Exit status: 0 = all was treated as it should be.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "stage/fidelity.h"
#include "stage/manifest.h"

namespace siplb::test {
namespace {

const std::filesystem::path kCorpus = SIPLB_SOURCE_DIR "/tests/corpus";

std::string read(const std::filesystem::path& file) {
  std::ifstream in(kCorpus / file, std::ios::binary);
  if (!in) throw std::runtime_error(file.string() + " can't be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

// An answer of our own repeats the request that it belongs to, as far as that could be read.
void check_reply(const std::string& request, const std::string& reply) {
  const auto asked = std::make_unique<sip::Message>();
  const auto told = std::make_unique<sip::Message>();
  if (sip::scan(request, {}, *asked) != sip::ScanStatus::Ok) return;
  if (sip::scan(reply, {}, *told) != sip::ScanStatus::Ok) throw std::logic_error("does not scan");
  const std::string difference = misquoted(*asked, *told);
  if (!difference.empty()) throw std::logic_error("is not repeated: " + difference);
}

// Who judges is judged: a message that lost one more line is not what came. Lines of which a proxy
// may add or take some are left out.
void check_judge(const std::string& came, const std::string& left) {
  const auto before = std::make_unique<sip::Message>();
  const auto after = std::make_unique<sip::Message>();
  const auto less = std::make_unique<sip::Message>();
  static_cast<void>(sip::scan(came, {}, *before));
  static_cast<void>(sip::scan(left, {}, *after));
  for (const sip::Header& header : after->headers()) {
    if (header.id == sip::HeaderId::Route || header.id == sip::HeaderId::RecordRoute ||
        header.id == sip::HeaderId::MaxForwards) {
      continue;
    }
    std::string text = left;
    text.erase(static_cast<size_t>(header.line.data() - left.data()), header.line.size());
    if (sip::scan(text, {}, *less) == sip::ScanStatus::Ok && altered(*before, *less).empty()) {
      throw std::logic_error("the judge does not miss " + std::string(header.name));
    }
  }
}

void check(const Entry& entry, const std::string& text, const Stage::Outcome& outcome) {
  if (outcome.verdict != entry.verdict) throw std::logic_error(outcome.verdict);
  const bool is_silent = entry.verdict.starts_with("drop ") || entry.verdict.starts_with("absorb ");
  if (is_silent != outcome.sent.empty()) {
    throw std::logic_error("sends " + std::to_string(outcome.sent.size()) + " messages");
  }
  if (is_silent) return;
  const std::string& sent = outcome.sent.front().text;
  if (entry.verdict == "forward") {
    check_judge(text, sent);
  } else {
    check_reply(text, sent);
  }
  if (sent.find(entry.text) == std::string::npos) throw std::logic_error("sends\n" + sent);
}

bool play(const Entry& entry, Stage& stage) {
  stage.reset();
  try {
    if (!entry.before.empty()) stage.introduce(read(entry.before));
    if (entry.memory == Memory::Lost) stage.restart();
    const std::string text = stage.fill(read(entry.file));
    const Origin origin = text.starts_with("SIP/") ? Origin::Server : entry.origin;
    check(entry, text, stage.receive(text, origin));
    stage.settle();
    return true;
  } catch (const std::exception& error) {
    std::printf("manifest.txt:%zu: %s: %s, not: %s\n", entry.line, entry.file.c_str(), error.what(),
                entry.verdict.c_str());
    return false;
  }
}

// All files of the folders that the manifest speaks of.
std::set<std::string> files_beside(const std::vector<Entry>& entries) {
  std::set<std::filesystem::path> folders;
  for (const Entry& entry : entries) {
    folders.insert(std::filesystem::path(entry.file).parent_path());
  }
  std::set<std::string> files;
  for (const auto& folder : folders) {
    for (const auto& file : std::filesystem::directory_iterator(kCorpus / folder)) {
      files.insert(file.path().lexically_relative(kCorpus).string());
    }
  }
  return files;
}

int run() {
  const std::vector<Entry> entries = parse_manifest(read("manifest.txt"));
  std::set<std::string> unnamed = files_beside(entries);
  Stage stage;
  size_t wrong = 0;
  for (const Entry& entry : entries) {
    unnamed.erase(entry.file);
    if (!play(entry, stage)) ++wrong;
  }
  for (const std::string& file : unnamed) std::printf("not in the manifest: %s\n", file.c_str());
  std::printf("%zu cases, %zu wrong\n", entries.size(), wrong);
  return wrong == 0 && unnamed.empty() && !entries.empty() ? 0 : 1;
}

}  // namespace
}  // namespace siplb::test

int main() {
  try {
    return siplb::test::run();
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 2;
  }
}

// Names in requests of servers: what they lead to, and which of them the lane asks for. See
// player.h.
#include "scenario/player.h"

namespace siplb::test {
namespace {

sip::Uri uri_of(const std::string& text) {
  sip::Uri uri;
  if (!sip::parse_uri(text, uri)) throw ScriptError("no host: " + text.substr(4));
  return uri;
}

proxy::NamedPlace read_named_place(const std::string& word) {
  const std::string text = "sip:" + word;
  const auto place = proxy::read_place(uri_of(text));
  if (!place) throw ScriptError("no address: " + word);
  return {.address = place->address, .transport = place->transport};
}

}  // namespace

// names HOST PLACE..., or nowhere, or unknown.
void Player::play_names(const Words& words) {
  if (words.size() < 3) throw ScriptError("names HOST PLACE...");
  const std::string text = "sip:" + words[1];
  const auto name = proxy::read_name(uri_of(text));
  if (!name) throw ScriptError("no name: " + words[1]);
  proxy::NameBook book = process_->names();
  book.erase(*name);
  proxy::NameEntry entry{.places = {}, .ask_at = Instant::max()};
  if (words[2] != "nowhere" && words[2] != "unknown") {
    for (size_t i = 2; i < words.size(); ++i) entry.places.push_back(read_named_place(words[i]));
  }
  if (words[2] != "unknown") book.emplace(*name, std::move(entry));
  collect(process_->set_names(std::move(book), tick()));
}

// All names that were asked for since the last time, or nothing.
void Player::play_asked(const Words& words) {
  std::string got;
  for (const std::string& text : process_->take_asked()) got += (got.empty() ? "" : " ") + text;
  if (got.empty()) got = "nothing";
  if (got != joined(words, 1)) throw Difference{"asked for " + got};
}

}  // namespace siplb::test

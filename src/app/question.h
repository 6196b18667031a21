// One question to a name server, and who has some: what stands between those who want to know where
// names lead (lookups.h, wanted_names.h) and the sockets (dns_client.h).
//
// Thread: one, whoever owns the client.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "app/dns_answer.h"
#include "base/time.h"

namespace siplb::app {

struct Question {
  std::string host;
  RecordType type = RecordType::A;
  auto operator<=>(const Question&) const = default;
};

class QuestionSource {
 public:
  virtual ~QuestionSource() = default;
  // When the next question is due; Instant::max() where none waits.
  [[nodiscard]] virtual Instant next_due() const = 0;
  // The question that has been due longest, if any is: it is under way from now on.
  [[nodiscard]] virtual std::optional<Question> take_due(Instant now) = 0;
  // Ends a question. One that nobody asks any more is ignored.
  virtual void on_answer(const Question& question, Answer answer, Instant now) = 0;
};

}  // namespace siplb::app

#include "proxy/mail_class.h"

#include <memory>

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

using net::MailClass;

// From a block of exactly that size, so that reading on is found.
MailClass class_of(std::string_view text) {
  const auto block = std::make_unique<char[]>(text.size());
  text.copy(block.get(), text.size());
  return mail_class_of({block.get(), text.size()});
}

TEST(MailClassTest, ResponsesAndWhatContinuesAdmittedWorkAreUrgent) {
  for (const std::string_view text :
       {"SIP/2.0 200 OK", "sip/2.0 180 Ringing", "ACK sip:a@b SIP/2.0", "BYE sip:a@b SIP/2.0",
        "CANCEL sip:a@b SIP/2.0", "INFO sip:a@b SIP/2.0", "PRACK sip:a@b SIP/2.0",
        "UPDATE sip:a@b SIP/2.0", "\r\n\r\nBYE sip:a@b SIP/2.0"}) {
    EXPECT_EQ(class_of(text), MailClass::Urgent) << text;
  }
}

TEST(MailClassTest, AllElseIsNewWork) {
  for (const std::string_view text :
       {"INVITE sip:a@b SIP/2.0", "REGISTER sip:b SIP/2.0", "OPTIONS sip:b SIP/2.0",
        "SUBSCRIBE sip:a@b SIP/2.0", "NOTIFY sip:a@b SIP/2.0", "MESSAGE sip:a@b SIP/2.0",
        "REFER sip:a@b SIP/2.0", "PUBLISH sip:a@b SIP/2.0", "BYEBYE sip:a@b SIP/2.0",
        "CANCELLED sip:a@b SIP/2.0", "bye sip:a@b SIP/2.0", "SIPS sip:a@b SIP/2.0"}) {
    EXPECT_EQ(class_of(text), MailClass::NewWork) << text;
  }
}

TEST(MailClassTest, TakesTextThatEndsEarlyForNewWork) {
  for (const std::string_view text : {"", "\r\n", "S", "SIP", "B", "BY", " ", " BYE"}) {
    EXPECT_EQ(class_of(text), MailClass::NewWork) << text;
  }
}

}  // namespace
}  // namespace siplb::proxy

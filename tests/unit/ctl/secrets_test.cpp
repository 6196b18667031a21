#include "ctl/secrets.h"

#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

TEST(SecretsTest, TakesOutPasswordsOfUris) {
  EXPECT_EQ(without_secrets("uri: \"sip:alice:s3cret@10.0.0.1:5060\"\n"),
            "uri: \"sip:alice:(removed)@10.0.0.1:5060\"\n");
  EXPECT_EQ(without_secrets("uri: sips:10.0.0.1:5061\n"), "uri: sips:10.0.0.1:5061\n");
}

TEST(SecretsTest, TakesOutWhatStandsBehindWordsForSecrets) {
  EXPECT_EQ(without_secrets("password: abc\n"), "password: (removed)\n");
  EXPECT_EQ(without_secrets("  # Passwd = \"a b c\", for the old box\n"),
            "  # Passwd = (removed), for the old box\n");
  EXPECT_EQ(without_secrets("{key_passphrase: 'a b', x: 1, client_secret: z}\n"),
            "{key_passphrase: (removed), x: 1, client_secret: (removed)}\n");
}

TEST(SecretsTest, LeavesAllElseAsItIs) {
  const std::string text =
      "global:\n  key_file: /var/lib/siplb/key  # 0600\n  token_life: 60d\n\nroutes: []\n";
  EXPECT_EQ(without_secrets(text), text);
  EXPECT_EQ(without_secrets(""), "");
}

}  // namespace
}  // namespace siplb::ctl

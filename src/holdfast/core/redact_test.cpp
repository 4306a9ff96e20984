#include "holdfast/core/redact.hpp"

#include <gtest/gtest.h>

#include "holdfast/base/name.hpp"

namespace holdfast {
namespace {

TEST(Redact, HidesWhatLooksLikeAKey) {
  EXPECT_EQ(redact("Incorrect API key provided: sk-abcdefgh12345678."), "Incorrect API key provided: ***.");
  EXPECT_EQ(redact("Authorization: Bearer abc.def-ghi, retry"), "Authorization: Bearer ***, retry");
  EXPECT_EQ(redact("401 for token=geheim&x=1"), "401 for token=***&x=1");
  EXPECT_EQ(redact("{\"api_key\": \"geheim\"}"), "{\"api_key\": \"***\"}");
  EXPECT_EQ(redact("password: hunter2"), "password: ***");
  EXPECT_EQ(redact("cannot reach https://ana:pw@host:80/v1"), "cannot reach https://***@host:80/v1");
  EXPECT_EQ(redact("id 0123456789abcdef0123456789abcdef"), "id ***");
  EXPECT_EQ(redact("eyJhbGciOiJIUzI1NiJ9"), "***");
}

TEST(Redact, HidesLongQuotationsAndKeepsShortOnes) {
  EXPECT_EQ(redact("the text \"Once upon a time there was a king who had three sons\" is too long"),
            "the text *** is too long");
  EXPECT_EQ(redact("model \"llama3.1:8b\" not found"), "model \"llama3.1:8b\" not found");
  EXPECT_EQ(redact("`Once upon a time there was a king who had three sons"), "***");
  EXPECT_EQ(redact("it can't be done, and nobody's model would do it, said the provider"),
            "it can't be done, and nobody's model would do it, said the provider");
}

TEST(Redact, KeepsSentencesPathsAndNamesAndCutsAt200BytesBetweenCharacters) {
  for (const std::string text :
       {"exit status 1: /out/narrated-video/narration-01.wav: No such file or directory",
        "connection to api.example.com:443 was reset", "model gpt-4o-mini-2024-07-18 is overloaded, try again in 20 s"})
    EXPECT_EQ(redact(text), text);
  EXPECT_EQ(redact(std::string(500, 'x')).size(), 200u);
  std::string umlauts;
  while (umlauts.size() < 300)
    umlauts += "x \xC3\xA4";
  EXPECT_TRUE(is_utf8(redact(umlauts)));
  EXPECT_LE(redact(umlauts).size(), 200u);
  EXPECT_GE(redact(umlauts).size(), 197u);
}

TEST(Redact, EndsASecretAtWhateverDelimitsIt) {
  EXPECT_EQ(redact("password=a,b;c"), "password=***,b;c");
  EXPECT_EQ(redact("secret=a;b"), "secret=***;b");
  EXPECT_EQ(redact("token=a} and token=b) and 'token=c'"), "token=***} and token=***) and 'token=***'");
  EXPECT_EQ(redact("Basic YTpi\nretry"), "Basic ***\nretry");
  EXPECT_EQ(redact("bearer abc is not known"), "bearer *** is not known");
  EXPECT_EQ(redact("api key = abc"), "api key = ***");
  EXPECT_EQ(redact("no password"), "no password") << "nothing stands behind it";
}

TEST(Redact, TellsKeysFromLongNames) {
  EXPECT_EQ(redact("gsk_1234 and hf_a_b_c_d"), "*** and ***");
  EXPECT_EQ(redact("sk-1 is no key"), "sk-1 is no key") << "too short for one";
  EXPECT_EQ(redact("key AbCdEfGhIjKlMnOp+rStUvWx/1"), "key AbCdEfGhIjKlMnOp+rStUvWx/1") << "no digit in the run";
  EXPECT_EQ(redact("+0123456789abcdef+0123456789="), "***");
  EXPECT_EQ(redact("order 012345678901234567890123456789"), "order 012345678901234567890123456789") << "no letter";
  EXPECT_EQ(redact("model one-two-three-four-five-six-7b"), "model one-two-three-four-five-six-7b");
}

TEST(Redact, CutsBetweenCharactersAndKeepsAddressesWithoutAPassword) {
  const std::string umlaut = "\xC3\xA4";
  std::string text(199, ' ');
  EXPECT_EQ(redact(text + umlaut), text) << "half of it would fit";
  EXPECT_EQ(redact(std::string(300, '\x80')), "") << "no character begins in it";
  EXPECT_EQ(redact("cannot reach https://host:80/v1 as ana@host"), "cannot reach https://host:80/v1 as ana@host");
}

}  // namespace
}  // namespace holdfast

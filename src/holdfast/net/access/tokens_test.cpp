#include "holdfast/net/access/tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

using testing::HasSubstr;

TokenEntry entry(std::string name, std::string_view token, std::vector<std::string> scopes) {
  return {.name = std::move(name), .sha256 = sha256_of_token(token), .scopes = std::move(scopes)};
}

Tokens table() {
  const std::vector<TokenEntry> entries = {entry("ana", "hf_ana", {"proxy", "answer"}),
                                           entry("grafana", "hf_grafana", {"read"}),
                                           entry("root", "hf_root", {"admin"}), entry("app", "hf_app", {"proxy"})};
  return *Tokens::make(entries);
}

std::string found(const Fields& fields) {
  const auto match = table().find(fields);
  return match ? match->name : "nobody";
}

TEST(Tokens, AreFoundInEachOfTheThreeFields) {
  EXPECT_EQ(found({{"Authorization", "Bearer hf_ana"}}), "ana");
  EXPECT_EQ(found({{"authorization", "bearer  hf_ana"}}), "ana");
  EXPECT_EQ(found({{"X-Api-Key", "hf_grafana"}}), "grafana");
  EXPECT_EQ(found({{"xi-api-key", "hf_root"}}), "root");
  EXPECT_EQ(found({{"Authorization", "Bearer sk-of-a-provider"}, {"x-api-key", "hf_app"}}), "app");
}

TEST(Tokens, WhatIsNoTokenIsNobodys) {
  EXPECT_EQ(found({}), "nobody");
  EXPECT_EQ(found({{"Authorization", ""}}), "nobody");
  EXPECT_EQ(found({{"Authorization", "Bearer "}}), "nobody");
  EXPECT_EQ(found({{"Authorization", "Basic aGZfYW5h"}}), "nobody");
  EXPECT_EQ(found({{"Authorization", "Bearer hf_an"}}), "nobody");
  EXPECT_EQ(found({{"Authorization", "Bearer hf_ana0"}}), "nobody");
  EXPECT_EQ(found({{"Authorization", "Bearer HF_ANA"}}), "nobody");
  EXPECT_EQ(found({{"Authorization", "Bearer " + sha256_of_token("hf_ana")}}), "nobody") << "a hash is no token";
  EXPECT_EQ(found({{"Cookie", "hf_ana"}}), "nobody");
  EXPECT_FALSE(Tokens().find(Fields{{"Authorization", "Bearer hf_ana"}}));
}

TEST(Tokens, ScopesIncludeWhatTheyMustAndNoMore) {
  const auto allowed = [](std::string_view token) {
    std::string out;
    const auto match = table().find(Fields{{"x-api-key", std::string(token)}});
    for (const Scope each : {Scope::open, Scope::proxy, Scope::read, Scope::answer, Scope::admin}) {
      if (match->allows(each)) out.append(name(each)).append(" ");
    }
    return out;
  };
  EXPECT_EQ(allowed("hf_ana"), "open proxy read answer ");
  EXPECT_EQ(allowed("hf_grafana"), "open read ");
  EXPECT_EQ(allowed("hf_root"), "open proxy read answer admin ");
  EXPECT_EQ(allowed("hf_app"), "open proxy ");
}

TEST(Tokens, KnowTheirOwnInFrontOfAProvider) {
  const Tokens tokens = table();
  EXPECT_TRUE(tokens.knows("Bearer hf_app"));
  EXPECT_TRUE(tokens.knows("hf_app"));
  EXPECT_FALSE(tokens.knows("Bearer sk-of-a-provider"));
  EXPECT_FALSE(tokens.knows(""));
}

TEST(Tokens, AnEntryThatIsNoneIsRefusedByName) {
  const auto why = [](TokenEntry wrong) {
    const auto made = Tokens::make({&wrong, 1});
    EXPECT_FALSE(made);
    if (made) return std::string();
    EXPECT_EQ(made.error().code, Errc::config);
    return made.error().message;
  };
  const std::string hash = sha256_of_token("x");
  EXPECT_THAT(why({.name = "ana", .sha256 = "12", .scopes = {"read"}}), HasSubstr("'ana' has a sha256"));
  EXPECT_THAT(why({.name = "ana", .sha256 = std::string(64, 'g'), .scopes = {"read"}}), HasSubstr("sha256"));
  EXPECT_THAT(why({.name = "ana", .sha256 = hash, .scopes = {"write"}}), HasSubstr("'write'"));
  EXPECT_THAT(why({.name = "ana", .sha256 = hash}), HasSubstr("no scope"));
  EXPECT_THAT(why({.sha256 = hash, .scopes = {"read"}}), HasSubstr("no name"));
}

TEST(Tokens, NewOnesDifferAndAreFoundByTheirHash) {
  const std::string one = new_token(), other = new_token();
  EXPECT_NE(one, other);
  EXPECT_THAT(one, testing::MatchesRegex("hf_[0-9a-f]{64}"));
  const std::vector<TokenEntry> entries = {entry("new", one, {"read"})};
  EXPECT_TRUE(Tokens::make(entries)->find(Fields{{"x-api-key", one}}));
  EXPECT_FALSE(Tokens::make(entries)->find(Fields{{"x-api-key", other}}));
  EXPECT_EQ(sha256_of_token("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace holdfast::net

#include "holdfast/providers/asking/model_list.hpp"

#include <gmock/gmock.h>

namespace holdfast::providers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ModelList, WhatIsNoListIsSaid) {
  EXPECT_FALSE(read_models(wire::Dialect::openai, "<html>"));
  EXPECT_FALSE(read_models(wire::Dialect::ollama, R"({"data":[]})"));
  EXPECT_THAT(*read_models(wire::Dialect::openai, R"({"data":[{"id":"a"},{"id":3},{}]})"), ElementsAre("a"));
  EXPECT_EQ(listed({}), "none");
  EXPECT_THAT(listed(std::vector<std::string>(23, "m")), HasSubstr("and 3 more"));
}

}  // namespace
}  // namespace holdfast::providers

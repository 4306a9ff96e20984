#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/process/spawner.hpp"
#include "holdfast/providers/provider.hpp"

/// For tests: a provider under a real gateway, in a folder that is new for each test.
namespace holdfast::providers {

inline std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ProviderBench : public testing::Test {
 protected:
  ProviderBench() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::path(testing::TempDir()) /
             (std::string("holdfast-") + std::to_string(::getpid()) + "-" + test->name());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  ~ProviderBench() override { std::filesystem::remove_all(folder); }

  /// Runs the call as an anonymous operation, named so that its state can be looked up.
  void run(const Provider& provider, const StageCall& call, std::stop_token stop = {}) {
    gateway.execute_with_patience(
        {.provider_name = provider.info().name,
         .provider_type = provider.info().type,
         .stage_name = call.stage_name.empty() ? "stage" : call.stage_name,
         .correlation_id = "call"},
        provider.heartbeat(), [&](OperationContext& op) { provider.run(call, op); }, stop);
  }
  ProviderFault fault_of(const Provider& provider, const StageCall& call) {
    try {
      run(provider, call);
    } catch (const ProviderError& error) {
      return error.fault();
    }
    ADD_FAILURE() << "the call was expected to fail";
    return {};
  }
  Progress progress() { return gateway.provider_state("call")->progress.value_or(Progress{}); }

  std::filesystem::path folder;
  process::Spawner spawner;
  Gateway gateway;
};

}  // namespace holdfast::providers

// Images, watched by a percentage: it is progress only when it rises above the highest seen.
#include <holdfast/holdfast.hpp>
#include <iostream>

#include "slow_provider.hpp"

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  const auto images = std::make_shared<SlowProvider>(5ms);
  const auto heartbeat =
      holdfast::percentage_heartbeat([images] { return 100.0 * static_cast<double>(images->done()) / 20.0; },
                                     {.interval = 20ms, .stall_multiplier = 200});
  const auto paths = gateway.execute_with_patience({.job_id = "job-12345",
                                                    .provider_name = "StableDiffusion",
                                                    .provider_type = "image_gen",
                                                    .stage_name = "visual-generation",
                                                    .correlation_id = "corr-67890"},
                                                   heartbeat, [&](holdfast::OperationContext& operation) {
                                                     images->work(20, operation.stop_token());
                                                     return std::vector<std::string>{"scene-1.png", "scene-2.png"};
                                                   });
  for (const std::string& path : paths)
    std::cout << "Image: " << path << '\n';
}

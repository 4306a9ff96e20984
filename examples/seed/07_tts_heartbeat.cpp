// Speech, watched by the audio chunks that have come.
#include <holdfast/holdfast.hpp>
#include <iostream>

#include "slow_provider.hpp"

int main() {
  using namespace std::chrono_literals;
  holdfast::Gateway gateway;
  const auto speech = std::make_shared<SlowProvider>(5ms);
  const auto heartbeat =
      holdfast::tts_chunk_heartbeat([speech] { return speech->done(); }, {.interval = 10ms, .stall_multiplier = 300});
  const std::string audio_path = gateway.execute_with_patience({.job_id = "job-12345",
                                                                .provider_name = "ElevenLabs",
                                                                .provider_type = "tts",
                                                                .stage_name = "tts-synthesis",
                                                                .correlation_id = "corr-67890"},
                                                               heartbeat, [&](holdfast::OperationContext& operation) {
                                                                 speech->work(20, operation.stop_token());
                                                                 return std::string("narration.wav");
                                                               });
  std::cout << "Audio: " << audio_path << '\n';
}

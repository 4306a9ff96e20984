// The same provider, waited for by two kinds of people.
#include <holdfast/holdfast.hpp>
#include <iostream>

int main() {
  const auto profiles = holdfast::TimeoutProfiles::defaults();
  const auto conservative = profiles.for_provider("Ollama", "conservative");
  const auto long_form = profiles.for_provider("Ollama", "longForm");
  std::cout << "Conservative profile:\n"
            << "  Extended threshold: " << conservative.extended_threshold.count() << "ms\n"
            << "Long-form profile:\n"
            << "  Extended threshold: " << long_form.extended_threshold.count() << "ms\n";
}

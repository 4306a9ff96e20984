#include "holdfast/gateway/job_id.hpp"

#include <random>

#include "holdfast/base/name.hpp"
#include "holdfast/base/text.hpp"

namespace holdfast {

std::string new_job_id(std::string_view name, std::size_t letters) {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford's: no i, l, o, u
  std::random_device random;
  std::string id(cut_to_bytes(name.empty() ? "job" : name, name_bytes_max - 1 - letters));
  id += '-';
  for (std::size_t i = 0; i < letters; ++i)
    id += alphabet[random() % alphabet.size()];
  return id;
}

}  // namespace holdfast

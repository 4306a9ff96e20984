#pragma once

#include <functional>
#include <vector>

#include "holdfast/api/json.hpp"
#include "holdfast/config/config.hpp"
#include "holdfast/providers/catalogue.hpp"

namespace holdfast::cli {

/// Everybody who can serve a stage; with `check`, what prevents each from working here.
std::vector<api::ProviderView> provider_views(const providers::Catalogue& catalogue, const Config& config, bool check);

/// The same, asked for whenever somebody wants to know; from any thread.
using ProviderViews = std::function<std::vector<api::ProviderView>()>;

}  // namespace holdfast::cli

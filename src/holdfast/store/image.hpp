#pragma once

#include "holdfast/core/event.hpp"
#include "holdfast/core/news.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::store {

/// What a record changes about its job, for stores that keep jobs as values.
void fold(event::JobImage& job, const News& record);
/// What a record adds to the counts that are kept over all time.
void count(Statistics& statistics, const News& record);

}  // namespace holdfast::store

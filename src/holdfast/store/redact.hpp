#pragma once

#include "holdfast/core/news.hpp"

namespace holdfast::store {

/// The record of a piece of news as it is kept: words of providers in it are redacted.
News redacted(News news);

}  // namespace holdfast::store

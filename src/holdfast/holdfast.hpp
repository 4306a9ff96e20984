#pragma once

#include "holdfast/base/error.hpp"                 // Errc, Error, result
#include "holdfast/base/wall_time.hpp"             // durations and times as text
#include "holdfast/core/decision.hpp"              // FallbackDecision
#include "holdfast/core/lock.hpp"                  // ProviderLock
#include "holdfast/core/news.hpp"                  // what subscriptions hear
#include "holdfast/core/question.hpp"              // Question, Answer
#include "holdfast/gateway/async.hpp"              // Gateway's coroutine form
#include "holdfast/gateway/gateway.hpp"            // Gateway, ScopedProviderLock
#include "holdfast/gateway/heartbeat.hpp"          // HeartbeatStrategy
#include "holdfast/profiles/timeout_profiles.hpp"  // TimeoutProfiles
#include "holdfast/store/store.hpp"                // Statistics, the store port

#pragma once

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "holdfast/gateway/gateway.hpp"

/// `Gateway::async_execute_with_patience`, apart, so that only those who use coroutines compile Asio.
namespace holdfast {

namespace gateway {
template <class T>
struct Completion {
  using type = void(std::exception_ptr, T);
};
template <>
struct Completion<void> {
  using type = void(std::exception_ptr);
};
/// `begin(callback)` begins something that calls back once, from any thread, with a `result<T>`; the handler then runs
/// on its own executor.
template <class T, class Token, class Begin>
auto async_begin(Begin begin, Token&& token) {
  return boost::asio::async_initiate<Token, void(std::exception_ptr, T)>(
      [](auto handler, Begin begin) {
        const auto executor = boost::asio::get_associated_executor(handler);
        auto guard = boost::asio::make_work_guard(executor);
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        begin([shared, executor, guard = std::move(guard)](result<T> outcome) mutable {
          // The guard goes along: the context may be gone when whoever calls this comes to forget it. And the handler
          // waits until its poster has left the context, which may go when the handler has run.
          const auto posted = std::make_shared<std::atomic<bool>>(false);
          boost::asio::post(executor, [handler = std::move(*shared), outcome = std::move(outcome),
                                       guard = std::move(guard), posted]() mutable {
            posted->wait(false);
            if (outcome) {
              std::move(handler)(std::exception_ptr(), std::move(*outcome));
            } else {
              std::move(handler)(std::make_exception_ptr(Error(outcome.error().code, outcome.error().message)), T{});
            }
          });
          posted->store(true);
          posted->notify_one();
        });
      },
      token, std::move(begin));
}
}  // namespace gateway

template <class Token>
auto Gateway::async_lock_provider(LockRequest request, Token&& token) {
  return gateway::async_begin<ProviderLock>(
      [this, request = std::move(request)](Handler<ProviderLock> handler) mutable {
        begin_lock(std::move(request), std::move(handler));
      },
      std::forward<Token>(token));
}

template <class Token>
auto Gateway::async_governing_lock(std::string job_id, std::string stage, Token&& token) {
  return gateway::async_begin<std::optional<GoverningLock>>(
      [this, job_id = std::move(job_id), stage = std::move(stage)](Handler<std::optional<GoverningLock>> handler) {
        begin_governing_lock(job_id, stage, std::move(handler));
      },
      std::forward<Token>(token));
}

template <class Token>
auto Gateway::async_answer(Answer answer, Token&& token) {
  return gateway::async_begin<AnswerResult>(
      [this, answer = std::move(answer)](Handler<AnswerResult> handler) mutable {
        begin_answer(std::move(answer), std::move(handler));
      },
      std::forward<Token>(token));
}

template <class Token>
auto Gateway::async_cancel(CancelRequest request, Token&& token) {
  return gateway::async_begin<AnswerResult>(
      [this, request = std::move(request)](Handler<AnswerResult> handler) mutable {
        begin_cancel(std::move(request), std::move(handler));
      },
      std::forward<Token>(token));
}

template <class Function, class Token>
auto Gateway::async_execute_with_patience(OperationRequest request, SharedHeartbeat heartbeat, Function function,
                                          Token&& token, std::stop_token stop) {
  using Awaitable = std::invoke_result_t<Function, OperationContext&>;
  using T = typename Awaitable::value_type;
  using Signature = typename gateway::Completion<T>::type;
  const auto coroutine = [](Gateway& gateway, OperationRequest request, SharedHeartbeat heartbeat, Function function,
                            std::stop_token stop) -> boost::asio::awaitable<T> {
    auto open = [&gateway, &request, &heartbeat, &stop](Handler<gateway::HeldCall> handler) {
      gateway.async_open_call(std::move(request), heartbeat, std::move(stop), std::move(handler));
    };
    auto opening = gateway::async_begin<gateway::HeldCall>(std::move(open), boost::asio::use_awaitable);
    const gateway::HeldCall held = co_await std::move(opening);
    const std::shared_ptr<gateway::Call>& call = held.call();
    OperationContext context(call);
    std::exception_ptr error;
    try {
      auto running = function(context);
      if constexpr (std::is_void_v<T>) {
        co_await std::move(running);
        close_returned(*call, EndIsTold::here);
        co_return;
      } else {
        T value = co_await std::move(running);
        close_returned(*call, EndIsTold::here);
        co_return value;
      }
    } catch (...) {
      error = std::current_exception();
    }
    // Whoever awaits it may have cancelled it: what the function threw then says nothing about the provider.
    const auto asked = co_await boost::asio::this_coro::cancellation_state;
    close_failed(*call, error, EndIsTold::here, asked.cancelled() != boost::asio::cancellation_type::none);
    std::rethrow_exception(error);
  };
  // The handler's executor is the one of the coroutine that awaits: there the function runs.
  return boost::asio::async_initiate<Token, Signature>(
      [this, coroutine](auto handler, OperationRequest asked, SharedHeartbeat beat, Function call,
                        std::stop_token stop) {
        const auto executor = boost::asio::get_associated_executor(handler);
        auto work = coroutine(*this, std::move(asked), std::move(beat), std::move(call), std::move(stop));
        boost::asio::co_spawn(executor, std::move(work), std::move(handler));
      },
      token, std::move(request), std::move(heartbeat), std::move(function), std::move(stop));
}

}  // namespace holdfast

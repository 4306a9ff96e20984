#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
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
}  // namespace gateway

template <class Function, class Token>
auto Gateway::async_execute_with_patience(OperationRequest request, SharedHeartbeat heartbeat, Function function,
                                          Token&& token) {
  using Awaitable = std::invoke_result_t<Function, OperationContext&>;
  using T = typename Awaitable::value_type;
  using Signature = typename gateway::Completion<T>::type;
  const auto coroutine = [](Gateway& gateway, OperationRequest request, SharedHeartbeat heartbeat,
                            Function function) -> boost::asio::awaitable<T> {
    auto opening = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&,
                                               void(std::exception_ptr, std::shared_ptr<gateway::Call>)>(
        [&gateway](auto handler, OperationRequest asked, SharedHeartbeat beat) {
          const auto executor = boost::asio::get_associated_executor(handler);
          const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
          gateway.async_open_call(std::move(asked), std::move(beat), [shared, executor](auto opened) {
            boost::asio::post(executor, [shared, opened = std::move(opened)]() mutable {
              if (opened) {
                (*shared)(std::exception_ptr(), *opened);
              } else {
                (*shared)(std::make_exception_ptr(Error(opened.error().code, opened.error().message)), nullptr);
              }
            });
          });
        },
        boost::asio::use_awaitable, std::move(request), std::move(heartbeat));
    const std::shared_ptr<gateway::Call> call = co_await std::move(opening);
    OperationContext context(call);
    std::exception_ptr error;
    try {
      auto running = function(context);
      if constexpr (std::is_void_v<T>) {
        co_await std::move(running);
        close_returned(*call);
        co_return;
      } else {
        T value = co_await std::move(running);
        close_returned(*call);
        co_return value;
      }
    } catch (...) {
      error = std::current_exception();
    }
    close_failed(*call, error);
    std::rethrow_exception(error);
  };
  // The handler's executor is the one of the coroutine that awaits: there the function runs.
  return boost::asio::async_initiate<Token, Signature>(
      [this, coroutine](auto handler, OperationRequest asked, SharedHeartbeat beat, Function call) {
        const auto executor = boost::asio::get_associated_executor(handler);
        auto work = coroutine(*this, std::move(asked), std::move(beat), std::move(call));
        boost::asio::co_spawn(executor, std::move(work), std::move(handler));
      },
      token, std::move(request), std::move(heartbeat), std::move(function));
}

}  // namespace holdfast

#include "holdfast/net/memory_stream.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

namespace holdfast::net {
namespace {

namespace asio = boost::asio;

/// One direction.
struct Pipe {
  explicit Pipe(const Executor& executor) : changed(executor) {}

  std::string held;
  bool writer_done = false;
  bool reader_gone = false;
  bool reset = false;
  Signal changed;
};

class MemoryStream final : public Stream {
 public:
  MemoryStream(Executor executor, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, MemoryOptions options)
      : executor_(std::move(executor)), in_(std::move(in)), out_(std::move(out)), options_(options) {}
  ~MemoryStream() override { MemoryStream::close(); }

  awaitable<Transfer> read_some(std::span<char> into) override {
    const std::shared_ptr<Pipe> in = in_;
    while (!closed_ && in->held.empty() && !in->writer_done) {
      auto waiting = in->changed.wait();
      const Woken woken = co_await std::move(waiting);
      if (woken == Woken::cancelled) co_return Transfer{asio::error::operation_aborted, 0};
    }
    if (closed_) co_return Transfer{asio::error::operation_aborted, 0};
    if (in->reset) co_return Transfer{asio::error::connection_reset, 0};
    if (in->held.empty()) co_return Transfer{asio::error::eof, 0};
    const std::size_t bytes = std::min({into.size(), in->held.size(), options_.read_bytes_max});
    std::memcpy(into.data(), in->held.data(), bytes);
    in->held.erase(0, bytes);
    in->changed.notify();
    co_return Transfer{{}, bytes};
  }

  awaitable<Transfer> write(std::string_view first, std::string_view second, std::string_view third) override {
    const std::shared_ptr<Pipe> out = out_;
    Transfer done;
    for (std::string_view part : {first, second, third}) {
      while (!part.empty()) {
        if (closed_) done.error = asio::error::operation_aborted;
        if (!closed_ && (out->reader_gone || out->writer_done)) done.error = asio::error::broken_pipe;
        if (done.error) co_return done;
        const std::size_t bytes = std::min(part.size(), options_.held_bytes_max - out->held.size());
        out->held.append(part.substr(0, bytes));
        part.remove_prefix(bytes);
        done.bytes += bytes;
        if (bytes > 0) out->changed.notify();
        if (part.empty()) break;
        auto waiting = out->changed.wait();
        const Woken woken = co_await std::move(waiting);
        if (woken == Woken::cancelled) done.error = asio::error::operation_aborted;
        if (done.error) co_return done;
      }
    }
    co_return done;
  }

  awaitable<error_code> shutdown() override {
    out_->writer_done = true;
    out_->changed.notify();
    co_return error_code();
  }

  void close() noexcept override {
    closed_ = true;
    out_->writer_done = true;
    in_->reader_gone = true;
    out_->changed.notify();
    in_->changed.notify();
  }

  void reset() noexcept override {
    if (closed_) return;
    out_->reset = true;
    close();
  }

  bool silent() noexcept override { return !closed_ && in_->held.empty() && !in_->writer_done; }

  const Peer& peer() const noexcept override { return peer_; }
  Executor executor() override { return executor_; }

 private:
  Executor executor_;
  std::shared_ptr<Pipe> in_, out_;
  MemoryOptions options_;
  Peer peer_{.text = "memory"};
  bool closed_ = false;
};

}  // namespace

std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(const Executor& executor,
                                                                        MemoryOptions options) {
  const auto one = std::make_shared<Pipe>(executor);
  const auto other = std::make_shared<Pipe>(executor);
  return {std::make_unique<MemoryStream>(executor, one, other, options),
          std::make_unique<MemoryStream>(executor, other, one, options)};
}

}  // namespace holdfast::net

#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <memory>

#include "holdfast/net/stream.hpp"

/// For what makes sockets: `connect` and `listen`. Others see `Stream` only.
namespace holdfast::net {

/// Connected sockets as streams, with their options set.
std::unique_ptr<Stream> make_stream(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Stream> make_stream(boost::asio::local::stream_protocol::socket socket);

}  // namespace holdfast::net

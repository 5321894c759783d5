// Addresses of the data plane, and the sockets that listen there.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "data/session.h"
#include "restored/error.h"

namespace restored::data {

// "HOST:PORT", "[IPv6]:PORT", ":PORT" or "*:PORT" for all addresses; a name is looked up.
// Errors: invalid_configuration, address_in_use, permission_denied, io_error.
Result<boost::asio::ip::tcp::acceptor> listen_tcp(boost::asio::io_context& context,
                                                  const std::string& address);

// Replaces a socket file that nobody serves any more.
Result<boost::asio::local::stream_protocol::acceptor> listen_unix(boost::asio::io_context& context,
                                                                  const std::string& path);

// "127.0.0.1:6379", "[::1]:6379".
std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

// Sends small replies at once, notices dead peers after about twice the time.
void tune(boost::asio::ip::tcp::socket& socket, unsigned keepalive_seconds);

}  // namespace restored::data

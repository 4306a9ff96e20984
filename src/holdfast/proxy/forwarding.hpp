#pragma once

#include <string>
#include <string_view>

#include "holdfast/net/message.hpp"
#include "holdfast/proxy/options.hpp"

/// A head of one hop becomes the head of the next. Pure.
namespace holdfast::proxy {

/// What a client's head becomes for the provider: fields of the hop and Holdfast's own stay here; the provider's key
/// takes the place of the client's, or the client's is passed on unless it is one of Holdfast's tokens, or `moved`: a
/// decision has brought the request here, and the key was meant for another provider. The answer is asked for
/// uncompressed, since it is read on its way. `Content-Length` is left to whoever sends the body.
net::RequestHead request_for(const ProviderOptions& provider, const net::RequestHead& from, std::string target,
                             const net::Tokens& tokens, bool moved);

/// Whose server an answer's head says that it is from. OpenAI's says so through whoever passes its fields on, and then
/// the body may be passed on otherwise: for what comes, and not for what to ask.
wire::Server server_said(const net::ResponseHead& head);

/// What a provider's head becomes for the client: fields of the hop stay here. `keeps_length`: the body is passed on
/// byte by byte, as long as its head says.
net::Fields fields_for_client(const net::ResponseHead& from, bool keeps_length);

}  // namespace holdfast::proxy

#pragma once

#include "holdfast/net/tls/tls.hpp"

/// What the sources of this folder share.
namespace holdfast::net {

/// What a certificate's verification came to, if that is not good; else OpenSSL's error of this thread, which is taken
/// from its queue.
error_code tls_error(long verification);

}  // namespace holdfast::net

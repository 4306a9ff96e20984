#include "holdfast/cli/serve/token_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "holdfast/api/json.hpp"
#include "holdfast/net/access/tokens.hpp"

namespace holdfast::cli {

std::string new_token_text(const std::string& name, const std::vector<std::string>& scopes, bool json) {
  const std::string token = net::new_token();
  const boost::json::array list(scopes.begin(), scopes.end());
  const std::string sha256 = net::sha256_of_token(token);
  if (json) {
    return api::text(boost::json::object{{"token", token}, {"name", name}, {"sha256", sha256}, {"scopes", list}}) +
           "\n";
  }
  return "Client token (shown only once): " + token +
         "\n\nFor the configuration:\n\n[[server.tokens]]\nname = " + api::text(boost::json::string(name)) +
         "\nsha256 = \"" + sha256 + "\"\nscopes = " + api::text(list) + "\n";
}

}  // namespace holdfast::cli

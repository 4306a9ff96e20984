#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "holdfast/net/tls/tls.hpp"
#include "holdfast/net/tls/tls_driver.hpp"

/// Certificates, keys and roots as files.
namespace holdfast::net {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class TlsContextTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("holdfast-tls-context-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    ::chmod(folder_.c_str(), 0755);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::trunc) << text;
    return path;
  }

  static std::string server_problem(const std::string& certificate, const std::string& key) {
    const auto context = TlsServerContext::load(certificate, key);
    if (context) return "";
    EXPECT_EQ(context.error().code, Errc::config);
    return context.error().message;
  }
  static std::string client_problem(const std::string& ca_file) {
    const auto context = TlsClientContext::make(ca_file);
    if (context) return "";
    EXPECT_EQ(context.error().code, Errc::config);
    return context.error().message;
  }

  fs::path folder_;
  Authority authority_;
  Issued issued_ = authority_.issue();
};

TEST_F(TlsContextTest, AServersFilesAreNamedWithWhatIsWrong) {
  const std::string chain = file("chain.pem", issued_.certificate_pem() + authority_.certificate_pem());
  const std::string key = file("key.pem", issued_.key_pem());
  EXPECT_EQ(server_problem(chain, key), "");
  const std::string missing = (folder_ / "missing.pem").string();
  EXPECT_THAT(server_problem(missing, key), AllOf(HasSubstr(missing), HasSubstr("No such file")));
  EXPECT_THAT(server_problem(chain, missing), AllOf(HasSubstr(missing), HasSubstr("No such file")));
  EXPECT_THAT(server_problem(folder_.string(), key), AllOf(HasSubstr(folder_.string()), HasSubstr("directory")));
  EXPECT_THAT(server_problem(key, key), AllOf(HasSubstr(key), HasSubstr("no certificate in PEM")));
  EXPECT_THAT(server_problem(chain, chain), AllOf(HasSubstr(chain), HasSubstr("no private key in PEM")));
  EXPECT_THAT(server_problem(file("empty.pem", ""), key), HasSubstr("no certificate in PEM"));
  const std::string other = file("other.pem", authority_.issue().key_pem());
  EXPECT_THAT(server_problem(chain, other), AllOf(HasSubstr(other), HasSubstr("not the key of"), HasSubstr(chain)));
  const std::string locked = file("locked.pem", issued_.key_pem("secret"));
  EXPECT_THAT(server_problem(chain, locked), AllOf(HasSubstr(locked), HasSubstr("pass phrase")));
  std::string damaged = issued_.certificate_pem();
  damaged[damaged.size() / 2] = '*';
  EXPECT_THAT(server_problem(file("damaged.pem", issued_.certificate_pem() + damaged), key), HasSubstr("damaged"));
  EXPECT_THAT(server_problem(file("large.pem", std::string(tls_file_bytes_max + 1, 'x')), key), HasSubstr("4 MiB"));
}

TEST_F(TlsContextTest, AKeyThatMayNotBeReadIsSaidToBeSo) {
  const std::string chain = file("chain.pem", issued_.certificate_pem());
  const std::string key = file("key.pem", issued_.key_pem());
  ::chmod(key.c_str(), 0);
  // To root nothing is forbidden: become somebody else meanwhile.
  const uid_t before = ::geteuid();
  if (before == 0) {
    ASSERT_EQ(::seteuid(65'534), 0);
  }
  const std::string problem = server_problem(chain, key);
  ASSERT_EQ(::seteuid(before), 0);
  EXPECT_THAT(problem, AllOf(HasSubstr(key), HasSubstr("Permission denied")));
}

TEST_F(TlsContextTest, ReloadingTakesTheNewFilesOrLeavesEverythingAsItWas) {
  const std::string chain = file("chain.pem", issued_.certificate_pem());
  const std::string key = file("key.pem", issued_.key_pem());
  auto context = TlsServerContext::load(chain, key);
  ASSERT_TRUE(context);
  const TlsServerContext copy = *context;
  const auto first = copy.current();
  const Issued next = authority_.issue();
  file("chain.pem", next.certificate_pem());
  const auto half_way = context->reload();
  ASSERT_TRUE(half_way.has_error());
  EXPECT_THAT(half_way.error().message, HasSubstr("not the key of"));
  EXPECT_EQ(copy.current(), first);
  file("key.pem", next.key_pem());
  EXPECT_TRUE(context->reload());
  EXPECT_NE(copy.current(), first) << "a reload is seen through every copy";
}

TEST_F(TlsContextTest, AClientsRootsAreNamedWithWhatIsWrong) {
  EXPECT_EQ(client_problem(file("ca.pem", authority_.certificate_pem() + Authority("Other").certificate_pem())), "");
  const std::string missing = (folder_ / "missing.pem").string();
  EXPECT_THAT(client_problem(missing), AllOf(HasSubstr(missing), HasSubstr("No such file")));
  EXPECT_THAT(client_problem(file("empty.pem", "nothing\n")), HasSubstr("no certificate in PEM"));
}

TEST_F(TlsContextTest, ASystemWithoutRootsIsAnErrorAndNotATrustInNobody) {
  ::setenv("SSL_CERT_FILE", (folder_ / "none.pem").c_str(), 1);
  ::setenv("SSL_CERT_DIR", (folder_ / "none").c_str(), 1);
  EXPECT_THAT(client_problem(""), HasSubstr("no root certificates"));
  ::setenv("SSL_CERT_FILE", file("ca.pem", authority_.certificate_pem()).c_str(), 1);
  EXPECT_EQ(client_problem(""), "");
  ::unsetenv("SSL_CERT_FILE");
  ::unsetenv("SSL_CERT_DIR");
}

}  // namespace
}  // namespace holdfast::net

// The real server itself, seen through curl: so that what the other tests find is not its starter's
// doing.
#include "ceph_gateway.h"

namespace restored::test {
namespace {

TEST_F(CephGatewayTest, ObjectsOutliveAKilledGateway) {
  ASSERT_TRUE(gateway().make_bucket("starter"));
  EXPECT_EQ(gateway().curl("PUT", "/starter/a/b", {"--data-binary", "content"}).status, 200);
  EXPECT_EQ(gateway().count("/starter?list-type=2&prefix=a", "<Contents>"), 1u);
  ASSERT_TRUE(gateway().kill_gateway());
  EXPECT_EQ(gateway().curl("GET", "/starter/a/b").status, 0);
  ASSERT_TRUE(gateway().start_gateway());
  EXPECT_EQ(gateway().curl("GET", "/starter/a/b").body, "content");
}

TEST_F(CephGatewayTest, SignaturesAreChecked) {
  ASSERT_TRUE(gateway().make_bucket("signed"));
  EXPECT_EQ(gateway().curl("PUT", "/signed/a", {"--user", "nobody:nothing"}).status, 403);
  EXPECT_EQ(
      gateway().curl("PUT", "/signed/a", {"--user", gateway().access_key() + ":wrong"}).status,
      403);
  EXPECT_EQ(gateway().curl("GET", "/signed/a").status, 404);
}

TEST_F(CephGatewayTest, CertificateIsTrustedOnlyWhenItIsGiven) {
  // Two transfers in one call: the one with TLS is the first, its status stands before the other's.
  const std::string tls = gateway().tls_endpoint() + "/";
  EXPECT_EQ(gateway().curl("GET", "/", {"--url", tls}).body.find("\n000"), 0u);
  const auto trusted = gateway().curl("GET", "/", {"--cacert", gateway().ca_file(), "--url", tls});
  EXPECT_NE(trusted.body.find("\n200"), std::string::npos) << trusted.body;
}

}  // namespace
}  // namespace restored::test

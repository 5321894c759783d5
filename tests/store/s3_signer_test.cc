// The published vectors of AWS Signature Version 4, and what they do not say.
#include "store/s3_signer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

namespace restored::store {
namespace {

// The two accounts of the vectors: published, and nobody's.
Credentials example_of_s3() {
  Credentials made;
  made.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  made.secret_access_key = SecretText::copy("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return made;
}
Credentials example_of_suite() {
  Credentials made;
  made.access_key_id = "AKIDEXAMPLE";
  made.secret_access_key = SecretText::copy("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  return made;
}

constexpr UnixMillis may_2013 = 1'369'353'600'000;  // 2013-05-24T00:00:00Z

std::string header_of(const net::Request& request, std::string_view name) {
  const auto at = std::ranges::find(request.headers, name, &net::Header::first);
  return at == request.headers.end() ? std::string() : at->second;
}

std::string sha256_of(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span(text)));
}

struct S3Vector {
  const char* name;
  const char* method;
  std::string target;
  std::vector<net::Header> headers;
  const char* body;
  const char* signed_headers;
  const char* signature;
};

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples".
TEST(S3SignerTest, SignsTheExamplesOfTheS3Documentation) {
  const std::vector<S3Vector> vectors = {
      {"GET Object",
       "GET",
       "/test.txt",
       {{"Range", "bytes=0-9"}},
       "",
       "host;range;x-amz-content-sha256;x-amz-date",
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PUT Object",
       "PUT",
       "/" + encode_path("test$file.text"),
       {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
       "Welcome to Amazon S3.",
       "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GET Bucket Lifecycle",
       "GET",
       "/?" + canonical_query({{"lifecycle", ""}}),
       {},
       "",
       "host;x-amz-content-sha256;x-amz-date",
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"List Objects",
       "GET",
       "/?" + canonical_query({{"prefix", "J"}, {"max-keys", "2"}}),
       {},
       "",
       "host;x-amz-content-sha256;x-amz-date",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  for (const S3Vector& vector : vectors) {
    SCOPED_TRACE(vector.name);
    net::Request request{vector.method, vector.target, vector.headers, {}};
    request.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    request.headers.emplace_back("User-Agent", "not signed");
    sign(request, {.region = "us-east-1"}, example_of_s3(), may_2013, sha256_of(vector.body));
    EXPECT_EQ(header_of(request, "x-amz-date"), "20130524T000000Z");
    EXPECT_EQ(header_of(request, "x-amz-content-sha256"), sha256_of(vector.body));
    EXPECT_EQ(header_of(request, "Authorization"),
              std::string("AWS4-HMAC-SHA256 "
                          "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                          "SignedHeaders=") +
                  vector.signed_headers + ", Signature=" + vector.signature);
  }
}

// The canonical request of the first of them, as the documentation shows it.
TEST(S3SignerTest, CanonicalRequestIsTheDocumentedOne) {
  const net::Request request{"GET",
                             "/test.txt",
                             {{"Host", "examplebucket.s3.amazonaws.com"},
                              {"Range", "bytes=0-9"},
                              {"x-amz-content-sha256", std::string(empty_payload_sha256_hex)},
                              {"x-amz-date", "20130524T000000Z"}},
                             {}};
  const CanonicalRequest made = canonical_request(request, empty_payload_sha256_hex);
  EXPECT_EQ(made.text,
            "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
            "x-amz-content-sha256:"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
            "x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of(made.text),
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
}

struct SuiteVector {
  const char* name;
  const char* method;
  std::string target;
  std::vector<net::Header> headers;
  const char* body;
  const char* signature;
};

std::vector<SuiteVector> suite() {
  const std::string unreserved =
      "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const std::string utf8 = "\xe1\x88\xb4";
  const std::string token =
      "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpS"
      "PfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYw"
      "T7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKml"
      "zm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
  return {
      {"get-vanilla",
       "GET",
       "/",
       {},
       "",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       "GET",
       "/",
       {{"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\" "}},
       "",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-unreserved",
       "GET",
       "/" + encode_path(unreserved),
       {},
       "",
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-utf8",
       "GET",
       "/" + encode_path(utf8),
       {},
       "",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/?" + canonical_query({{"Param1", "value1"}}),
       {},
       "",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/?" + canonical_query({{"Param2", "value2"}, {"Param1", "value1"}}),
       {},
       "",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/?" + canonical_query({{unreserved, unreserved}}),
       {},
       "",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/?" + canonical_query({{utf8, "bar"}}),
       {},
       "",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"post-vanilla",
       "POST",
       "/",
       {},
       "",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-header-key-sort",
       "POST",
       "/",
       {{"My-Header1", "value1"}},
       "",
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-header-value-case",
       "POST",
       "/",
       {{"My-Header1", "VALUE1"}},
       "",
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-sts-header-before",
       "POST",
       "/",
       {{"X-Amz-Security-Token", token}},
       "",
       "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
      {"post-vanilla-query",
       "POST",
       "/?" + canonical_query({{"Param1", "value1"}}),
       {},
       "",
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-vanilla-query-nonunreserved",
       "POST",
       "/?" + canonical_query({{"@#$%^", ""}, {"+", "/,?><`\";:\\|][{}"}}),
       {},
       "",
       "66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
}

// The aws-sig-v4-test-suite, but for its cases of paths that other services normalise and S3 does
// not: https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
TEST(S3SignerTest, SignsTheGeneralTestSuite) {
  constexpr std::string_view date_time = "20150830T123600Z";
  for (const SuiteVector& vector : suite()) {
    SCOPED_TRACE(vector.name);
    net::Request request{vector.method, vector.target, vector.headers, {}};
    request.headers.emplace_back("Host", "example.amazonaws.com");
    request.headers.emplace_back("X-Amz-Date", date_time);
    const std::string made =
        authorization(canonical_request(request, sha256_of(vector.body)),
                      {.region = "us-east-1", .service = "service"}, example_of_suite(), date_time);
    EXPECT_TRUE(
        made.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
                         "service/aws4_request, SignedHeaders="))
        << made;
    EXPECT_EQ(made.substr(made.rfind('=') + 1), vector.signature);
  }
}

TEST(S3SignerTest, ARequestCanBeSignedAgain) {
  net::Request once{"GET", "/b/key", {{"Host", "h"}}, {}};
  net::Request again = once;
  Credentials credentials = example_of_s3();
  credentials.session_token = SecretText::copy("token-of-yesterday");
  sign(again, {.region = "eu-west-1"}, credentials, may_2013 - 86'400'000, "UNSIGNED-PAYLOAD");
  EXPECT_EQ(header_of(again, "x-amz-security-token"), "token-of-yesterday");
  credentials.session_token = SecretText::copy("token");
  sign(again, {.region = "eu-west-1"}, credentials, may_2013, empty_payload_sha256_hex);
  sign(once, {.region = "eu-west-1"}, credentials, may_2013, empty_payload_sha256_hex);
  EXPECT_EQ(again.headers, once.headers);
  EXPECT_NE(header_of(once, "Authorization").find("x-amz-security-token"), std::string::npos);
  sign(again, {.region = "eu-west-1"}, example_of_s3(), may_2013, empty_payload_sha256_hex);
  EXPECT_EQ(header_of(again, "x-amz-security-token"), "");
}

TEST(S3SignerTest, TheSecretIsInNoHeader) {
  net::Request request{"PUT", "/b/key", {{"Host", "h"}}, {}};
  Credentials credentials = example_of_s3();
  credentials.session_token = SecretText::copy("token");
  sign(request, {.region = "eu-west-1"}, credentials, may_2013, empty_payload_sha256_hex);
  for (const auto& [name, value] : request.headers)
    EXPECT_EQ(value.find(credentials.secret_access_key.view()), std::string::npos) << name;
  wipe_credentials(request);
  EXPECT_EQ(header_of(request, "x-amz-security-token"), "");
}

TEST(S3SignerTest, WhatProxiesChangeIsNotSigned) {
  net::Request plain{"GET", "/b/key", {{"Host", "h"}}, {}};
  net::Request more = plain;
  for (const char* const name : {"Accept-Encoding", "User-Agent", "Connection", "Expect", "Via",
                                 "Content-Length", "X-Forwarded-For", "Transfer-Encoding"})
    more.headers.emplace_back(name, "value");
  sign(plain, {.region = "eu-west-1"}, example_of_s3(), may_2013, empty_payload_sha256_hex);
  sign(more, {.region = "eu-west-1"}, example_of_s3(), may_2013, empty_payload_sha256_hex);
  EXPECT_EQ(header_of(more, "Authorization"), header_of(plain, "Authorization"));
}

TEST(S3SignerTest, EachPartOfARequestChangesTheSignature) {
  const auto signed_with = [](const char* method, const char* target, const char* host,
                              const char* region, UnixMillis now, const char* secret) {
    net::Request request{method, target, {{"Host", host}}, {}};
    Credentials credentials = example_of_s3();
    credentials.secret_access_key = SecretText::copy(secret);
    sign(request, {.region = region}, credentials, now, empty_payload_sha256_hex);
    const std::string made = header_of(request, "Authorization");
    return made.substr(made.rfind('=') + 1);
  };
  const std::vector<std::string> signatures = {
      signed_with("GET", "/b/key", "h", "r", may_2013, "s"),
      signed_with("PUT", "/b/key", "h", "r", may_2013, "s"),
      signed_with("GET", "/b/kez", "h", "r", may_2013, "s"),
      signed_with("GET", "/b/key?a=", "h", "r", may_2013, "s"),
      signed_with("GET", "/b/key", "i", "r", may_2013, "s"),
      signed_with("GET", "/b/key", "h", "q", may_2013, "s"),
      signed_with("GET", "/b/key", "h", "r", may_2013 + 1000, "s"),
      signed_with("GET", "/b/key", "h", "r", may_2013, "t")};
  for (std::size_t a = 0; a < signatures.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) EXPECT_NE(signatures[a], signatures[b]) << a << ' ' << b;
  }
}

TEST(S3SignerTest, EncodesAllButTheUnreserved) {
  EXPECT_EQ(encode_path("a/b c+d%\xff~"), "a/b%20c%2Bd%25%FF~");
  EXPECT_EQ(encode_query("a/b"), "a%2Fb");
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x y"}, {"a", ""}}), "a=&a=x%20y&b=2");
  EXPECT_EQ(canonical_query({}), "");
}

TEST(S3SignerTest, DigestsAreSha256) {
  EXPECT_EQ(sha256_of(""), empty_payload_sha256_hex);
  EXPECT_EQ(sha256({}).base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

}  // namespace
}  // namespace restored::store

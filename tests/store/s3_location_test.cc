#include "store/s3_location.h"

#include <gtest/gtest.h>

#include "fake_environment.h"
#include "support/temporary_directory.h"

namespace restored::store {
namespace {

using test::TemporaryDirectory;
using test::write_file;

S3Location located(std::string_view url, const S3Options& options = {}, Variables variables = {}) {
  Result<S3Location> made = locate(url, options, environment_of(std::move(variables)));
  EXPECT_TRUE(made.has_value()) << url << ": " << made.error().message;
  return made.value_or(S3Location());
}

Error refused(std::string_view url, const S3Options& options = {}, Variables variables = {}) {
  Result<S3Location> made = locate(url, options, environment_of(std::move(variables)));
  EXPECT_FALSE(made.has_value()) << url;
  if (made) return {};
  EXPECT_EQ(made.error().code, ErrorCode::invalid_configuration) << url;
  EXPECT_FALSE(made.error().hint.empty()) << url;
  return made.error();
}

S3Options with_endpoint(std::string endpoint) {
  S3Options options;
  options.endpoint = std::move(endpoint);
  return options;
}

TEST(S3LocationTest, WithoutAnythingItIsAws) {
  const S3Location location = located("s3://bucket/a/b");
  EXPECT_EQ(location.bucket, "bucket");
  EXPECT_EQ(location.prefix, "a/b/");
  EXPECT_EQ(location.region, "us-east-1");
  EXPECT_EQ(location.endpoint, (net::Endpoint{true, "bucket.s3.us-east-1.amazonaws.com", 443}));
  EXPECT_TRUE(location.virtual_host);
  EXPECT_EQ(location.ca_file, "");
  EXPECT_EQ(location.url(), "s3://bucket/a/b");
  EXPECT_EQ(location.object_path("x/y=z"), "/a/b/x/y%3Dz");
  EXPECT_EQ(location.bucket_path(), "/");
}

TEST(S3LocationTest, ThePrefixMayBeEmpty) {
  for (const char* const url : {"s3://bucket", "s3://bucket/", "s3://bucket//"}) {
    EXPECT_EQ(located(url).prefix, "") << url;
    EXPECT_EQ(located(url).url(), "s3://bucket") << url;
  }
  EXPECT_EQ(located("s3://bucket/a/").prefix, "a/");
}

TEST(S3LocationTest, OtherEndpointsHaveTheBucketInThePath) {
  const S3Location location = located("s3://Old_Bucket/a", with_endpoint("http://[::1]:8000"));
  EXPECT_EQ(location.endpoint, (net::Endpoint{false, "::1", 8000}));
  EXPECT_FALSE(location.virtual_host);
  EXPECT_EQ(location.object_path("k"), "/Old_Bucket/a/k");
  EXPECT_EQ(location.bucket_path(), "/Old_Bucket");
}

TEST(S3LocationTest, AddressingCanBeChosen) {
  S3Options options = with_endpoint("http://localhost:8000");
  options.addressing = Addressing::virtual_host;
  EXPECT_EQ(located("s3://bucket/a", options).endpoint.host, "bucket.localhost");
  options = {};
  options.addressing = Addressing::path;
  EXPECT_EQ(located("s3://bucket/a", options).endpoint.host, "s3.us-east-1.amazonaws.com");
  options.addressing = Addressing::virtual_host;
  options.endpoint = "http://10.0.0.7:8000";
  EXPECT_NE(refused("s3://bucket/a", options).message.find("address"), std::string::npos);
}

TEST(S3LocationTest, ABucketWithDotsStaysOutOfAwsCertificates) {
  const S3Location location = located("s3://my.bucket/a");
  EXPECT_FALSE(location.virtual_host);
  EXPECT_EQ(location.endpoint.host, "s3.us-east-1.amazonaws.com");
}

TEST(S3LocationTest, TheRegionComesFromTheFirstThatNamesOne) {
  S3Options options;
  Variables variables = {{"AWS_DEFAULT_REGION", "ap-south-1"}};
  EXPECT_EQ(located("s3://bucket", options, variables).region, "ap-south-1");
  variables["AWS_REGION"] = "eu-west-1";
  EXPECT_EQ(located("s3://bucket", options, variables).region, "eu-west-1");
  options.region = "cn-north-1";
  EXPECT_EQ(located("s3://bucket", options, variables).region, "cn-north-1");
  EXPECT_EQ(located("s3://bucket", options, variables).endpoint.host,
            "bucket.s3.cn-north-1.amazonaws.com.cn");
}

TEST(S3LocationTest, AnAwsEndpointTellsItsRegion) {
  for (const auto& [host, region] : {std::pair{"s3.eu-west-1.amazonaws.com", "eu-west-1"},
                                     {"s3-eu-west-1.amazonaws.com", "eu-west-1"},
                                     {"s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"},
                                     {"s3.cn-north-1.amazonaws.com.cn", "cn-north-1"},
                                     {"s3.amazonaws.com", "us-east-1"},
                                     {"s3.eu-west-1.example.com", "us-east-1"}}) {
    S3Options options = with_endpoint(std::string("https://") + host);
    EXPECT_EQ(located("s3://bucket", options).region, region) << host;
    options.region = "us-west-2";
    EXPECT_EQ(located("s3://bucket", options).region, "us-west-2") << host;
  }
}

TEST(S3LocationTest, TheEndpointComesFromTheFirstThatNamesOne) {
  Variables variables = {{"AWS_ENDPOINT_URL", "http://all:1"}};
  EXPECT_EQ(located("s3://bucket", {}, variables).endpoint.host, "all");
  variables["AWS_ENDPOINT_URL_S3"] = "http://s3:2";
  EXPECT_EQ(located("s3://bucket", {}, variables).endpoint.host, "s3");
  EXPECT_EQ(located("s3://bucket", with_endpoint("http://option:3"), variables).endpoint.host,
            "option");
}

TEST(S3LocationTest, TheProfileSaysWhatNobodyElseDoes) {
  const TemporaryDirectory directory;
  write_file(directory.file("config"),
             "[default]\nregion = eu-west-1\n[profile lab]\nregion = lab-1\n"
             "endpoint_url = https://lab.example.org:9000\nca_bundle = /etc/lab.pem\n");
  Variables variables = {{"AWS_CONFIG_FILE", directory.file("config")}};
  EXPECT_EQ(located("s3://bucket", {}, variables).region, "eu-west-1");
  variables["AWS_PROFILE"] = "lab";
  const S3Location location = located("s3://bucket", {}, variables);
  EXPECT_EQ(location.region, "lab-1");
  EXPECT_EQ(location.endpoint, (net::Endpoint{true, "lab.example.org", 9000}));
  EXPECT_EQ(location.ca_file, "/etc/lab.pem");
  variables["AWS_CA_BUNDLE"] = "/etc/other.pem";
  variables["AWS_REGION"] = "eu-central-1";
  EXPECT_EQ(located("s3://bucket", {}, variables).ca_file, "/etc/other.pem");
  EXPECT_EQ(located("s3://bucket", {}, variables).region, "eu-central-1");
  S3Options options;
  options.ca_file = "/etc/mine.pem";
  options.profile = "default";
  EXPECT_EQ(located("s3://bucket", options, variables).ca_file, "/etc/mine.pem");
  EXPECT_EQ(located("s3://bucket", options, variables).endpoint.port, 443);
}

TEST(S3LocationTest, AUrlWithASecretIsRefusedAndNotRepeated) {
  for (const char* const url :
       {"s3://AKIA:wJalrXUtnFEMI@bucket/a", "s3://bucket/a?secret=wJalrXUtnFEMI",
        "s3://bucket?secret=wJalrXUtnFEMI", "s3://bucket/a#wJalrXUtnFEMI"}) {
    const Error error = refused(url);
    EXPECT_EQ((error.message + error.hint).find("wJalr"), std::string::npos) << error.message;
  }
  const Error error = refused("s3://bucket", with_endpoint("https://AKIA:wJalrXUtnFEMI@host"));
  EXPECT_EQ((error.message + error.hint).find("wJalr"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("s3.endpoint"), std::string::npos);
}

TEST(S3LocationTest, BucketsHaveRules) {
  for (const char* const bucket :
       {"", "ab", "-abc", "abc-", ".abc", "a..b", "Abc", "a_bc", "a b", "10.0.0.7",
        "b\xc3\xbc"
        "cket"}) {
    refused(std::string("s3://") + bucket + "/a");
  }
  refused("s3://" + std::string(64, 'a'));
  EXPECT_EQ(located("s3://" + std::string(63, 'a')).bucket.size(), 63u);
  refused("s3://bucket:9000/a");
  refused("https://bucket/a");
  refused("s3:bucket");
  refused("s3:///a");
}

TEST(S3LocationTest, PrefixesHaveRules) {
  for (const char* const prefix :
       {"a//b", "/a", "a/../b", ".", "a b", "a%20b", "a\\b", "a+b", "a\nb", "\xc3\xbc"})
    refused(std::string("s3://bucket/") + prefix);
  EXPECT_EQ(located("s3://bucket/env=prod/.hidden/v1.2_x").prefix, "env=prod/.hidden/v1.2_x/");
  EXPECT_EQ(located("s3://bucket/" + std::string(511, 'a')).prefix.size(), 512u);
  refused("s3://bucket/" + std::string(512, 'a'));
}

TEST(S3LocationTest, RegionsHaveRules) {
  S3Options options;
  options.region = "eu west";
  EXPECT_NE(refused("s3://bucket", options).message.find("s3.region"), std::string::npos);
  EXPECT_NE(refused("s3://bucket", {}, {{"AWS_REGION", "a/b"}}).message.find("AWS_REGION"),
            std::string::npos);
}

TEST(S3EndpointTest, HasASchemeAHostAndPerhapsAPort) {
  const auto parsed = [](std::string_view text) {
    return parse_endpoint(text, "x").value_or(net::Endpoint());
  };
  EXPECT_EQ(parsed("https://Host.example"), (net::Endpoint{true, "host.example", 443}));
  EXPECT_EQ(parsed("http://host/"), (net::Endpoint{false, "host", 80}));
  EXPECT_EQ(parsed("http://10.0.0.7:65535"), (net::Endpoint{false, "10.0.0.7", 65535}));
  EXPECT_EQ(parsed("https://[fd00::1]"), (net::Endpoint{true, "fd00::1", 443}));
}

TEST(S3EndpointTest, EverythingElseIsRefusedWithItsOrigin) {
  for (const char* const text : {"",
                                 "host",
                                 "host:9000",
                                 "ftp://host",
                                 "https://",
                                 "https:///",
                                 "https://host/base",
                                 "https://host/base/",
                                 "https://host?x",
                                 "https://host#x",
                                 "https://host:",
                                 "https://host:0",
                                 "https://host:65536",
                                 "https://host:9x",
                                 "https://host:1:2",
                                 "https://[::1",
                                 "https://[::1]x",
                                 "https://[host]",
                                 "https://[10.0.0.7]",
                                 "https://::1",
                                 "https://ho st",
                                 "https://-host",
                                 "https://.host",
                                 "https://host\r\nx: y"}) {
    const auto parsed = parse_endpoint(text, "AWS_ENDPOINT_URL");
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_configuration);
    EXPECT_NE(parsed.error().message.find("AWS_ENDPOINT_URL"), std::string::npos)
        << parsed.error().message;
  }
  EXPECT_FALSE(parse_endpoint("https://" + std::string(254, 'a'), "x").has_value());
}

}  // namespace
}  // namespace restored::store

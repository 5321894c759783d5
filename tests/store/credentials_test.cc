// Where keys are found. How they are kept fresh: credentials_refresh_test.cc.
#include "store/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_environment.h"
#include "store/credential_places.h"
#include "support/temporary_directory.h"

namespace restored::store {
namespace {

using test::TemporaryDirectory;
using test::write_file;

constexpr std::string_view secret = "wJalrXUtnFEMI/K7MDENG";

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() { options_.instance_metadata = false; }

  std::shared_ptr<const Credentials> found() {
    auto source = CredentialsSource::open(options_, environment_of(variables_), clock_);
    EXPECT_TRUE(source.has_value()) << source.error().message;
    if (!source) return std::make_shared<Credentials>();
    return (*source)->get({}).value();
  }
  Error refused(ErrorCode code = ErrorCode::store_misconfigured) {
    auto source = CredentialsSource::open(options_, environment_of(variables_), clock_);
    EXPECT_FALSE(source.has_value());
    if (source) return {};
    EXPECT_EQ(source.error().code, code) << source.error().message;
    EXPECT_EQ((source.error().message + source.error().hint).find(secret), std::string::npos);
    return source.error();
  }
  // Not for others to read, so that no warning comes.
  std::string private_file(std::string_view name, std::string_view text) {
    const std::string path = directory_.file(name);
    write_file(path, text);
    EXPECT_EQ(::chmod(path.c_str(), 0600), 0);
    return path;
  }
  std::string keys(std::string_view id) const {
    return "aws_access_key_id = " + std::string(id) +
           "\naws_secret_access_key = " + std::string(secret) + "\n";
  }

  const TemporaryDirectory directory_;
  ManualClock clock_;
  S3Options options_;
  Variables variables_;
};

TEST_F(CredentialsTest, TheConfigurationComesFirst) {
  options_.access_key_id = "AKIDCONFIG";
  options_.secret_access_key_file = private_file("secret", std::string(secret) + "\n");
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKIDENV"}, {"AWS_SECRET_ACCESS_KEY", "other"}};
  const auto credentials = found();
  EXPECT_EQ(credentials->access_key_id, "AKIDCONFIG");
  EXPECT_EQ(credentials->secret_access_key.view(), secret);
  EXPECT_TRUE(credentials->session_token.empty());
  EXPECT_FALSE(credentials->expires_at);
  EXPECT_NE(credentials->origin.find("configuration"), std::string::npos);
}

TEST_F(CredentialsTest, AProfileOfTheConfigurationComesBeforeTheEnvironment) {
  options_.credentials_file =
      private_file("keys", "[default]\n" + keys("AKIDFILE") + "aws_session_token = token\n[b]\n" +
                               keys("AKIDB"));
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKIDENV"}, {"AWS_SECRET_ACCESS_KEY", "other"}};
  const auto credentials = found();
  EXPECT_EQ(credentials->access_key_id, "AKIDFILE");
  EXPECT_EQ(credentials->secret_access_key.view(), secret);
  EXPECT_EQ(credentials->session_token.view(), "token");
  EXPECT_EQ(credentials->origin, "profile default of " + options_.credentials_file);
  options_.profile = "b";
  EXPECT_EQ(found()->access_key_id, "AKIDB");
}

TEST_F(CredentialsTest, TheEnvironmentComesBeforeTheFiles) {
  variables_ = {
      {"AWS_SHARED_CREDENTIALS_FILE", private_file("keys", "[default]\n" + keys("AKIDFILE"))},
      {"AWS_ACCESS_KEY_ID", "AKIDENV"},
      {"AWS_SECRET_ACCESS_KEY", std::string(secret)},
      {"AWS_SESSION_TOKEN", "token"}};
  const auto credentials = found();
  EXPECT_EQ(credentials->access_key_id, "AKIDENV");
  EXPECT_EQ(credentials->secret_access_key.view(), secret);
  EXPECT_EQ(credentials->session_token.view(), "token");
  EXPECT_EQ(credentials->origin, "the environment");
  variables_.erase("AWS_ACCESS_KEY_ID");
  variables_.erase("AWS_SECRET_ACCESS_KEY");
  EXPECT_EQ(found()->access_key_id, "AKIDFILE");
}

TEST_F(CredentialsTest, ProfilesAreInTheConfigurationFileToo) {
  variables_ = {{"AWS_CONFIG_FILE", private_file("config", "[profile b]\n" + keys("AKIDB"))},
                {"AWS_PROFILE", "b"}};
  EXPECT_EQ(found()->access_key_id, "AKIDB");
  // The keys of one profile come from one file.
  variables_["AWS_SHARED_CREDENTIALS_FILE"] =
      private_file("keys", "[b]\naws_access_key_id = AKIDHALF\n");
  EXPECT_NE(refused().message.find(directory_.file("keys")), std::string::npos);
}

TEST_F(CredentialsTest, HalfAPairIsAnErrorThatNamesThePlace) {
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKIDENV"}};
  EXPECT_NE(refused().message.find("AWS_SECRET_ACCESS_KEY"), std::string::npos);
  variables_ = {{"AWS_SECRET_ACCESS_KEY", std::string(secret)}};
  EXPECT_NE(refused().message.find("not AWS_ACCESS_KEY_ID"), std::string::npos);
  variables_ = {
      {"AWS_SHARED_CREDENTIALS_FILE",
       private_file("keys", "[default]\naws_secret_access_key = " + std::string(secret))}};
  EXPECT_NE(refused().message.find("profile default of " + directory_.file("keys")),
            std::string::npos);
  options_.access_key_id = "AKIDCONFIG";
  EXPECT_NE(refused().message.find("s3.secret_access_key_file"), std::string::npos);
  options_.access_key_id = "";
  options_.secret_access_key_file = directory_.file("keys");
  EXPECT_NE(refused().message.find("not s3.access_key_id"), std::string::npos);
}

TEST_F(CredentialsTest, AFileThatTheConfigurationNamesMustBeThere) {
  options_.access_key_id = "AKIDCONFIG";
  options_.secret_access_key_file = directory_.file("none");
  EXPECT_NE(refused(ErrorCode::file_not_found).message.find("s3.secret_access_key_file"),
            std::string::npos);
  private_file("none", " \n");
  EXPECT_NE(refused().message.find("is empty"), std::string::npos);
  private_file("none", "[default]\n" + keys("AKIDFILE"));
  EXPECT_NE(refused().message.find("more than a secret"), std::string::npos);
  options_ = {};
  options_.credentials_file = directory_.file("neither");
  refused(ErrorCode::file_not_found);
  private_file("neither", "[a]\n" + keys("AKIDFILE"));
  EXPECT_NE(refused().message.find("no profile default"), std::string::npos);
  options_.profile = "b";
  EXPECT_NE(refused().message.find("no profile b"), std::string::npos);
  private_file("neither", "[b]\nregion = r\n");
  EXPECT_NE(refused().message.find("aws_access_key_id"), std::string::npos);
}

TEST_F(CredentialsTest, WaysToAKeyThatAreNotSupportedAreNamed) {
  for (const std::string way : {"credential_process", "sso_session", "source_profile",
                                "web_identity_token_file", "credential_source"}) {
    variables_ = {{"AWS_CONFIG_FILE", private_file("config", "[profile b]\n" + way +
                                                                 " = x\n[default]\n" + way + "=x")},
                  {"AWS_PROFILE", "b"}};
    EXPECT_NE(refused().message.find(way), std::string::npos);
    variables_.erase("AWS_PROFILE");
    EXPECT_NE(refused().message.find(way), std::string::npos);
    // A key of one's own is one.
    private_file("config", "[default]\n" + way + "=x\n" + keys("AKIDFILE"));
    EXPECT_EQ(found()->access_key_id, "AKIDFILE");
  }
  // But not one that is there to assume a role with.
  private_file("config", "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n" +
                             keys("AKIDFILE"));
  const Error error = refused();
  EXPECT_NE(error.message.find("role_arn"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("not support"), std::string::npos) << error.message;
}

TEST_F(CredentialsTest, WithoutAnyTheErrorListsEveryPlace) {
  variables_ = {{"HOME", directory_.path()}, {"AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"}};
  const Error error = refused();
  for (const std::string place :
       {"s3.access_key_id", "AWS_ACCESS_KEY_ID is not set", "/.aws/credentials (missing",
        "/.aws/config (missing", "AWS_WEB_IDENTITY_TOKEN_FILE", "s3.instance_metadata is off"})
    EXPECT_NE(error.message.find(place), std::string::npos) << place << ": " << error.message;
  EXPECT_NE(error.hint.find("s3.credentials_file"), std::string::npos);
  options_.instance_metadata = true;
  variables_ = {{"AWS_EC2_METADATA_DISABLED", "True"}};
  EXPECT_NE(refused().message.find("AWS_EC2_METADATA_DISABLED"), std::string::npos);
  variables_ = {{"AWS_PROFILE", "gone"}};
  EXPECT_NE(refused().message.find("no profile gone"), std::string::npos);
}

TEST_F(CredentialsTest, AKeyThatCannotBeOneIsNotSent) {
  for (const std::string bad : {"AKID\r\nx-evil: 1", "AKID,x", "AKID x", "AK\xc3\xa4"}) {
    variables_ = {{"AWS_ACCESS_KEY_ID", bad}, {"AWS_SECRET_ACCESS_KEY", std::string(secret)}};
    const Error error = refused();
    EXPECT_NE(error.message.find("access key id of the environment"), std::string::npos)
        << error.message;
  }
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"},
                {"AWS_SECRET_ACCESS_KEY", std::string(secret) + " "}};
  EXPECT_NE(refused().message.find("secret access key of"), std::string::npos);
  variables_ = {{"AWS_ACCESS_KEY_ID", "AKID"},
                {"AWS_SECRET_ACCESS_KEY", std::string(secret)},
                {"AWS_SESSION_TOKEN", std::string(secret) + "\n"}};
  EXPECT_NE(refused().message.find("session token of"), std::string::npos);
}

TEST_F(CredentialsTest, ASecretThatOthersMayReadIsNoticed) {
  const std::string path = private_file("keys", "[default]\n" + keys("AKIDFILE"));
  const Environment environment = environment_of({{"AWS_SHARED_CREDENTIALS_FILE", path}});
  EXPECT_TRUE(look_around({}, environment)->exposed.empty());
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(look_around({}, environment)->exposed, std::vector<std::string>{path});
  options_.access_key_id = "AKIDCONFIG";
  options_.secret_access_key_file = private_file("secret", secret);
  EXPECT_TRUE(look_around(options_, environment)->exposed.empty());
  ASSERT_EQ(::chmod(options_.secret_access_key_file.c_str(), 0604), 0);
  EXPECT_EQ(look_around(options_, environment)->exposed,
            std::vector<std::string>{options_.secret_access_key_file});
  // A configuration without keys is for everybody.
  const std::string config = directory_.file("config");
  write_file(config, "[default]\nregion = r\n");
  ASSERT_EQ(::chmod(config.c_str(), 0644), 0);
  EXPECT_TRUE(look_around({}, environment_of({{"AWS_CONFIG_FILE", config}}))->exposed.empty());
}

}  // namespace
}  // namespace restored::store

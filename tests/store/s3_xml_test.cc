#include "store/s3_xml.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "restored/limits.h"

namespace restored::store {
namespace {

using namespace std::string_literals;

constexpr std::string_view declaration = R"(<?xml version="1.0" encoding="UTF-8"?>)";

const std::string list_page = std::string(declaration) + R"(
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Name>bucket</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>
  <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
  <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>
  <Contents><Key>p/a%20b+c%2Bd</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>
    <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size>
    <StorageClass>STANDARD</StorageClass><Owner><ID>x</ID></Owner></Contents>
  <Contents><Key>p/z</Key><LastModified>2009-10-12T17:50:31.000Z</LastModified>
    <ETag>"e-2"</ETag><Size>18446744073709551615</Size></Contents>
</ListBucketResult>
)";

const std::string uploads_page = std::string(declaration) +
                                 R"(<s3:ListMultipartUploadsResult xmlns:s3="urn:x">
  <s3:Bucket>bucket</s3:Bucket><s3:KeyMarker></s3:KeyMarker>
  <s3:NextKeyMarker>b%2Fc</s3:NextKeyMarker><s3:NextUploadIdMarker>YW55</s3:NextUploadIdMarker>
  <s3:EncodingType>url</s3:EncodingType><s3:IsTruncated>true</s3:IsTruncated>
  <s3:Upload><s3:Key>a%2Fb</s3:Key><s3:UploadId>XMgbGlrZSB</s3:UploadId>
    <s3:Initiator><s3:ID>key</s3:ID></s3:Initiator>
    <s3:Initiated>2010-11-10T20:48:33.000Z</s3:Initiated></s3:Upload>
</s3:ListMultipartUploadsResult>)";

const std::string fault_body = std::string(declaration) + R"(
<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'a' is wrong</Message>
<Region>eu-west-1</Region><Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint>
<ServerTime>2010-11-10T20:48:33Z</ServerTime><RequestId>4442587FB7D0A2F9</RequestId></Error>)";

const std::string complete_page = std::string(declaration) +
                                  R"(<CompleteMultipartUploadResult xmlns="urn:x">
<Location>http://h/b/k</Location><Bucket>b</Bucket><Key>k</Key><ETag>"3858f62230ac3c91-9"</ETag>
</CompleteMultipartUploadResult>)";

const std::string upload_id_page = std::string(declaration) +
                                   R"(<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>
<UploadId>VXBsb2FkIElE</UploadId></InitiateMultipartUploadResult>)";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& body, std::string_view word) {
  const Result<ListPage> page = parse_list(body);
  ASSERT_FALSE(page.has_value()) << word;
  EXPECT_EQ(page.error().code, ErrorCode::object_store_unavailable);
  EXPECT_NE(page.error().message.find(word), std::string::npos) << page.error().message;
}

TEST(S3XmlTest, ReadsAPageOfObjects) {
  const Result<ListPage> page = parse_list(list_page);
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_TRUE(page->truncated);
  EXPECT_EQ(page->continuation, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "p/a b c+d");
  EXPECT_EQ(page->objects[0].size_bytes, 434'234u);
  EXPECT_EQ(page->objects[0].modified_unix_millis, 1'255'369'830'000);
  EXPECT_EQ(page->objects[1].size_bytes, UINT64_MAX);
}

TEST(S3XmlTest, KeysAreDecodedOnlyWhenTheServerSaysSo) {
  const auto page = parse_list(replaced(list_page, "<EncodingType>url</EncodingType>", ""));
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_EQ(page->objects[0].key, "p/a%20b+c%2Bd");
}

TEST(S3XmlTest, AnEmptyPageIsOne) {
  const auto page =
      parse_list("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_TRUE(page->objects.empty());
  EXPECT_FALSE(page->truncated);
}

TEST(S3XmlTest, NeitherCaseNorNamespaceOfNamesMatters) {
  const auto page = parse_list(
      R"(<a:LISTBUCKETRESULT xmlns:a="urn:x"><b:isTruncated xmlns:b="urn:y">false</b:isTruncated>)"
      R"(<a:contents><a:KEY>k</a:KEY><a:size>1</a:size></a:contents></a:LISTBUCKETRESULT>)");
  ASSERT_TRUE(page.has_value()) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1u);
  EXPECT_EQ(page->objects[0].key, "k");
}

TEST(S3XmlTest, ObjectsAreNeverLostInSilence) {
  expect_refused(replaced(list_page, "<IsTruncated>true</IsTruncated>", ""), "IsTruncated");
  expect_refused(replaced(list_page, ">true<", ">maybe<"), "IsTruncated");
  expect_refused(replaced(list_page, "<Key>p/z</Key>", ""), "Key");
  expect_refused(replaced(list_page, "%20", "%2z"), "Key");
  expect_refused(replaced(list_page, "p/z<", "p/z%2<"), "Key");
  expect_refused(replaced(list_page, "434234", "434 234"), "Size");
  expect_refused(replaced(list_page, "18446744073709551615", "18446744073709551616"), "Size");
  expect_refused(replaced(list_page, "2009-10-12T17:50:30.000Z", "yesterday"), "LastModified");
  expect_refused(replaced(list_page, "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=", ""),
                 "Continuation");
  expect_refused(fault_body, "ListBucketResult");
}

TEST(S3XmlTest, EveryTruncationIsAnError) {
  const std::string bodies[] = {list_page, uploads_page, fault_body, complete_page, upload_id_page};
  for (const std::string& body : bodies) {
    // Up to the '>' that ends the root.
    for (std::size_t length = 0; length < body.rfind('>'); ++length) {
      const std::string_view cut = std::string_view(body).substr(0, length);
      ASSERT_FALSE(parse_list(cut).has_value()) << length;
      ASSERT_FALSE(parse_uploads(cut).has_value()) << length;
      ASSERT_FALSE(parse_fault(cut).has_value()) << length;
      ASSERT_FALSE(parse_complete(cut).has_value()) << length;
      ASSERT_FALSE(parse_upload_id(cut).has_value()) << length;
    }
  }
}

TEST(S3XmlTest, DocumentTypesAndEntitiesAreRefused) {
  const std::string root =
      "<ListBucketResult><IsTruncated>false</IsTruncated><Name>&b;</Name>"
      "</ListBucketResult>";
  expect_refused(
      R"(<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>)" + root,
      "document type");
  expect_refused(R"(<!DOCTYPE l [<!ENTITY b SYSTEM "file:///etc/hostname">]>)" + root,
                 "document type");
  expect_refused(R"(<!DOCTYPE l SYSTEM "http://127.0.0.1/x.dtd">)" + root, "document type");
  expect_refused(root, "undefined entity");
}

TEST(S3XmlTest, SizeAndDepthHaveLimits) {
  const auto nested = [](std::size_t depth) {
    std::string made = "<ListBucketResult><IsTruncated>false</IsTruncated>";
    for (std::size_t level = 1; level < depth; ++level) made += "<a>";
    for (std::size_t level = 1; level < depth; ++level) made += "</a>";
    return made + "</ListBucketResult>";
  };
  EXPECT_TRUE(parse_list(nested(16)).has_value());
  expect_refused(nested(17), "nested");
  expect_refused(nested(100'000), "nested");
  expect_refused(replaced(list_page, "<Name>bucket", "<Name>" + std::string(20'000, 'x')),
                 "too long");
  expect_refused(replaced(list_page, "<Name>bucket</Name>",
                          "<N" + std::string(200, 'x') + "></N" + std::string(200, 'x') + ">"),
                 "too long");
  expect_refused(list_page + std::string(limits::store_list_bytes_max, ' '), "bytes");
}

TEST(S3XmlTest, ReadsAPageOfUploads) {
  const Result<UploadsPage> page = parse_uploads(uploads_page);
  ASSERT_TRUE(page.has_value()) << page.error().message;
  EXPECT_TRUE(page->truncated);
  EXPECT_EQ(page->key_marker, "b/c");
  EXPECT_EQ(page->upload_id_marker, "YW55");
  ASSERT_EQ(page->uploads.size(), 1u);
  EXPECT_EQ(page->uploads[0].key, "a/b");
  EXPECT_EQ(page->uploads[0].upload_id, "XMgbGlrZSB");
  EXPECT_EQ(page->uploads[0].initiated_unix_millis, 1'289'422'113'000);
  EXPECT_FALSE(parse_uploads(replaced(uploads_page, "b%2Fc", "")).has_value());
  EXPECT_FALSE(parse_uploads(replaced(uploads_page, "XMgbGlrZSB", "")).has_value());
  EXPECT_FALSE(parse_uploads(list_page).has_value());
}

TEST(S3XmlTest, ReadsAnUploadId) {
  EXPECT_EQ(parse_upload_id(upload_id_page), "VXBsb2FkIElE");
  EXPECT_FALSE(parse_upload_id(replaced(upload_id_page, "VXBsb2FkIElE", "")).has_value());
  EXPECT_FALSE(parse_upload_id(fault_body).has_value());
}

TEST(S3XmlTest, ReadsAFault) {
  const std::optional<S3Fault> fault = parse_fault(fault_body);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->code, "AuthorizationHeaderMalformed");
  EXPECT_EQ(fault->message, "the region 'a' is wrong");
  EXPECT_EQ(fault->region, "eu-west-1");
  EXPECT_FALSE(parse_fault(list_page));
  EXPECT_FALSE(parse_fault(""));
  EXPECT_FALSE(parse_fault("<html><body>502 Bad Gateway</body></html>"));
  EXPECT_EQ(parse_fault("<Error><Code>InternalError</Code><Message/></Error>")->message, "");
}

TEST(S3XmlTest, AFaultsTextsAreFitForALogLine) {
  const auto fault =
      parse_fault("<Error><Message>a&#10;b\n" + std::string(1000, 'x') + "</Message></Error>");
  ASSERT_TRUE(fault);
  EXPECT_TRUE(fault->message.starts_with("a b xxx")) << fault->message;
  EXPECT_LE(fault->message.size(), 300u);
  // U+009B begins a terminal's sequence as ESC [ does.
  EXPECT_EQ(parse_fault("<Error><Message>a\xc2\x9b 2J</Message></Error>")->message, "a  2J");
  std::string umlauts;
  for (int index = 0; index < 200; ++index) umlauts += "x\xc3\xa4";
  const auto cut = parse_fault("<Error><Message>" + umlauts + "</Message></Error>");
  ASSERT_TRUE(cut);
  // Cut between characters: what is left is UTF-8, so an expat of ours reads it again.
  EXPECT_TRUE(parse_fault("<Error><Message>" + cut->message + "</Message></Error>"));
}

TEST(S3XmlTest, ACompletionWithStatus200MayHaveFailed) {
  const auto good = parse_complete(complete_page);
  ASSERT_TRUE(good.has_value()) << good.error().message;
  EXPECT_FALSE(good->fault);
  EXPECT_EQ(good->etag, "3858f62230ac3c91-9");
  // Spaces that kept the connection open, before the declaration.
  const auto failed = parse_complete("  \r\n \n" + fault_body);
  ASSERT_TRUE(failed.has_value()) << failed.error().message;
  ASSERT_TRUE(failed->fault);
  EXPECT_EQ(failed->fault->code, "AuthorizationHeaderMalformed");
  const auto nameless = parse_complete(
      "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>");
  ASSERT_TRUE(nameless.has_value());
  EXPECT_EQ(nameless->etag, "");
  EXPECT_FALSE(parse_complete(list_page).has_value());
  EXPECT_FALSE(parse_complete("   ").has_value());
}

TEST(S3XmlTest, TheBodyOfACompletionIsEscaped) {
  EXPECT_EQ(complete_body({{1, "\"a\""}, {2, "<&>"}}),
            R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
            "<Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>&lt;&amp;&gt;</ETag></Part>"
            "</CompleteMultipartUpload>");
}

TEST(S3XmlTest, TheBodyOfACompletionNamesTheChecksumsThatWereDeclared) {
  EXPECT_EQ(complete_body({{7, "a", "x/y+z="}}),
            R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
            "<Part><PartNumber>7</PartNumber><ETag>a</ETag>"
            "<ChecksumSHA256>x/y+z=</ChecksumSHA256></Part></CompleteMultipartUpload>");
}

void parse_all(std::string_view body) {
  static_cast<void>(parse_list(body));
  static_cast<void>(parse_uploads(body));
  static_cast<void>(parse_upload_id(body));
  static_cast<void>(parse_complete(body));
  static_cast<void>(parse_fault(body));
}

// What they say does not matter here: they end, within their memory (run under ASan and UBSan).
TEST(S3XmlTest, RandomBytesHarmNothing) {
  constexpr unsigned seed = 20'130'524;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string bodies[] = {list_page, uploads_page, fault_body, complete_page, upload_id_page};
  const std::string_view tokens[] = {"<",         ">",          "/",           "&",
                                     ";",         "\"",         "<!--",        "]]>",
                                     "<![CDATA[", "<Contents>", "</Contents>", "<Key>",
                                     "&#0;",      "&#x110000;", "<?xml?>",     "<!DOCTYPE a>",
                                     "%",         "\xff\xfe",   "\0"};
  for (int run = 0; run < 4000; ++run) {
    std::string noise(random() % 300, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    parse_all(noise);
    std::string damaged = bodies[random() % std::size(bodies)];
    for (unsigned hit = 0; hit <= random() % 8; ++hit) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged.erase(at, 1 + random() % 20);
          break;
        case 2:
          damaged.insert(at, tokens[random() % std::size(tokens)]);
          break;
        default:
          damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 100));
      }
      if (damaged.empty()) damaged = "<";
    }
    parse_all(damaged);
  }
}

}  // namespace
}  // namespace restored::store

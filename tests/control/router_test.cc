#include "control/router.h"

#include <gtest/gtest.h>

#include <set>

#include "control/authentication.h"

namespace restored::control {
namespace {

TEST(RouterTest, FindsARouteAndItsParameters) {
  const Match found = match(routes(), "DELETE", "/v1/databases/db_x/backups/b%2D1");
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.route->pattern, "/v1/databases/{id}/backups/{backup}");
  ASSERT_EQ(found.parameters.size(), 2u);
  EXPECT_EQ(found.parameters[0].second, "db_x");
  EXPECT_EQ(found.parameters[1].second, "b-1");
}

TEST(RouterTest, AnUnknownMethodNamesTheAllowedOnes) {
  const Match found = match(routes(), "PUT", "/v1/databases/x");
  EXPECT_EQ(found.route, nullptr);
  EXPECT_EQ(found.allowed, "DELETE, GET, HEAD, PATCH");
  EXPECT_EQ(match(routes(), "GET", "/v2/redis/restore-backup/x").allowed, "POST");
  EXPECT_NE(match(routes(), "HEAD", "/v1/databases").route, nullptr);
  EXPECT_EQ(match(routes(), "HEAD", "/v1/databases/x/restore").route, nullptr);
}

TEST(RouterTest, NearMissesAreNoRoutes) {
  for (const char* path : {"", "/", "v1/databases", "/v1/databases/", "/v1//databases",
                           "/v1/databases/x/", "/v1/databases//backups", "/V1/databases",
                           "/v1/databases/x/restore/other", "/v1/databases/%zz", "/v2/redis"}) {
    const Match found = match(routes(), "GET", path);
    EXPECT_EQ(found.route, nullptr) << path;
    EXPECT_EQ(found.allowed, "") << path;
  }
}

TEST(RouterTest, EveryRouteIsReachableOnItsSurface) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Route& route : routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.pattern).second) << route.pattern << " twice";
    EXPECT_NE(route.handler, nullptr);
    const Match found = match(routes(), route.method, route.pattern);
    EXPECT_EQ(found.route, &route) << route.method << " " << route.pattern << " is hidden";
    const bool second = route.pattern.starts_with("/v2/");
    EXPECT_EQ(second, route.surface == Surface::second);
    EXPECT_EQ(route.surface == Surface::probe, route.any_of == 0)
        << route.pattern << ": only probes need no credentials";
    const bool changes = route.method != "GET" && route.method != "POST";
    EXPECT_FALSE(changes && route.any_of == static_cast<Scopes>(Scope::read)) << route.pattern;
  }
}

// What reaches the repository must not hold the threads that everything else needs.
TEST(RouterTest, OnlyWhatMayReadTheRepositoryWaitsForIt) {
  for (const Route& route : routes()) {
    const bool probe = route.surface == Surface::probe || route.pattern == "/v1/info";
    const bool operation = route.pattern.starts_with("/v1/operations");
    // A limit, a cancel and a commit are on record before they are answered.
    const bool recorded = route.method != "GET";
    if (probe || (operation && !recorded)) {
      EXPECT_EQ(route.reach, Reach::memory) << route.method << " " << route.pattern;
    }
    if (route.pattern.find("{backup}") != std::string_view::npos) {
      EXPECT_EQ(route.reach, Reach::store) << route.method << " " << route.pattern;
    }
    // A limit is kept in memory; a collection and a rekey wait where they are in nobody's way.
    const bool kept = route.pattern == "/v1/limits" || route.pattern.starts_with("/v1/repository/");
    if (route.method != "GET" && !(operation && !recorded) && !kept) {
      EXPECT_NE(route.reach, Reach::memory) << route.method << " " << route.pattern;
    }
  }
}

TEST(AuthenticationTest, EachSurfaceTakesItsOwnSchemeOnly) {
  EXPECT_EQ(presented_secret("Bearer s3cret", Surface::first), "s3cret");
  EXPECT_EQ(presented_secret("bearer  s3cret", Surface::first), "s3cret");
  EXPECT_EQ(presented_secret("Bearer s3cret", Surface::second), std::nullopt);
  // ops@example.org:key, admin:key, a@b:k:with:colons
  EXPECT_EQ(presented_secret("Basic b3BzQGV4YW1wbGUub3JnOmtleQ==", Surface::second), "key");
  EXPECT_EQ(presented_secret("BASIC YWRtaW46a2V5", Surface::second), "key");
  EXPECT_EQ(presented_secret("Basic YUBiOms6d2l0aDpjb2xvbnM", Surface::second), "k:with:colons");
  EXPECT_EQ(presented_secret("Basic YWRtaW46a2V5", Surface::first), std::nullopt);
  for (const char* header : {"", "Bearer", "Bearer ", "Basic", "Basic ", "Basic !!!!", "Basic YQ",
                             "Basic b3BzOmtleQ==" /* ops:key, no email */, "Basic A", "Digest x",
                             "BearerX", "Basic YWRtaW4=" /* no colon */}) {
    EXPECT_EQ(presented_secret(header, Surface::second), std::nullopt) << header;
  }
}

}  // namespace
}  // namespace restored::control

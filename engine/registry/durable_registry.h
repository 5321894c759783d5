// The registry over its store: what is on disk is in memory too, but for answers and the audit.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "catalog/record_store.h"
#include "registry/records_in_memory.h"
#include "registry/registry.h"
#include "registry/request_store.h"

namespace restored::registry {

class DurableRegistry final : public Registry {
 public:
  explicit DurableRegistry(std::unique_ptr<catalog::RecordStore> store)
      : store_(std::move(store)), requests_(*store_), usage_(*store_) {}

  Result<void> load();
  Result<void> close() override;

  std::vector<DatabaseRecord> databases() const override;
  std::optional<DatabaseRecord> database(const DatabaseId& id) const override;
  Result<void> put_database(const DatabaseRecord& record) override;
  Result<void> choose_default(const DatabaseId& id) override;
  Result<void> remove_database(const DatabaseId& id) override;

  Result<NewConnection> create_connection(const DatabaseId& id, std::string name,
                                          const Intent& intent) override;
  std::vector<ConnectionInfo> connections(const DatabaseId& id) const override;
  std::optional<ConnectionInfo> connection(const ConnectionId& id) const override;
  Result<NewConnection> rotate_connection(const ConnectionId& id, const Intent& intent) override;
  Result<void> remove_connection(const ConnectionId& id) override;
  std::optional<Credential> authenticate(std::string_view user,
                                         std::string_view password) const override;

  Result<NewToken> create_token(std::string name, Scopes scopes, const Engine::KeepSecret& keep,
                                const Intent& intent) override;
  std::vector<TokenInfo> tokens() const override;
  Result<void> revoke_token(const TokenId& id) override;
  std::optional<TokenInfo> token(std::string_view secret) const override;
  bool never_had_a_token() const override;

  RequestRecords& requests() override { return requests_; }
  UsageStore& usage() override { return usage_; }

  Result<void> put_operation(const OperationRecord& record) override;
  std::vector<OperationRecord> operations() const override;
  Result<void> remove_operations_before(UnixMillis time,
                                        const std::set<OperationId>& kept) override;

 private:
  // Calls decode(key, text) for every record of the family and hands the result to keep().
  template <class Decode, class Keep>
  Result<void> load_family(std::string_view prefix, Decode decode, Keep keep);

  std::unique_ptr<catalog::RecordStore> store_;
  RequestStore requests_;
  UsageStore usage_;
  // Orders changes: held from the decision over the synced write to its publication, so that the
  // disk and the memory agree on who came first. Readers never take it.
  Mutex changing_;
  mutable SharedMutex mutex_;
  Records records_ GUARDED_BY(mutex_);
};

}  // namespace restored::registry

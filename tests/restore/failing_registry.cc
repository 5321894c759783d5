#include "failing_registry.h"

#include <string>
#include <utility>

namespace restored::test {
namespace {

using registry::DatabaseRecord;
using registry::OperationRecord;

// A claim is the inner one's, and goes back to it.
class FailingRequests final : public RequestRecords {
 public:
  FailingRequests(RequestRecords& inner, RegistryFaults& faults) : inner_(inner), faults_(faults) {}

  Result<Claimed> claim(const std::string& key, const std::string& fingerprint, UnixMillis now,
                        AuditEntry begun) override {
    if (faults_.refuse_requests) return refuse();
    return inner_.claim(key, fingerprint, now, std::move(begun));
  }
  Result<std::uint64_t> begin(AuditEntry entry) override {
    if (faults_.refuse_requests) return refuse();
    return inner_.begin(std::move(entry));
  }
  Result<void> record(AuditEntry entry, const RequestClaim* claim,
                      const std::string& answer) override {
    if (faults_.refuse_requests || faults_.refuse_answers) return refuse();
    return inner_.record(std::move(entry), claim, answer);
  }
  Result<AuditPage> audit(const AuditQuery& query) const override { return inner_.audit(query); }
  Result<void> forget_old(UnixMillis now) override { return inner_.forget_old(now); }

 private:
  void release(const std::string&) noexcept override {}
  std::unexpected<Error> refuse() {
    ++faults_.refused;
    return fail(ErrorCode::no_space, "injected: the registry's disk is full");
  }

  RequestRecords& inner_;
  RegistryFaults& faults_;
};

class FailingRegistry final : public registry::Registry {
 public:
  FailingRegistry(std::unique_ptr<registry::Registry> inner, RegistryFaults& faults)
      : inner_(std::move(inner)), faults_(faults), requests_(inner_->requests(), faults) {}

  Result<void> close() override { return inner_->close(); }
  std::vector<DatabaseRecord> databases() const override { return inner_->databases(); }
  std::optional<DatabaseRecord> database(const DatabaseId& id) const override {
    return inner_->database(id);
  }
  Result<void> put_database(const DatabaseRecord& record) override {
    if (faults_.refuse_all) return refuse();
    return inner_->put_database(record);
  }
  Result<void> choose_default(const DatabaseId& id) override {
    if (faults_.refuse_all) return refuse();
    return inner_->choose_default(id);
  }
  Result<void> remove_database(const DatabaseId& id) override {
    if (faults_.refuse_all) return refuse();
    return inner_->remove_database(id);
  }
  Result<NewConnection> create_connection(const DatabaseId& id, std::string name,
                                          const Intent& intent) override {
    return inner_->create_connection(id, std::move(name), intent);
  }
  std::vector<ConnectionInfo> connections(const DatabaseId& id) const override {
    return inner_->connections(id);
  }
  std::optional<ConnectionInfo> connection(const ConnectionId& id) const override {
    return inner_->connection(id);
  }
  Result<NewConnection> rotate_connection(const ConnectionId& id, const Intent& intent) override {
    return inner_->rotate_connection(id, intent);
  }
  Result<void> remove_connection(const ConnectionId& id) override {
    return inner_->remove_connection(id);
  }
  std::optional<Credential> authenticate(std::string_view user,
                                         std::string_view password) const override {
    return inner_->authenticate(user, password);
  }
  Result<NewToken> create_token(std::string name, Scopes scopes, const Engine::KeepSecret& keep,
                                const Intent& intent) override {
    return inner_->create_token(std::move(name), scopes, keep, intent);
  }
  std::vector<TokenInfo> tokens() const override { return inner_->tokens(); }
  Result<void> revoke_token(const TokenId& id) override { return inner_->revoke_token(id); }
  std::optional<TokenInfo> token(std::string_view secret) const override {
    return inner_->token(secret);
  }
  bool never_had_a_token() const override { return inner_->never_had_a_token(); }
  RequestRecords& requests() override { return requests_; }
  registry::UsageStore& usage() override { return inner_->usage(); }
  Result<void> put_operation(const OperationRecord& record) override {
    const bool ended = record.view.state != OperationState::running;
    if (faults_.refuse_all || (ended && faults_.refuse_ends)) return refuse();
    return inner_->put_operation(record);
  }
  std::vector<OperationRecord> operations() const override { return inner_->operations(); }
  Result<void> remove_operations_before(UnixMillis time,
                                        const std::set<OperationId>& kept) override {
    return inner_->remove_operations_before(time, kept);
  }

 private:
  Result<void> refuse() {
    ++faults_.refused;
    return fail(ErrorCode::no_space, "injected: the registry's disk is full");
  }

  const std::unique_ptr<registry::Registry> inner_;
  RegistryFaults& faults_;
  FailingRequests requests_;
};

}  // namespace

std::function<std::unique_ptr<registry::Registry>(std::unique_ptr<registry::Registry>)>
RegistryFaults::wrap() {
  return [this](std::unique_ptr<registry::Registry> inner) -> std::unique_ptr<registry::Registry> {
    return std::make_unique<FailingRegistry>(std::move(inner), *this);
  };
}

}  // namespace restored::test

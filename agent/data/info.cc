#include "data/info.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "data/command_table.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

using Lines = std::back_insert_iterator<std::string>;

template <class... Args>
void line(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(Lines(text), format, std::forward<Args>(args)...);
  text += "\r\n";
}

void server_section(Client& client, std::string& text) {
  const ServerState& server = client.server;
  const UnixMillis now = server.clock.wall();
  const EngineFacts facts = server.engine.engine_facts();
  line(text, "redis_version:{}", redis_version);
  line(text, "redis_git_sha1:00000000");
  line(text, "redis_git_dirty:0");
  line(text, "redis_mode:standalone");
  line(text, "restored_version:{}", facts.version);
  line(text, "rocksdb_version:{}", facts.rocksdb_version);
  line(text, "arch_bits:{}", 8 * sizeof(void*));
  line(text, "multiplexing_api:epoll");
  line(text, "process_id:{}", getpid());
  line(text, "run_id:{}", server.run_id);
  line(text, "tcp_port:{}", server.port);
  line(text, "server_time_usec:{}", now * 1000);
  line(text, "uptime_in_seconds:{}", (now - server.started_at) / 1000);
  line(text, "uptime_in_days:{}", (now - server.started_at) / 86'400'000);
  line(text, "io_uring:{}", facts.io_uring ? 1 : 0);
}

void clients_section(Client& client, std::string& text) {
  const auto clients = client.server.clients.of_database(client.database->id);
  std::size_t input = 0;
  std::size_t output = 0;
  for (const auto& record : clients) {
    input = std::max(input, record->input_bytes.load());
    output = std::max(output, record->output_bytes.load());
  }
  line(text, "connected_clients:{}", clients.size());
  line(text, "cluster_connections:0");
  line(text, "maxclients:{}", client.server.options.clients_max);
  line(text, "client_recent_max_input_buffer:{}", input);
  line(text, "client_recent_max_output_buffer:{}", output);
  line(text, "blocked_clients:0");
  line(text, "tracking_clients:0");
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void memory_section(Client& client, std::string& text) {
  const EngineFacts facts = client.server.engine.engine_facts();
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const std::uint64_t resident = resident_bytes();
  line(text, "used_memory:{}", resident);
  line(text, "used_memory_human:{:.2f}M",
       static_cast<double>(resident) / static_cast<double>(kMiB));
  line(text, "used_memory_rss:{}", resident);
  line(text, "used_memory_peak:{}", static_cast<std::uint64_t>(usage.ru_maxrss) * kKiB);
  line(text, "maxmemory:0");
  line(text, "maxmemory_policy:noeviction");
  line(text, "restore_memory_budget:{}", facts.memory_budget_bytes);
  line(text, "restore_memory_in_use:{}", facts.memory_in_use_bytes);
}

std::optional<OperationView> running_operation(Client& client) {
  const auto info = client.server.engine.database(client.database->id);
  if (!info || !info->operation) return std::nullopt;
  auto operation = client.server.engine.operation(*info->operation);
  if (!operation) return std::nullopt;
  return std::move(*operation);
}

void persistence_section(Client& client, std::string& text) {
  const auto operation = running_operation(client);
  const bool saving = operation && operation->kind == OperationKind::backup;
  const bool synced = client.server.options.durability == Durability::device;
  line(text, "loading:0");
  line(text, "async_loading:0");
  line(text, "rdb_bgsave_in_progress:{}", saving ? 1 : 0);
  line(text, "rdb_last_save_time:{}", last_backup_at(client));
  const bool failed = client.server.engine.backup_history(client.database->id).failed;
  line(text, "rdb_last_bgsave_status:{}", failed ? "err" : "ok");
  line(text, "aof_enabled:1");
  line(text, "aof_fsync:{}", synced ? "always" : "everysec");
  line(text, "aof_rewrite_in_progress:0");
  line(text, "aof_last_write_status:ok");
}

void stats_section(Client& client, std::string& text) {
  const Counters& counters = client.database->counters;
  line(text, "total_connections_received:{}", counters.connections.load());
  const std::uint64_t before = counters.commands_at_reset.load();  // first: it is the smaller
  line(text, "total_commands_processed:{}", counters.commands.load() - before);
  line(text, "rejected_connections:{}", client.server.refused.load());
  line(text, "evicted_keys:0");
  line(text, "keyspace_hits:{}", counters.hits.load());
  line(text, "keyspace_misses:{}", counters.misses.load());
  line(text, "total_error_replies:{}", counters.errors.load());
}

void replication_section(Client& client, std::string& text) {
  line(text, "role:master");
  line(text, "connected_slaves:0");
  line(text, "master_failover_state:no-failover");
  line(text, "master_replid:{}", client.server.run_id);
  line(text, "master_repl_offset:0");
}

// Monitors ask every few seconds, so big data is estimated, not counted; DBSIZE counts.
void keyspace_section(Client& client, std::string& text) {
  constexpr std::uint64_t counted_max = 100'000;
  Keyspace& keyspace = *client.database->keyspace;
  std::uint64_t keys = keyspace.pin()->estimated_records();
  if (keys <= counted_max) {
    keys = keyspace.count_keys(client.server.stopping.get_token()).value_or(keys);
  }
  if (keys > 0) line(text, "db0:keys={},expires=0,avg_ttl=0", keys);
}

// The newest restore or undo of this database that succeeded.
std::optional<OperationView> last_restore(Client& client) {
  for (OperationView& operation : client.server.engine.operations()) {
    const bool replaced =
        operation.kind == OperationKind::restore || operation.kind == OperationKind::undo;
    if (replaced && operation.state == OperationState::succeeded &&
        operation.database == client.database->id) {
      return std::move(operation);
    }
  }
  return std::nullopt;
}

void restore_section(Client& client, std::string& text) {
  const auto pin = client.database->keyspace->pin();
  line(text, "database_id:{}", client.database->id.value);
  line(text, "generation:{}", pin->number());
  const auto info = client.server.engine.database(client.database->id);
  if (info) {
    line(text, "status:{}", name(info->status));
    if (info->previous_generation) line(text, "previous_generation:{}", *info->previous_generation);
    if (info->undo_until) line(text, "undo_until:{}", *info->undo_until / 1000);
  }
  const auto operation = running_operation(client);
  line(text, "operation_running:{}", operation ? 1 : 0);
  if (operation) {
    const double total = static_cast<double>(operation->bytes_total);
    line(text, "operation_id:{}", operation->id.value);
    line(text, "operation_kind:{}", name(operation->kind));
    line(text, "operation_phase:{}", name(operation->phase));
    line(text, "operation_bytes_done:{}", operation->bytes_done);
    line(text, "operation_bytes_total:{}", operation->bytes_total);
    line(text, "operation_percent:{:.1f}",
         total > 0 ? 100.0 * static_cast<double>(operation->bytes_done) / total : 0.0);
  }
  const auto last = last_restore(client);
  line(text, "last_restore_time:{}", last ? last->ended_at.value_or(last->updated_at) / 1000 : 0);
  if (last) {
    line(text, "last_restore_operation:{}", last->id.value);
    line(text, "last_restore_kind:{}", name(last->kind));
    if (!last->backup.empty()) line(text, "last_restore_backup:{}", last->backup.value);
  }
}

struct Section {
  std::string_view name;
  std::string_view title;
  void (*print)(Client&, std::string&);
};
constexpr std::array sections_in_order{
    Section{"server", "Server", server_section},
    Section{"clients", "Clients", clients_section},
    Section{"memory", "Memory", memory_section},
    Section{"persistence", "Persistence", persistence_section},
    Section{"stats", "Stats", stats_section},
    Section{"replication", "Replication", replication_section},
    Section{"keyspace", "Keyspace", keyspace_section},
    Section{"restore", "Restore", restore_section},
};

bool selected(std::span<const std::string_view> wanted, std::string_view section) {
  if (wanted.empty()) return true;
  return std::any_of(wanted.begin(), wanted.end(), [&](std::string_view word) {
    return equals_ignoring_case(word, section) || equals_ignoring_case(word, "all") ||
           equals_ignoring_case(word, "default") || equals_ignoring_case(word, "everything");
  });
}

}  // namespace

std::string info_text(Client& client, std::span<const std::string_view> sections) {
  std::string text;
  for (const Section& section : sections_in_order) {
    if (!selected(sections, section.name)) continue;
    if (!text.empty()) text += "\r\n";
    line(text, "# {}", section.title);
    section.print(client, text);
  }
  return text;
}

std::int64_t last_backup_at(Client& client) {
  const BackupHistory history = client.server.engine.backup_history(client.database->id);
  return history.completed_at.value_or(client.server.started_at) / 1000;
}

}  // namespace restored::data

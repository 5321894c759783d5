// The table of routes: what exists, who may ask, what it may wait for, who answers,
// whether a hold makes it another request.
#include "control/handlers.h"
#include "control/router.h"

namespace restored::control {
namespace {

constexpr Surface first = Surface::first;
constexpr Surface second = Surface::second;
constexpr Surface probe = Surface::probe;

constexpr Reach memory = Reach::memory;
constexpr Reach disk = Reach::disk;
constexpr Reach store = Reach::store;
constexpr Reach cancel = Reach::cancel;

constexpr bool holds = true;

constexpr Scopes none = 0;
constexpr auto read = static_cast<Scopes>(Scope::read);
constexpr auto write = static_cast<Scopes>(Scope::write);
constexpr auto restore = static_cast<Scopes>(Scope::restore);
constexpr auto any = static_cast<Scopes>(read | write | restore);
constexpr auto write_or_restore = static_cast<Scopes>(write | restore);

// clang-format off
constexpr Route table[] = {
    {"POST",   "/v1/databases",                                    first, write,   store,  create_database},
    {"GET",    "/v1/databases",                                    first, read,    memory, list_databases},
    {"GET",    "/v1/databases/{id}",                               first, read,    memory, get_database},
    {"PATCH",  "/v1/databases/{id}",                               first, write,   disk,   update_database},
    {"DELETE", "/v1/databases/{id}",                               first, write,   disk,   delete_database},
    {"GET",    "/v1/databases/{id}/content",                       first, read,    memory, read_content},
    {"GET",    "/v1/databases/{id}/usage",                         first, read,    memory, get_usage},
    {"POST",   "/v1/projects/{project}/databases",                 first, write,   store,  create_project_database},
    {"GET",    "/v1/projects/{project}/databases",                 first, read,    memory, list_project_databases},

    {"POST",   "/v1/connections",                                  first, write,   disk,   create_connection},
    {"GET",    "/v1/connections",                                  first, read,    memory, list_connections},
    {"GET",    "/v1/connections/{connection}",                     first, read,    memory, get_connection},
    {"DELETE", "/v1/connections/{connection}",                     first, write,   disk,   delete_connection},
    {"POST",   "/v1/connections/{connection}/rotate",              first, write,   disk,   rotate_connection},
    {"POST",   "/v1/databases/{id}/connections",                   first, write,   disk,   create_database_connection},
    {"GET",    "/v1/databases/{id}/connections",                   first, read,    memory, list_database_connections},

    {"POST",   "/v1/databases/{id}/backups",                       first, write,   disk,   create_backup},
    {"GET",    "/v1/databases/{id}/backups",                       first, read,    store,  list_backups},
    {"GET",    "/v1/databases/{id}/backups/{backup}",              first, read,    store,  get_backup},
    {"DELETE", "/v1/databases/{id}/backups/{backup}",              first, write,   store,  delete_backup},
    {"POST",   "/v1/databases/{id}/backups/{backup}/verify",       first, read,    store,  verify_backup},
    {"GET",    "/v1/databases/{id}/schedule",                      first, read,    memory, get_schedule},
    {"PATCH",  "/v1/databases/{id}/schedule",                      first, write,   disk,   update_schedule},
    {"GET",    "/v1/backups/{backup}",                             first, read,    store,  get_backup},
    {"DELETE", "/v1/backups/{backup}",                             first, write,   store,  delete_backup},
    {"GET",    "/v1/backups/{backup}/manifest",                    first, read,    store,  get_backup_manifest},
    {"POST",   "/v1/backups/{backup}/verify",                      first, read,    store,  verify_backup},

    {"POST",   "/v1/repository/collect",                           first, write,   memory, collect_repository},
    {"POST",   "/v1/repository/rekey",                             first, write,   memory, rekey_repository},

    {"POST",   "/v1/databases/{id}/restore",                       first, restore, store,  restore_database, holds},
    {"POST",   "/v1/databases/{id}/restore/validate",              first, restore, store,  validate_restore, holds},
    {"POST",   "/v1/databases/{id}/restore/undo",                  first, restore, disk,   undo_restore, holds},
    {"GET",    "/v1/databases/{id}/restore/undo",                  first, read,    memory, get_undo},

    {"GET",    "/v1/operations",                                   first, read,    memory, list_operations},
    {"GET",    "/v1/operations/{operation}",                       first, read,    memory, get_operation},
    {"DELETE", "/v1/operations/{operation}",                       first, write_or_restore, cancel, cancel_operation},
    {"PATCH",  "/v1/operations/{operation}",                       first, write_or_restore, disk,   update_operation},
    {"POST",   "/v1/operations/{operation}/commit",                first, restore, disk,   commit_operation},
    {"GET",    "/v1/operations/{operation}/wait",                  first, read,    memory, wait_operation},
    {"GET",    "/v1/operations/{operation}/events",                first, read,    memory, follow_operation},

    {"POST",   "/v1/tokens",                                       first, write,   disk,   create_token},
    {"GET",    "/v1/tokens",                                       first, read,    memory, list_tokens},
    {"GET",    "/v1/tokens/{token}",                               first, read,    memory, get_token},
    {"DELETE", "/v1/tokens/{token}",                               first, write,   disk,   delete_token},

    {"GET",    "/v1/audit",                                        first, write,   disk,   list_audit},

    {"GET",    "/v1/me",                                           first, any,     memory, get_me},
    {"GET",    "/v1/limits",                                       first, read,    memory, get_limits},
    {"PATCH",  "/v1/limits",                                       first, write,   memory, update_limits},

    {"GET",    "/v1/info",                                         first, read,    memory, get_info},
    {"GET",    "/v1/openapi.json",                                 first, read,    memory, get_description},
    {"GET",    "/healthz",                                         probe, none,    memory, get_health},
    {"GET",    "/readyz",                                          probe, none,    memory, get_readiness},

    {"POST",   "/v2/redis/database",                               second, write,   disk,   second_create_database},
    {"GET",    "/v2/redis/databases",                              second, read,    memory, second_list_databases},
    {"GET",    "/v2/redis/database/{id}",                          second, read,    memory, second_get_database},
    {"DELETE", "/v2/redis/database/{id}",                          second, write,   disk,   second_delete_database},
    {"POST",   "/v2/redis/rename/{id}",                            second, write,   disk,   second_rename_database},
    {"POST",   "/v2/redis/reset-password/{id}",                    second, write,   disk,   second_reset_password},
    {"GET",    "/v2/redis/stats/{id}",                             second, read,    memory, second_get_stats},
    {"POST",   "/v2/redis/create-backup/{id}",                     second, write,   disk,   second_create_backup},
    {"GET",    "/v2/redis/list-backup/{id}",                       second, read,    store,  second_list_backups},
    {"DELETE", "/v2/redis/delete-backup/{id}/{backup}",            second, write,   store,  second_delete_backup},
    {"PATCH",  "/v2/redis/enable-dailybackup/{id}",                second, write,   disk,   second_enable_daily_backup},
    {"POST",   "/v2/redis/enable-dailybackup/{id}",                second, write,   disk,   second_enable_daily_backup},
    {"PATCH",  "/v2/redis/disable-dailybackup/{id}",               second, write,   disk,   second_disable_daily_backup},
    {"POST",   "/v2/redis/disable-dailybackup/{id}",               second, write,   disk,   second_disable_daily_backup},
    {"POST",   "/v2/redis/restore-backup/{id}",                    second, restore, store,  second_restore_backup, holds},
};
// clang-format on

}  // namespace

std::span<const Route> routes() {
  return table;
}

}  // namespace restored::control

// The table of routes: what exists, who may ask, who answers.
#include "control/handlers.h"
#include "control/router.h"

namespace restored::control {
namespace {

constexpr Surface first = Surface::first;
constexpr Surface second = Surface::second;
constexpr Surface probe = Surface::probe;

constexpr Scopes none = 0;
constexpr auto read = static_cast<Scopes>(Scope::read);
constexpr auto write = static_cast<Scopes>(Scope::write);
constexpr auto restore = static_cast<Scopes>(Scope::restore);
constexpr auto write_or_restore = static_cast<Scopes>(write | restore);

// clang-format off
constexpr Route table[] = {
    {"POST",   "/v1/databases",                                    first, write,   create_database},
    {"GET",    "/v1/databases",                                    first, read,    list_databases},
    {"GET",    "/v1/databases/{id}",                               first, read,    get_database},
    {"PATCH",  "/v1/databases/{id}",                               first, write,   update_database},
    {"DELETE", "/v1/databases/{id}",                               first, write,   delete_database},
    {"POST",   "/v1/projects/{project}/databases",                 first, write,   create_project_database},
    {"GET",    "/v1/projects/{project}/databases",                 first, read,    list_project_databases},

    {"POST",   "/v1/connections",                                  first, write,   create_connection},
    {"GET",    "/v1/connections",                                  first, read,    list_connections},
    {"GET",    "/v1/connections/{connection}",                     first, read,    get_connection},
    {"DELETE", "/v1/connections/{connection}",                     first, write,   delete_connection},
    {"POST",   "/v1/connections/{connection}/rotate",              first, write,   rotate_connection},
    {"POST",   "/v1/databases/{id}/connections",                   first, write,   create_database_connection},
    {"GET",    "/v1/databases/{id}/connections",                   first, read,    list_database_connections},

    {"POST",   "/v1/databases/{id}/backups",                       first, write,   create_backup},
    {"GET",    "/v1/databases/{id}/backups",                       first, read,    list_backups},
    {"GET",    "/v1/databases/{id}/backups/{backup}",              first, read,    get_backup},
    {"DELETE", "/v1/databases/{id}/backups/{backup}",              first, write,   delete_backup},
    {"POST",   "/v1/databases/{id}/backups/{backup}/verify",       first, read,    verify_backup},
    {"GET",    "/v1/backups/{backup}",                             first, read,    get_backup},
    {"DELETE", "/v1/backups/{backup}",                             first, write,   delete_backup},
    {"GET",    "/v1/backups/{backup}/manifest",                    first, read,    get_backup_manifest},
    {"POST",   "/v1/backups/{backup}/verify",                      first, read,    verify_backup},

    {"POST",   "/v1/databases/{id}/restore",                       first, restore, restore_database},
    {"POST",   "/v1/databases/{id}/restore/validate",              first, restore, validate_restore},
    {"POST",   "/v1/databases/{id}/restore/undo",                  first, restore, undo_restore},

    {"GET",    "/v1/operations",                                   first, read,    list_operations},
    {"GET",    "/v1/operations/{operation}",                       first, read,    get_operation},
    {"DELETE", "/v1/operations/{operation}",                       first, write_or_restore, cancel_operation},
    {"GET",    "/v1/operations/{operation}/wait",                  first, read,    wait_operation},

    {"POST",   "/v1/tokens",                                       first, write,   create_token},
    {"GET",    "/v1/tokens",                                       first, read,    list_tokens},
    {"GET",    "/v1/tokens/{token}",                               first, read,    get_token},
    {"DELETE", "/v1/tokens/{token}",                               first, write,   delete_token},

    {"GET",    "/v1/info",                                         first, read,    get_info},
    {"GET",    "/healthz",                                         probe, none,    get_health},
    {"GET",    "/readyz",                                          probe, none,    get_readiness},

    {"POST",   "/v2/redis/database",                               second, write,   second_create_database},
    {"GET",    "/v2/redis/databases",                              second, read,    second_list_databases},
    {"GET",    "/v2/redis/database/{id}",                          second, read,    second_get_database},
    {"DELETE", "/v2/redis/database/{id}",                          second, write,   second_delete_database},
    {"POST",   "/v2/redis/rename/{id}",                            second, write,   second_rename_database},
    {"POST",   "/v2/redis/create-backup/{id}",                     second, write,   second_create_backup},
    {"GET",    "/v2/redis/list-backup/{id}",                       second, read,    second_list_backups},
    {"DELETE", "/v2/redis/delete-backup/{id}/{backup}",            second, write,   second_delete_backup},
    {"POST",   "/v2/redis/restore-backup/{id}",                    second, restore, second_restore_backup},
};
// clang-format on

}  // namespace

std::span<const Route> routes() {
  return table;
}

}  // namespace restored::control

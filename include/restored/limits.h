// Every limit of the product, in one place, with the relations between them as compile-time
// facts. What an operator may change is a default here and a key of the configuration.
#pragma once

#include <cstddef>
#include <cstdint>

#include "restored/units.h"

namespace restored::limits {

// Format. A frame is the unit of compression and hashing, a range the unit of transfer.
inline constexpr std::uint64_t frame_bytes = 256 * kKiB;
// zstd's bound for one incompressible frame (ZSTD_compressBound) stays below this.
inline constexpr std::uint64_t frame_stored_bytes_max = frame_bytes + 4 * kKiB;
// A range ends before either bound would be passed: incompressible data reaches the first,
// compressible data the second.
inline constexpr std::uint64_t range_stored_bytes_max = 8 * kMiB + 512 * kKiB;
inline constexpr std::uint64_t range_content_bytes_max = 16 * kMiB;
inline constexpr std::uint64_t range_frames_max = range_content_bytes_max / frame_bytes;
inline constexpr std::uint64_t manifest_bytes_max = 256 * kMiB;
inline constexpr std::uint64_t small_object_bytes_max = 1 * kMiB;
inline constexpr std::size_t object_key_bytes_max = 512;
inline constexpr std::uint64_t upload_stale_seconds = 24 * 3600;
// How old an object without a manifest must be before it is taken for left behind: longer than any
// backup takes.
inline constexpr std::uint64_t orphan_seconds = 7ull * 24 * 3600;
inline constexpr std::uint64_t contents_bytes_max = 16 * kMiB;

// Many hosts, one repository: see "Order of writing and removing" in engine/format/FORMAT.md. A
// collection renews its mark, and removes nothing when it could not do so for the second time; a
// mark that was not renewed for the third time no longer keeps a backup waiting.
inline constexpr unsigned collection_renew_seconds = 60;
inline constexpr unsigned collection_remove_seconds = 200;
inline constexpr unsigned collection_stale_seconds = 600;
inline constexpr unsigned collection_look_seconds = 1;    // between two looks at another's mark
inline constexpr unsigned collection_retry_seconds = 60;  // after one that did not come to its end
inline constexpr unsigned repository_calls_max = 16;      // small calls in flight, of one task
inline constexpr unsigned backup_check_rounds_max = 5;    // of objects that keep disappearing

// I/O. Direct I/O needs offsets, lengths and memory aligned to this.
inline constexpr std::uint64_t io_alignment = 4 * kKiB;
inline constexpr std::uint64_t write_bytes_max = 1 * kMiB;  // one submission to the ring
inline constexpr unsigned ring_depth = 64;
inline constexpr std::uint64_t journal_checkpoint_bytes = 256 * kMiB;
inline constexpr std::size_t target_files_open_max = 64;     // of one restore, being written
inline constexpr std::uint64_t local_read_bytes = 4 * kMiB;  // one read of a local file

// Memory. One lease covers a range's stored and content bytes together.
inline constexpr std::uint64_t range_lease_bytes_max =
    round_up(range_stored_bytes_max, io_alignment) + 2 * io_alignment + range_content_bytes_max;
inline constexpr std::uint64_t memory_budget_bytes_default = 256 * kMiB;
inline constexpr std::uint64_t memory_budget_bytes_min = 64 * kMiB;
inline constexpr unsigned ranges_in_flight_max = 64;

// Object stores. Reads in flight begin at a few and grow while that makes them faster.
inline constexpr unsigned store_reads_begin = 4;
inline constexpr unsigned store_reads_max_default = 32;
inline constexpr unsigned store_writes_max_default = 8;
inline constexpr unsigned store_writes_max = 64;
inline constexpr std::uint64_t upload_part_bytes = 8 * kMiB;
inline constexpr std::uint64_t upload_part_bytes_min = 5 * kMiB;  // S3's own, but for the last
inline constexpr std::uint64_t upload_parts_max = 10'000;         // S3's own
inline constexpr std::uint64_t store_stall_seconds_default = 20;
inline constexpr std::uint64_t store_retry_seconds_default = 300;
inline constexpr std::uint64_t store_seconds_max = 24 * 3600;  // of either
inline constexpr unsigned store_connect_seconds = 5;
inline constexpr unsigned store_request_patience_seconds = 10;  // of who asks over the control API
inline constexpr unsigned store_brief_patience_seconds = 3;     // at the start, and in between
inline constexpr unsigned repository_retry_seconds = 10;        // while it cannot be reached
inline constexpr unsigned store_backoff_millis = 100;           // the first wait is up to this long
inline constexpr unsigned store_backoff_millis_max = 20'000;    // and no wait longer than this
inline constexpr unsigned store_idle_seconds = 15;     // a connection kept for the next one
inline constexpr unsigned store_name_seconds = 30;     // how long a resolved name is believed
inline constexpr unsigned store_request_seconds = 60;  // beside its bytes,
inline constexpr std::uint64_t store_bytes_per_second_min = 64 * kKiB;  // at this rate at least
inline constexpr unsigned store_wait_shown_seconds = 2;  // a wait that is worth telling
inline constexpr std::size_t store_header_bytes_max = 32 * kKiB;
inline constexpr std::size_t store_error_bytes_max = 64 * kKiB;
inline constexpr std::size_t store_list_bytes_max = 4 * kMiB;  // one page
inline constexpr unsigned store_list_page = 1000;
inline constexpr unsigned store_clock_warning_seconds = 5;
inline constexpr unsigned store_clock_skew_seconds = 15 * 60;    // signatures older than this fail
inline constexpr unsigned credentials_refresh_seconds = 5 * 60;  // before they expire
inline constexpr unsigned object_reads_again_max = 2;            // of a frame whose hash differs

// Storage.
inline constexpr std::uint64_t sst_bytes = 64 * kMiB;
inline constexpr int open_files_max = 500;
inline constexpr std::uint64_t block_cache_bytes_default = 512 * kMiB;
inline constexpr std::uint64_t space_reserve_bytes_default = 1 * kGiB;
inline constexpr std::uint64_t undo_seconds_default = 24 * 3600;
inline constexpr std::uint64_t undo_seconds_max = 3650ull * 24 * 3600;

// Operations. More than these wait for their turn; a restore that was cut off more often than
// that is failed instead of continued, so that one that kills its agent does not do so for ever.
inline constexpr unsigned operations_running_max = 4;
inline constexpr std::uint32_t restore_attempts_max = 8;
inline constexpr unsigned databases_opening_max = 8;  // at once, at the start
// An operation that runs longer ends with an error. Three days are 25 TB at 100 MB/s; and a backup
// must be over before what it has uploaded looks left behind, so it has a deadline in any case.
inline constexpr std::uint64_t operation_seconds_default = 3ull * 24 * 3600;
inline constexpr std::uint64_t operation_seconds_min = 60;
inline constexpr std::uint64_t operation_seconds_max = 30ull * 24 * 3600;
inline constexpr std::uint64_t backup_seconds_max = 6ull * 24 * 3600;
// A restore that holds and is not committed ends; each one keeps its files and a thread.
inline constexpr std::uint64_t hold_seconds_default = 3600;
inline constexpr std::uint64_t hold_seconds_max = 7ull * 24 * 3600;
// Programs of the operator. What one writes is kept up to so much; told to end, it has so long.
inline constexpr std::uint64_t hook_seconds_default = 30;
inline constexpr std::uint64_t hook_seconds_max = 3600;
inline constexpr std::size_t hook_output_bytes_max = 4 * kKiB;
inline constexpr unsigned hook_grace_millis = 2000;
inline constexpr unsigned retire_check_seconds = 5;
inline constexpr unsigned space_wait_seconds = 60;  // for retired files to be gone

// Scheduled backups. A run that fails is tried again after a wait that doubles; a run that the
// agent slept through begins within the catch-up time after its start, so that hosts that lost
// their power together do not begin together.
inline constexpr std::uint64_t backup_every_seconds_default = 24 * 3600;
inline constexpr std::uint64_t backup_every_seconds_min = 10;
inline constexpr std::uint64_t backup_every_seconds_max = 366ull * 24 * 3600;
inline constexpr std::uint64_t backup_at_seconds_default = 2 * 3600;
inline constexpr std::uint64_t backup_spread_seconds_default = 3600;
inline constexpr std::uint64_t backup_keep_days_default = 7;
inline constexpr std::uint64_t backup_keep_days_max = 36'500;
inline constexpr std::uint64_t backup_keep_count_default = 3;
inline constexpr std::uint64_t backup_keep_count_max = 100'000;
inline constexpr unsigned scheduled_backups_max = 2;  // at once
inline constexpr unsigned schedule_retry_seconds = 60;
inline constexpr unsigned schedule_retry_seconds_max = 3600;
inline constexpr unsigned schedule_catch_up_seconds = 600;

// Threads of one kind that an operator may ask for: far above any host that this is made for.
inline constexpr unsigned configured_threads_max = 256;

// Control plane.
inline constexpr std::size_t http_header_bytes_max = 16 * kKiB;
inline constexpr std::size_t http_body_bytes_max = 64 * kKiB;
inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t list_limit_default = 100;
inline constexpr std::size_t list_limit_max = 1000;
inline constexpr std::size_t backup_list_limit_default = 25;
inline constexpr std::size_t backup_list_limit_max = 100;
inline constexpr unsigned http_idle_seconds = 60;
inline constexpr unsigned http_request_seconds = 30;
inline constexpr unsigned http_workers = 4;           // threads for memory, disk, store each
inline constexpr unsigned http_waiters_max = 32;      // requests that wait for an operation
inline constexpr std::size_t http_clients_max = 256;  // open control connections
inline constexpr std::size_t http_clients_configured_max = 10'000;
inline constexpr unsigned http_accept_pause_millis = 100;  // after an error such as EMFILE
inline constexpr unsigned http_linger_seconds = 2;  // for a refused client to read its answer
inline constexpr unsigned http_drain_seconds = 10;  // for running requests at the stop
inline constexpr unsigned wait_seconds_default = 30;
inline constexpr unsigned wait_seconds_max = 600;
inline constexpr unsigned retry_after_seconds = 2;
// Streams of an operation's events: each is a client, too.
inline constexpr std::size_t event_streams_max = 1000;
inline constexpr unsigned event_poll_millis = 100;       // how often operations are looked at
inline constexpr unsigned event_progress_millis = 1000;  // between two events of mere progress
inline constexpr unsigned event_heartbeat_millis = 15'000;
inline constexpr std::size_t event_input_bytes_max = 64 * kKiB;  // that a follower may still send
inline constexpr std::size_t connection_name_characters_min = 3;
inline constexpr std::size_t connection_name_characters_max = 65;
inline constexpr std::size_t database_name_bytes_max = 128;
inline constexpr std::size_t logical_id_bytes_max = 128;
// Commands are counted by database and day (UTC): what a crash may lose, and what is kept.
inline constexpr unsigned usage_flush_seconds = 60;
inline constexpr std::uint32_t usage_days_max = 400;
// Ended operations are on record for this long, and this many of them: about 3 KiB of memory each.
inline constexpr std::uint64_t operation_retention_seconds = 30ull * 24 * 3600;
inline constexpr std::size_t ended_operations_max = 10'000;
inline constexpr std::uint64_t forget_operations_seconds = 60;

// Requests: the answers that an Idempotency-Key finds again, the audit (about 600 bytes an entry on
// disk), and what one token may ask in a second.
inline constexpr std::uint64_t idempotency_seconds = 24 * 3600;
inline constexpr std::size_t idempotency_keys_max = 10'000;
inline constexpr std::size_t idempotency_key_characters_max = 255;
inline constexpr std::uint64_t audit_seconds = 365ull * 24 * 3600;
inline constexpr std::uint64_t audit_entries_max = 100'000;      // of what was done,
inline constexpr std::uint64_t audit_idle_entries_max = 20'000;  // and of what changed nothing
inline constexpr std::size_t audit_read_batch = 100;    // the registry waits while they are read
inline constexpr std::size_t audit_scan_max = 2000;     // entries that one page looks at
inline constexpr std::size_t audit_forget_batch = 500;  // in one write
inline constexpr unsigned audit_refused_per_minute = 60;
inline constexpr unsigned requests_per_second_default = 500;
inline constexpr unsigned requests_per_second_max = 1'000'000;

// Data plane.
inline constexpr std::uint64_t value_bytes_max_default = 512 * kMiB;
inline constexpr std::size_t inline_command_bytes_max = 64 * kKiB;
inline constexpr std::size_t command_arguments_max = 1024 * 1024;
inline constexpr std::size_t clients_max_default = 10'000;
inline constexpr std::size_t input_buffer_bytes_max = 1 * kGiB;
inline constexpr std::size_t output_buffer_bytes_max = 1 * kGiB;
inline constexpr std::size_t scan_cursors_max = 16 * 1024;

static_assert(range_content_bytes_max % frame_bytes == 0);
static_assert(frame_bytes % io_alignment == 0, "frames start at offsets that direct I/O takes");
static_assert(write_bytes_max % io_alignment == 0);
static_assert(write_bytes_max % frame_bytes == 0);
static_assert(journal_checkpoint_bytes % frame_bytes == 0);
static_assert(local_read_bytes % frame_bytes == 0);
static_assert(range_content_bytes_max % write_bytes_max == 0);
static_assert(range_stored_bytes_max >= 32 * frame_stored_bytes_max,
              "8 MiB of incompressible content fit into one range");
static_assert(memory_budget_bytes_min >= 2 * range_lease_bytes_max,
              "at the smallest budget one range can be fetched while another is written");
static_assert(event_progress_millis >= event_poll_millis);
static_assert(event_heartbeat_millis < 1000 * http_request_seconds,
              "who reads hears of a stream before a slow reader of it would be cut");
static_assert(store_reads_max_default <= ranges_in_flight_max);
static_assert(upload_part_bytes >= upload_part_bytes_min);
static_assert(local_read_bytes + upload_part_bytes + 2 * frame_stored_bytes_max <=
                  range_lease_bytes_max,
              "what holds a range holds an upload's lease");
static_assert(upload_parts_max * upload_part_bytes >= 1024 * sst_bytes,
              "files far larger than RocksDB makes them still fit into one object");
static_assert(undo_seconds_max <= (1ull << 62) / 1000, "in milliseconds, with the time of day");
static_assert(memory_budget_bytes_default >= memory_budget_bytes_min);
static_assert(small_object_bytes_max < manifest_bytes_max);
static_assert(orphan_seconds > upload_stale_seconds);
static_assert(backup_seconds_max + 24 * 3600 <= orphan_seconds, "a day for clocks that differ");
static_assert(operation_seconds_default <= backup_seconds_max);
static_assert(scheduled_backups_max < operations_running_max, "a restore need not wait for them");
static_assert(schedule_retry_seconds <= schedule_retry_seconds_max);
static_assert(store_writes_max_default <= store_writes_max);
static_assert(contents_bytes_max / 16 > manifest_bytes_max / 512, "an entry of 16 bytes a file");
static_assert(3 * collection_renew_seconds < collection_remove_seconds);
static_assert(3 * collection_remove_seconds <= collection_stale_seconds);
static_assert(orphan_seconds > 10 * collection_stale_seconds);
static_assert(input_buffer_bytes_max > value_bytes_max_default, "SET of the largest value");
static_assert(output_buffer_bytes_max > value_bytes_max_default, "GET of the largest value");

}  // namespace restored::limits

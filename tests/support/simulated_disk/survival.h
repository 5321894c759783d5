// What a power loss leaves of what was not synced.
//
//   nothing     only what a sync has covered
//   everything  as if the kernel had just written all of it back
//   in_order    names as ext4 and XFS keep them: their journals lose only the newest changes of
//               names, of the whole file system, and none that is older than any sync. Data as in
//               `any`.
//   any         each change of a name by itself, as POSIX leaves it, and nearly as btrfs does: its
//               log keeps the names of a synced file and may lose older ones of others
//
// Data that no sync covered (in_order, any): the file's length is any between the synced and the
// newest one (XFS and ext4 move it when blocks reach the disk, in any order); each page is there,
// or is what it was before, which is zeros for one that is new (blocks that were allocated and not
// written), or is torn: at a sector's border where it overwrites (a device writes sectors whole),
// at any byte where it appends (the kernel may have written the page back in between), which then
// is the file's end, as a last page that is not there is: a length comes after its bytes. A cut to
// a shorter length is there or not, and nothing written after it without it.
//
// Left out, since no file system of these does it: bytes of a synced file that change, foreign
// bytes in a file, a name that leads to another file than it ever did, a rename of which one half
// is there. A directory that is synced makes its own names durable; its name is its parent's. A
// file that is synced makes no name durable: fsync(2) says so, though ext4, XFS and btrfs do more.
#pragma once

#include <cstdint>

namespace restored::test {

enum class Survival : std::uint8_t { nothing, everything, in_order, any };

}  // namespace restored::test

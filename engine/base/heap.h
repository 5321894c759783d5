// The process's heap, which is the C library's: many short-lived threads, each with large buffers
// for a moment, leave much free memory in its arenas that nothing gives back.
#pragma once

namespace restored {

// At most two arenas a core, and at least four, in place of eight a core.
// REQUIRES: no other thread has begun.
void bound_heap_arenas();

// Gives free memory back to the system where there is much of it. Any thread; takes milliseconds,
// and another thread that allocates may wait for a part of them.
void give_back_heap();

}  // namespace restored

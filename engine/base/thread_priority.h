// CPU and I/O priority of the calling thread. Restores work below the threads that serve clients.
#pragma once

namespace restored {

// Names the thread (15 characters are kept) and lowers it: nice 10, best-effort I/O class 7.
// A kernel that refuses is noted once in the log; the work goes on.
void enter_background_thread(const char* name);

}  // namespace restored

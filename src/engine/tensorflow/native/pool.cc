#include "pool.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace fourfold {
namespace {

/** A thread looks for work this long before it sleeps: waking it takes some 50 µs. */
constexpr int64_t SPIN_MICROSECONDS = 300;

// One word tells which operation is under way, of how many pieces, and which comes next, so that a piece that was taken
// belongs to the operation whose description is there until it is finished.
constexpr int PIECE_BITS = 20;
constexpr uint64_t PIECE_MASK = (1u << PIECE_BITS) - 1;
constexpr int64_t MOST_PIECES = PIECE_MASK;

std::atomic<uint64_t> ticket{0};
std::atomic<int64_t> finished{0};
std::atomic<int> sleepers{0};
std::atomic<bool> isBusy{false};
std::atomic<int> wanted{1};
Piece piece = nullptr;
void* context = nullptr;
// Never destroyed: threads may still wait on them when the process ends.
std::mutex& mutex = *new std::mutex;
std::condition_variable& wake = *new std::condition_variable;
int started = 1;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

thread_local bool isWithin = false;

uint64_t countOf(uint64_t word) { return (word >> PIECE_BITS) & PIECE_MASK; }
bool hasWork(uint64_t word) { return (word & PIECE_MASK) < countOf(word); }

/** Takes pieces until none is left. */
void work() {
  isWithin = true;
  uint64_t word = ticket.load(std::memory_order_acquire);
  while (hasWork(word)) {
    if (!ticket.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel)) continue;
    piece(context, word & PIECE_MASK);
    finished.fetch_add(1, std::memory_order_release);
    word = ticket.load(std::memory_order_acquire);
  }
  isWithin = false;
}

int64_t now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void live(int number) {
  int64_t since = now();
  for (int64_t turn = 1;; turn++) {
    if (number < wanted.load(std::memory_order_relaxed) && hasWork(ticket.load(std::memory_order_acquire))) {
      work();
      since = now();
      continue;
    }
    pause();
    if (turn % 16 != 0) continue;
    // Whoever waits for this core, such as the compiler of JavaScript, goes first now and not in the middle of a piece.
    sched_yield();
    if (now() - since < SPIN_MICROSECONDS) continue;
    std::unique_lock<std::mutex> lock(mutex);
    sleepers.fetch_add(1);
    wake.wait(lock, [number] { return number < wanted.load() && hasWork(ticket.load()); });
    sleepers.fetch_sub(1);
    since = now();
  }
}

struct Buffer {
  float* at = nullptr;
  int64_t size = 0;

  /** Null where there is no memory. */
  float* get(int64_t wantedSize) {
    if (size >= wantedSize) return at;
    constexpr int64_t HUGE_PAGE = 2 << 20;
    free(at);
    at = nullptr;
    size = 0;
    const int64_t unit = wantedSize * 4 >= HUGE_PAGE ? HUGE_PAGE : 4096;
    const int64_t bytes = (wantedSize * 4 + unit - 1) / unit * unit;
    void* made = nullptr;
    if (posix_memalign(&made, unit, bytes) != 0) return nullptr;
#if defined(MADV_HUGEPAGE)
    if (unit == HUGE_PAGE) madvise(made, bytes, MADV_HUGEPAGE);
#endif
    at = static_cast<float*>(made);
    size = bytes / 4;
    return at;
  }
};

constexpr int PLACES = 24;
thread_local Buffer ownBuffers[PLACES];
Buffer sharedBuffers[PLACES];

}  // namespace

void setThreads(int count) {
  wanted.store(count < 1 ? 1 : count);
  for (; started < count; started++) std::thread(live, started).detach();
}

int threads() { return wanted.load(std::memory_order_relaxed); }

bool isWithinPiece() { return isWithin; }

void runPieces(int64_t count, Piece given, void* about) {
  // Operations that come from two threads at once, or too many pieces: this one goes on alone.
  if (count > MOST_PIECES || isBusy.exchange(true, std::memory_order_acquire)) {
    for (int64_t i = 0; i < count; i++) given(about, i);
    return;
  }
  piece = given;
  context = about;
  finished.store(0, std::memory_order_relaxed);
  const uint64_t turn = (ticket.load(std::memory_order_relaxed) >> (2 * PIECE_BITS)) + 1;
  ticket.store((turn << (2 * PIECE_BITS)) | (static_cast<uint64_t>(count) << PIECE_BITS));
  if (sleepers.load() > 0) {
    std::lock_guard<std::mutex> lock(mutex);
    wake.notify_all();
  }
  work();
  for (int64_t turns = 1; finished.load(std::memory_order_acquire) < count; turns++) {
    pause();
    if (turns % 1024 == 0) sched_yield();
  }
  isBusy.store(false, std::memory_order_release);
}

float* scratch(int place, int64_t size) {
  float* at = ownBuffers[place].get(size);
  if (at == nullptr && size > 0) {
    if (isWithin) abort();
    throw std::bad_alloc();
  }
  return at;
}

float* sharedScratch(int place, int64_t size) {
  float* at = sharedBuffers[place].get(size);
  if (at == nullptr && size > 0) throw std::bad_alloc();
  return at;
}

}  // namespace fourfold

// Threads that share the pieces of one operation. Which thread takes which piece is open; what a piece computes must not
// depend on it, so results have the same bits with any number of threads.
#pragma once
#include <cstdint>

namespace fourfold {

/** From the next operation on; at least 1. */
void setThreads(int count);
int threads();

typedef void (*Piece)(void* context, int64_t index);
void runPieces(int64_t count, Piece piece, void* context);

/** Calls work(index) for each index below `count`, on all threads. */
template <typename Work>
void inPieces(int64_t count, const Work& work) {
  if (count <= 1 || threads() == 1) {
    for (int64_t i = 0; i < count; i++) work(i);
    return;
  }
  runPieces(
      count, [](void* context, int64_t index) { (*static_cast<const Work*>(context))(index); },
      const_cast<Work*>(&work));
}

/** Calls work(from, to) for parts of 0 .. count that take `cost` (nanoseconds, roughly) an item. */
template <typename Work>
void inParts(int64_t count, double cost, const Work& work) {
  // A piece is some 20 µs; what takes less than two of them is not worth another thread.
  int64_t size = static_cast<int64_t>(20000 / cost) + 1;
  const int64_t pieces = (count + size - 1) / size;
  if (pieces <= 2 && count * cost < 30000) {
    if (count > 0) work(0, count);
    return;
  }
  inPieces(pieces, [&](int64_t i) {
    const int64_t from = i * size;
    work(from, from + size < count ? from + size : count);
  });
}

/**
 * Memory of the calling thread, kept for the next call; `place` tells apart what is in use at once. Without any left the
 * process ends: other threads count on the piece that asks. @param size of floats
 */
float* scratch(int place, int64_t size);

/** Memory for all threads of one operation at a time; never asked for within a piece. @throws std::bad_alloc */
float* sharedScratch(int place, int64_t size);

}  // namespace fourfold

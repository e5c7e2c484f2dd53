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

/** Whether the calling thread is within a piece: what it starts then, it does alone. */
bool isWithinPiece();

/** Calls work(index) for each index below `count`, on all threads. */
template <typename Work>
void inPieces(int64_t count, const Work& work) {
  if (count <= 1 || threads() == 1 || isWithinPiece()) {
    for (int64_t i = 0; i < count; i++) work(i);
    return;
  }
  runPieces(
      count, [](void* context, int64_t index) { (*static_cast<const Work*>(context))(index); },
      const_cast<Work*>(&work));
}

/** Nanoseconds of a piece where operations come one by one, and within a decoder's step, whose threads are all awake. */
constexpr double LONG_PIECE = 20000, SHORT_PIECE = 4000;

/** Calls work(from, to) for parts of 0 .. count that take `cost` (nanoseconds, roughly) an item. */
template <typename Work>
void inParts(int64_t count, double cost, const Work& work, double piece = LONG_PIECE) {
  const int64_t size = static_cast<int64_t>(piece / cost) + 1;
  const int64_t pieces = (count + size - 1) / size;
  // Less than one and a half pieces is not worth another thread.
  if (pieces <= 2 && count * cost < 1.5 * piece) {
    if (count > 0) work(0, count);
    return;
  }
  inPieces(pieces, [&](int64_t i) {
    const int64_t from = i * size;
    work(from, from + size < count ? from + size : count);
  });
}

/**
 * Memory of the calling thread, kept for the next call; `place` tells apart what is in use at once. Without any left a piece
 * ends the process, since other threads count on it. @param size of floats @throws std::bad_alloc outside of pieces
 */
float* scratch(int place, int64_t size);

/** Memory for all threads of one operation at a time; never asked for within a piece. @throws std::bad_alloc */
float* sharedScratch(int place, int64_t size);

}  // namespace fourfold

// A product on several threads that pack B together, once: every thread calls `sharedGemm` on the same plan and takes pieces
// (tickets.ts), first panels of B to pack, then blocks of rows to compute. Each element is the chain of multiply-adds that
// `gemm` has: the same bits, however many threads come.
import { FEW_COLUMNS } from './direct';
import { blockOf, overFewColumns, overRows } from './gemm';
import { packPanel, packRowsOfA } from './pack';
import { awaitTickets, finishTicket, takeTicket } from './tickets';
import { NR, panelWidth, TILE_BYTES } from './tile';

/** What the host writes (wasm/products.ts has the same order). Addresses are bytes, strides values, as in `gemm`. */
// @ts-ignore: decorator
@unmanaged
class Plan {
  m: i32; n: i32; k: i32;
  a: usize; aRow: i32; aCol: i32;
  b: usize; bRow: i32; bCol: i32;
  c: usize; accumulate: i32;
  /** Where the packed B lies, and the control block of the tickets. */
  packed: usize; control: usize;
  /** Columns in a piece of packing, a multiple of NR; rows in a piece of computing. */
  columns: i32; rows: i32;
}

/** Computes the pieces of `plan` that this thread takes; returns when none is left. C's rows lie side by side. */
export function sharedGemm(plan: usize, scratch: usize): void {
  const p = changetype<Plan>(plan);
  const packing = (p.n + p.columns - 1) / p.columns;
  const total = packing + (p.m + p.rows - 1) / p.rows;
  for (let ticket = takeTicket(p.control); ticket < total; ticket = takeTicket(p.control)) {
    if (ticket < packing) {
      packColumns(p, ticket * p.columns);
      finishTicket(p.control);
    } else {
      awaitTickets(p.control, packing);
      computeRows(p, (ticket - packing) * p.rows, scratch);
    }
  }
}

/** Packs one piece of B: panel after panel, each with all steps of k. */
function packColumns(p: Plan, first: i32): void {
  const end = min(p.n, first + p.columns);
  for (let j = first; j < end; ) {
    const width = panelWidth(p.n - j);
    const from = p.b + (<usize>(<i64>j * p.bCol) << 2);
    packPanel(p.k, width, min(width, p.n - j), from, p.bRow, p.bCol, p.packed + (<usize>(<i64>j * p.k) << 2));
    j += width;
  }
}

/** One block of rows against all of B: each panel meets the packed rows while it is in the first-level cache. */
function computeRows(p: Plan, first: i32, scratch: usize): void {
  const rows = min(p.rows, p.m - first);
  const packedA = scratch + TILE_BYTES;
  const cStep = <usize>p.n << 2;
  const c = p.c + <usize>first * cStep;
  const most = blockOf(p.k);
  for (let k0 = 0; k0 < p.k; k0 += most) {
    const kc = min(most, p.k - k0);
    const from = p.a + (<usize>(<i64>first * p.aRow + <i64>k0 * p.aCol) << 2);
    packRowsOfA(kc, rows, from, p.aRow, p.aCol, packedA);
    for (let j = 0; j < p.n; j += NR) {
      const width = panelWidth(p.n - j);
      const panel = p.packed + (<usize>(<i64>j * p.k + <i64>k0 * width) << 2);
      overRows(rows, width, min(width, p.n - j), kc, packedA, panel, c + (<usize>j << 2), cStep, p.accumulate != 0 || k0 > 0, scratch);
    }
  }
}

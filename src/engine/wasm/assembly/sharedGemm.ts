// A product on several threads: every thread calls `sharedGemm` on the same plan and takes pieces (tickets.ts). A large B is packed
// by all together, once, whose panels are the first pieces; a small one by each thread for itself, since meeting would take
// longer; one that a product before has had too is packed already. The other pieces are blocks of rows. Each element is the chain of multiply-adds that `gemm` has: the same bits,
// however many threads come.
import { PACKED_A } from './gemm';
import { overPacked } from './packedGemm';
import { packPanel } from './pack';
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
  /**
   * Where the packed B lies, 0 where each thread packs its own; the control block of the tickets, and that of the product that
   * packs, this one or one before it with the same B.
   */
  packed: usize; control: usize; packer: usize;
  /** Columns in a piece of packing, a multiple of NR; rows in a piece of computing. */
  columns: i32; rows: i32;
}

/** Computes the pieces of `plan` that this thread takes; returns when none is left. C's rows lie side by side. */
export function sharedGemm(plan: usize, scratch: usize): void {
  const p = changetype<Plan>(plan);
  const isOwn = p.packed == 0;
  const packed = isOwn ? scratch + TILE_BYTES + PACKED_A : p.packed;
  const panels = (p.n + p.columns - 1) / p.columns;
  const packing = isOwn || p.packer != p.control ? 0 : panels;
  const total = packing + (p.m + p.rows - 1) / p.rows;
  let isPacked = false;
  for (let ticket = takeTicket(p.control); ticket < total; ticket = takeTicket(p.control)) {
    if (ticket < packing) {
      packColumns(p, ticket * p.columns, p.columns, packed);
      finishTicket(p.control);
      continue;
    }
    if (!isPacked) {
      if (isOwn) packColumns(p, 0, p.n, packed);
      else awaitTickets(p.packer, panels);
      isPacked = true;
    }
    computeRows(p, (ticket - packing) * p.rows, packed, scratch);
  }
}

/** Packs `columns` of B, panel after panel, each with all steps of k. */
function packColumns(p: Plan, first: i32, columns: i32, packed: usize): void {
  const end = min(p.n, first + columns);
  for (let j = first; j < end; ) {
    const width = panelWidth(p.n - j);
    const from = p.b + (<usize>(<i64>j * p.bCol) << 2);
    packPanel(p.k, width, min(width, p.n - j), from, p.bRow, p.bCol, packed + (<usize>(<i64>j * p.k) << 2));
    j += width;
  }
}

/** One block of rows against all of B: each panel meets the packed rows while it is in the first-level cache. */
function computeRows(p: Plan, first: i32, packed: usize, scratch: usize): void {
  const rows = min(p.rows, p.m - first);
  const a = p.a + (<usize>(<i64>first * p.aRow) << 2);
  const c = p.c + ((<usize>first * p.n) << 2);
  overPacked(rows, p.n, p.k, a, p.aRow, p.aCol, packed, c, p.accumulate != 0, false, scratch);
}

/** Which rows of a long list are seen, and where they stand: browsers know no page of thirty million pixels. */

export const TALLEST = 8_000_000; // pixels a list is drawn high; a longer one moves faster under the same wheel

export interface Seen {
  /** The first row that is drawn, and how many. */
  first: number;
  count: number;
  /** Empty pixels above and below them. */
  above: number;
  below: number;
}

/** Pixels of the list as drawn for each pixel of the list as it is. */
function scale(total: number, row: number, height: number): number {
  const whole = total * row;
  return whole <= TALLEST ? 1 : (TALLEST - height) / (whole - height);
}

/** `top`: how far it was scrolled; `height`: of the frame; `row`: of one row; `spare`: rows drawn beyond the frame. */
export function seen(total: number, row: number, top: number, height: number, spare: number): Seen {
  const shrunk = scale(total, row, height);
  const offset = Math.max(0, top) / shrunk;
  const at = Math.min(Math.floor(offset / row), Math.max(0, total - 1));
  const first = Math.max(0, at - spare);
  const last = Math.min(total, at + Math.ceil(height / row) + spare);
  const above = Math.max(0, shrunk === 1 ? first * row : top - (offset - first * row));
  return { first, count: last - first, above, below: Math.max(0, Math.min(total * row, TALLEST) - above - (last - first) * row) };
}

/** How far to scroll for a row to be the first that is seen. */
export function topOf(at: number, total: number, row: number, height: number): number {
  return at * row * scale(total, row, height);
}

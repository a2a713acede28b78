/** A card carried by mouse, pen or finger to a cell, marked data-cell. Without a pointer a button does the same. */

const FAR_PX = 6; // nearer is a click

export class Drag {
  /** What is carried, once it has gone far enough. */
  what = $state<number | null>(null);
  over = $state<string | null>(null);
  #dropped: (what: number, cell: string) => void;

  constructor(dropped: (what: number, cell: string) => void) {
    this.#dropped = dropped;
  }

  begin(what: number, event: PointerEvent): void {
    const from = event.target as HTMLElement;
    if (event.button !== 0 || from.closest("a, button")) return;
    const card = from.closest<HTMLElement>("[data-ticket]");
    if (!card) return;
    event.preventDefault();
    const gone = new AbortController();
    const { signal } = gone;
    let ghost: HTMLElement | null = null;
    const box = card.getBoundingClientRect();

    const move = (now: PointerEvent): void => {
      const [x, y] = [now.clientX - event.clientX, now.clientY - event.clientY];
      if (!ghost) {
        if (Math.hypot(x, y) < FAR_PX) return;
        ghost = carried(card, box);
        this.what = what;
      }
      ghost.style.transform = `translate(${x}px, ${y}px)`;
      this.over = document.elementFromPoint(now.clientX, now.clientY)?.closest<HTMLElement>("[data-cell]")?.dataset.cell ?? null;
    };
    const end = (): void => {
      gone.abort();
      ghost?.remove();
      this.what = null;
      this.over = null;
    };
    addEventListener("pointermove", move, { signal });
    addEventListener("pointerup", () => {
      const cell = this.what === null ? null : this.over;
      end();
      if (cell) this.#dropped(what, cell);
    }, { signal });
    addEventListener("pointercancel", end, { signal });
    addEventListener("keydown", (pressed) => { if (pressed.key === "Escape") end(); }, { signal });
  }
}

function carried(card: HTMLElement, box: DOMRect): HTMLElement {
  const ghost = card.cloneNode(true) as HTMLElement;
  ghost.setAttribute("aria-hidden", "true");
  ghost.removeAttribute("data-ticket");
  Object.assign(ghost.style, { position: "fixed", left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, pointerEvents: "none", zIndex: "5", opacity: "0.85" });
  document.body.append(ghost);
  return ghost;
}

// What every chart has in common: colours of the theme, axes, and the note under the pointer.
import uPlot from "uplot";

/** A colour of the theme, as a canvas needs it. */
export const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The colours of series that stand beside each other, in their order; the last is that of the rest. */
export const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"] as const;
export const REST = "--series-rest";

/** How an axis looks. */
export function axis(): uPlot.Axis {
  return {
    stroke: color("--mantine-color-dimmed"), font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: color("--rule"), width: 1 }, ticks: { show: false },
  };
}

/** A day of UTC. */
export const day = (seconds: number) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** An hour in the zone of the reader; its day at midnight. */
export function hour(seconds: number): string {
  const at = new Date(seconds * 1000);
  if (at.getHours() === 0) return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** Where an axis of time has words: at pieces of the time, as many as there is room for, the last one among them. */
export function ticks(at: number[], width: number, each = 64): number[] {
  const step = Math.max(1, Math.ceil(at.length / Math.max(1, Math.floor(width / each))));
  return at.filter((_, index) => (at.length - 1 - index) % step === 0);
}

export type Line = { text: string; color?: string };

/** Shows lines beside the pointer, within the chart; hides them where there are none. */
export function tell(plot: uPlot, lines: Line[]) {
  let note = plot.over.querySelector<HTMLDivElement>(".note");
  if (!note) {
    note = document.createElement("div");
    note.className = "note";
    plot.over.appendChild(note);
  }
  const { left } = plot.cursor;
  const isShown = lines.length > 0 && (left ?? -1) >= 0;
  note.style.display = isShown ? "block" : "none";
  if (!isShown) return;
  note.replaceChildren(...lines.map(({ text, color: of }) => {
    const line = document.createElement("div");
    if (of) {
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.background = color(of);
      line.appendChild(dot);
    }
    line.append(text);
    return line;
  }));
  const room = plot.over.clientWidth - note.offsetWidth;
  note.style.left = `${Math.max(0, Math.min(room, (left ?? 0) + 12))}px`;
}

/** Tells which piece of time was clicked. */
export function picked(plot: uPlot, pick: { current: ((index: number) => void) | undefined }) {
  plot.over.addEventListener("click", () => typeof plot.cursor.idx === "number" && pick.current?.(plot.cursor.idx));
}

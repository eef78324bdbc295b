// Time series, drawn on a canvas in the colours of the theme; said in words for who cannot see them.
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { type Grain, GRAIN_MS } from "~/api/analytics";

export type Series = {
  label: string;
  values: (number | null)[];
  /** A variable of the theme; `--ink-line` when absent. */
  color?: string;
  kind?: "bars" | "line" | "dashes";
};

type Props = {
  /** Unix seconds, ascending. */
  at: number[];
  grain: Grain;
  series: Series[];
  height?: number;
  format: (value: number) => string;
  /** What the picture says. */
  label: string;
  /** Where the scale ends, if not at the greatest value. */
  top?: number;
  /** A piece of time was pointed at and clicked. */
  onPick?: (index: number) => void;
};

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default function Chart(props: Props) {
  const { at, grain, series, height = 150, format, label, top, onPick } = props;
  const { ref, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    if (!place.current || width < 40) return;
    const look = { at, grain, series, format, top, size: { width, height }, pick: () => pick.current };
    const plot = new uPlot(options(look), [at, ...series.map((one) => one.values)] as uPlot.AlignedData, place.current);
    return () => plot.destroy();
  }, [at, grain, series, width, height, format, top, scheme]);
  return (
    <div ref={ref} role="img" aria-label={label} style={{ height }}>
      <div ref={place} style={{ position: "relative", cursor: onPick ? "pointer" : undefined }} />
    </div>
  );
}

type Look = Pick<Props, "at" | "grain" | "series" | "format" | "top"> & {
  size: { width: number; height: number };
  pick: () => Props["onPick"];
};

function options(look: Look): uPlot.Options {
  const { grain, series, format, top } = look;
  const grid = { stroke: color("--rule"), width: 1 };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: color("--mantine-color-dimmed"), font, grid, ticks: { show: false } };
  // Half a piece on either side, so that the first and the last bar are whole.
  const half = GRAIN_MS[grain] / 2000;
  const scale = (value: number) => (value === 0 ? "0" : format(value));
  return {
    ...look.size, padding: [8, 16, 0, 0],
    legend: { show: false }, cursor: { y: false, points: { show: false } },
    scales: {
      x: { time: true, range: (_, least, most) => [least - half, most + half] },
      y: { range: (_, __, most) => [0, top ? top * 1.04 : rounded(most)] },
    },
    axes: [
      { ...axis, size: 24, space: 56, grid: { show: false }, values: (_, all) => all.map(shortTime(grain)) },
      {
        ...axis, gap: 6, values: (_, all) => apart(all.map(scale)),
        splits: (self, _, __, most) => (isEmpty(self) ? [0] : [0, (top ?? most) / 2, top ?? most]),
        size: (_, labels) => 12 + Math.max(1, ...(labels ?? []).map((label) => label.length)) * 6.3,
      },
    ],
    series: [{}, ...series.map(drawn)],
    hooks: {
      setCursor: [(self) => tell(self, look)],
      ready: [(self) => self.over.addEventListener("click", () => typeof self.cursor.idx === "number" && look.pick()?.(self.cursor.idx))],
    },
  };
}

/** A label that says the same as the one above it is left out: half a call is none. */
const apart = (labels: string[]) => labels.map((label, index) => (label === labels[index + 1] ? "" : label));

const isEmpty = (plot: uPlot) => plot.data.slice(1).every((values) => (values as (number | null)[]).every((value) => !value));

/** Where a scale ends so that its end and its middle are round numbers. */
function rounded(most: number | null): number {
  if (!most || most <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(most));
  return size * ([1, 2, 4, 6, 8].find((step) => step >= most / size) ?? 10);
}

function drawn(one: Series): uPlot.Series {
  const stroke = color(one.color ?? "--ink-line");
  if (one.kind === "bars") {
    const paths = uPlot.paths.bars?.({ size: [0.62, 34], radius: 0.12 });
    return { fill: stroke, stroke, width: 0, paths, points: { show: false } };
  }
  // A value between two gaps is a point, or it would not be seen.
  const points = { show: one.kind === "line", size: 4, fill: stroke, filter: lonely };
  return { stroke, width: one.kind === "line" ? 1.75 : 1.5, dash: one.kind === "dashes" ? [4, 4] : undefined, points, spanGaps: false };
}

/** The values that have no neighbour. */
const lonely: uPlot.Series.Points.Filter = (plot, series, show) => {
  if (!show) return null;
  const values = plot.data[series] as (number | null)[];
  const isThere = (index: number) => values[index] !== null && values[index] !== undefined;
  return values.flatMap((_, index) => (isThere(index) && !isThere(index - 1) && !isThere(index + 1) ? [index] : []));
};

const utc = (seconds: number, options: Intl.DateTimeFormatOptions) =>
  new Date(seconds * 1000).toLocaleString("en-GB", { timeZone: "UTC", ...options });

/** At the axis: days by name, hours by the clock and midnight by its day. */
const shortTime = (grain: Grain) => (seconds: number) =>
  grain === "hour" && seconds % 86_400 !== 0
    ? utc(seconds, { hour: "2-digit", minute: "2-digit" })
    : utc(seconds, { day: "numeric", month: "short" });

const longTime = (grain: Grain, seconds: number) =>
  grain === "day"
    ? utc(seconds, { weekday: "short", day: "numeric", month: "short" })
    : `${utc(seconds, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })} UTC`;

/** The values under the pointer, beside it. */
function tell(plot: uPlot, { grain, series, format }: Look) {
  const { idx, left } = plot.cursor;
  let note = plot.over.querySelector<HTMLDivElement>(".note");
  if (!note) {
    note = document.createElement("div");
    note.className = "note";
    Object.assign(note.style, {
      position: "absolute", top: "2px", padding: "3px 8px", borderRadius: "5px", pointerEvents: "none", whiteSpace: "pre", zIndex: "3",
      font: "12px inherit", fontFamily: "inherit", lineHeight: "1.4", background: color("--mantine-color-text"), color: color("--sheet"),
    });
    plot.over.appendChild(note);
  }
  const at = typeof idx === "number" ? plot.data[0][idx] : undefined;
  const lines = series.flatMap((one, index) => {
    const value = typeof idx === "number" ? plot.data[index + 1]?.[idx] : undefined;
    return value === null || value === undefined ? [] : [`${one.label}: ${format(value)}`];
  });
  const isShown = at !== undefined && lines.length > 0 && (left ?? -1) >= 0;
  note.style.display = isShown ? "block" : "none";
  if (!isShown) return;
  note.textContent = [longTime(grain, at), ...lines].join("\n");
  const room = plot.over.clientWidth - note.offsetWidth;
  note.style.left = `${Math.max(0, Math.min(room, (left ?? 0) - note.offsetWidth / 2))}px`;
}

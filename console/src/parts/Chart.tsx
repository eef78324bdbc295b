// A time series, drawn on a canvas in the colours of the theme; said in words for who cannot see it.
import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

type Props = {
  /** Unix seconds, ascending. */
  at: number[];
  values: (number | null)[];
  /** The same of the period before, place by place. */
  before?: (number | null)[];
  height?: number;
  format: (value: number) => string;
  /** What the picture says. */
  label: string;
};

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default function Chart({ at, values, before, height = 150, format, label }: Props) {
  const { ref, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    if (!place.current || width < 40) return;
    const grid = { stroke: color("--rule"), width: 1 };
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: color("--mantine-color-dimmed"), font, grid, ticks: { show: false } };
    const bars = uPlot.paths.bars?.({ size: [0.62, 34], radius: 0.12 });
    const plot = new uPlot(
      {
        width, height, padding: [8, 16, 0, 0],
        legend: { show: false }, cursor: { y: false, points: { show: false } },
        // Half a day on either side, so that the first and the last bar are whole.
        scales: { x: { time: true, range: (_, least, most) => [least - 43_200, most + 43_200] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
        axes: [
          { ...axis, size: 24, grid: { show: false }, values: (_, all) => all.map(day) },
          { ...axis, size: 62, values: (_, all) => all.map(format), splits: (_, __, ___, most) => [0, most / 2, most].map((value) => value) },
        ],
        series: [
          {},
          { fill: color("--ink-line"), stroke: color("--ink-line"), width: 0, paths: bars, points: { show: false } },
          ...(before ? [{ stroke: color("--warn"), width: 1.5, dash: [4, 4], points: { show: false } }] : []),
        ],
        hooks: { setCursor: [(self) => tell(self, format)] },
      },
      [at, values, ...(before ? [before] : [])] as uPlot.AlignedData,
      place.current,
    );
    return () => plot.destroy();
  }, [at, values, before, width, height, format, scheme]);
  return (
    <div ref={ref} role="img" aria-label={label}>
      <div ref={place} style={{ position: "relative" }} />
    </div>
  );
}

const day = (seconds: number) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** The value under the pointer, beside it. */
function tell(plot: uPlot, format: (value: number) => string) {
  const { idx, left } = plot.cursor;
  let note = plot.over.querySelector<HTMLDivElement>(".note");
  if (!note) {
    note = document.createElement("div");
    note.className = "note";
    Object.assign(note.style, {
      position: "absolute", top: "2px", padding: "2px 7px", borderRadius: "5px", pointerEvents: "none", whiteSpace: "nowrap",
      font: "12px inherit", fontFamily: "inherit", background: color("--mantine-color-text"), color: color("--sheet"),
    });
    plot.over.appendChild(note);
  }
  const value = idx === null || idx === undefined ? null : plot.data[1]?.[idx];
  note.style.display = value === null || value === undefined || (left ?? -1) < 0 ? "none" : "block";
  if (value === null || value === undefined || idx === null || idx === undefined) return;
  note.textContent = `${day(plot.data[0][idx]!)}: ${format(value)}`;
  const room = plot.over.clientWidth - note.offsetWidth;
  note.style.left = `${Math.max(0, Math.min(room, (left ?? 0) - note.offsetWidth / 2))}px`;
}

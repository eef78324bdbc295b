// A figure over time as a line, with holes where nothing was measured; said in words for who cannot see it.
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { axis, color, day, hour, picked, tell, ticks } from "./plot";

type Props = {
  /** Unix seconds, ascending. */
  at: number[];
  values: (number | null)[];
  /** How far apart two values are. */
  step: "hour" | "day";
  height?: number;
  /** The end of the scale; that of the values when absent. */
  most?: number;
  format: (value: number) => string;
  /** What the picture says. */
  label: string;
  /** What is said of one value beside it. */
  note?: (index: number) => string;
  /** A piece of time was pointed at and clicked. */
  onPick?: (index: number) => void;
};

export default function Trend({ at, values, step, height = 180, most, format, label, note, onPick }: Props) {
  const { ref, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    if (!place.current || width < 40 || at.length === 0) return;
    const when = step === "hour" ? hour : day;
    const line = color("--ink-line");
    const plot = new uPlot(
      {
        width, height, padding: [10, 16, 0, 0],
        legend: { show: false }, cursor: { y: false, points: { size: 7 } },
        scales: { x: { time: true }, y: { range: (_, __, found) => [0, most ?? (found > 0 ? found * 1.08 : 1)] } },
        axes: [
          { ...axis(), size: 24, grid: { show: false }, splits: () => ticks(at, width - 72), values: (_, all) => all.map(when) },
          { ...axis(), size: 56, values: (_, all) => all.map(format), splits: (_, __, ___, end) => [0, end / 2, end] },
        ],
        series: [
          {},
          // A value between two holes has no line to either side, so that it is a point.
          { stroke: line, width: 2, fill: `${line}22`, spanGaps: false, points: { show: true, filter: () => alone(values), size: 6, fill: line } },
        ],
        hooks: {
          ready: [(self) => picked(self, pick)],
          setCursor: [(self) => {
            const index = self.cursor.idx;
            const value = index === null || index === undefined ? null : values[index];
            const hasValue = value !== null && value !== undefined;
            tell(self, hasValue ? [{ text: `${when(at[index!]!)}: ${format(value)}` }, ...(note ? [{ text: note(index!) }] : [])] : []);
          }],
        },
      },
      [at, values],
      place.current,
    );
    return () => plot.destroy();
  }, [at, values, step, most, width, height, format, note, scheme]);
  return (
    <div ref={ref} role="img" aria-label={label}>
      <div ref={place} style={{ position: "relative", minHeight: height, cursor: onPick ? "pointer" : undefined }} />
    </div>
  );
}

/** The places of values between two holes. */
function alone(values: (number | null)[]): number[] {
  const has = (index: number) => (values[index] ?? null) !== null;
  return [...values.keys()].filter((index) => has(index) && !has(index - 1) && !has(index + 1));
}

// Bars by time, each made of the parts that add up to it; said in words for who cannot see it.
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { axis, color, day, type Line, picked, tell, ticks } from "./plot";

export type Part = {
  name: string;
  /** A variable of the theme. */
  color: string;
  values: number[];
};

type Props = {
  /** Unix seconds, ascending, equally far from each other but for months. */
  at: number[];
  /** The lowest first. */
  parts: Part[];
  height?: number;
  format: (value: number) => string;
  /** What the picture says. */
  label: string;
  /** A piece of time was pointed at and clicked. */
  onPick?: (index: number) => void;
};

const DAY = 86_400;

export default function Stack({ at, parts, height = 240, format, label, onPick }: Props) {
  const { ref, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const scheme = useComputedColorScheme("light");
  useEffect(() => {
    if (!place.current || width < 40 || at.length === 0) return;
    // Each part is drawn from the ground up to its own top, the highest first.
    const tops: number[][] = [];
    for (const part of parts) {
      const below = tops.at(-1);
      tops.push(part.values.map((value, index) => value + (below?.[index] ?? 0)));
    }
    const drawn = parts.map((part, index) => ({ part, tops: tops[index]!.map((top, place) => ((part.values[place] ?? 0) > 0 ? top : null)) })).reverse();
    const half = Math.max(DAY, (at[1] ?? at[0]! + DAY) - at[0]!) / 2;
    const bars = uPlot.paths.bars?.({ size: [0.7, 40] });
    const plot = new uPlot(
      {
        width, height, padding: [8, 8, 0, 0],
        legend: { show: false }, cursor: { y: false, points: { show: false } },
        scales: { x: { time: true, range: (_, least, most) => [least - half, most + half] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.06 : 1] } },
        axes: [
          { ...axis(), size: 24, grid: { show: false }, splits: () => ticks(at, width - 64), values: (_, all) => all.map(day) },
          { ...axis(), size: 56, values: (_, all) => all.map(format), splits: (_, __, ___, most) => [0, most / 3, (2 * most) / 3, most] },
        ],
        series: [
          {},
          ...drawn.map(({ part }) => ({ fill: color(part.color), stroke: color("--sheet"), width: 1, paths: bars, points: { show: false } })),
        ],
        hooks: {
          ready: [(self) => picked(self, pick)],
          setCursor: [(self) => tell(self, lines(self.cursor.idx, at, parts, format))],
        },
      },
      [at, ...drawn.map(({ tops }) => tops)],
      place.current,
    );
    return () => plot.destroy();
  }, [at, parts, width, height, format, scheme]);
  return (
    <div ref={ref} role="img" aria-label={label}>
      <div ref={place} style={{ position: "relative", minHeight: height, cursor: onPick ? "pointer" : undefined }} />
    </div>
  );
}

function lines(index: number | null | undefined, at: number[], parts: Part[], format: (value: number) => string): Line[] {
  if (index === null || index === undefined) return [];
  const shown = parts.filter((part) => (part.values[index] ?? 0) > 0).reverse();
  const sum = shown.reduce((all, part) => all + (part.values[index] ?? 0), 0);
  return [
    { text: `${day(at[index]!)}: ${format(sum)}` },
    ...shown.map((part) => ({ text: `${part.name} ${format(part.values[index] ?? 0)}`, color: part.color })),
  ];
}

// A row of small bars, one for each hour or day: how much of what was asked came to its end.
import { percent } from "~/parts/format";
import classes from "./Shares.module.css";

export type Span = "hours" | "days";

const HOUR_MS = 3_600_000;

type Props = {
  name: string;
  shares: (number | null)[];
  /** Where the first one begins. */
  from: string;
  span: Span;
};

export function Shares({ name, shares, from, span }: Props) {
  const start = Date.parse(span === "days" ? `${from}T00:00:00Z` : from);
  const known = shares.filter((share) => share !== null);
  const least = known.length > 0 ? Math.min(...known) : null;
  const unit = span === "hours" ? "hours" : "days";
  const words = least === null ? `${name}: nothing was asked` : `${name}: ${known.length} of ${shares.length} ${unit} with calls, ${percent(least)} at the least`;
  return (
    <div className={classes.bars} role="img" aria-label={words}>
      {shares.map((share, index) => (
        <span key={index} data-level={level(share)} title={`${when(start + index * HOUR_MS * (span === "hours" ? 1 : 24), span)}: ${share === null ? "nothing was asked" : percent(share, 2)}`} />
      ))}
    </div>
  );
}

/** How good a share is, for its colour. */
export function level(share: number | null | undefined): "none" | "good" | "fair" | "bad" {
  if (share === null || share === undefined) return "none";
  if (share >= 0.99) return "good";
  return share >= 0.9 ? "fair" : "bad";
}

function when(at: number, span: Span): string {
  const date = new Date(at);
  return span === "hours"
    ? date.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

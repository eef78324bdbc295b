// Numbers and times as people read them, the same everywhere. Each text carries its unit.

const thin = "\u202f";

/** USD. Small amounts keep two significant digits, so that no cost looks like nothing. */
export function usd(amount: number | null | undefined): string {
  if (amount === null || amount === undefined) return "–";
  if (amount === 0) return "$0";
  const size = Math.abs(amount);
  const sign = amount < 0 ? "−" : "";
  if (size >= 1000) return `${sign}$${size.toLocaleString("en-US", { maximumFractionDigits: 0 })}`;
  if (size >= 1) return `${sign}$${size.toFixed(2)}`;
  const digits = Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(size)) + 1));
  return `${sign}$${trimmed(size.toFixed(digits))}`;
}

/** USD to the last digit that the ledger keeps, a nano-dollar. */
export function usdExact(amount: number | null | undefined): string {
  if (amount === null || amount === undefined) return "–";
  const text = trimmed(Math.abs(amount).toFixed(9));
  return `${amount < 0 ? "−" : ""}$${text}`;
}

/** Decimal text in USD per token as USD per million tokens, exact. */
export function perMillion(price: string | null | undefined): string {
  if (price === null || price === undefined) return "–";
  const value = Number(price) * 1e6;
  if (!Number.isFinite(value)) return "–";
  // The API says so of a price that nobody has stated, which is not free.
  if (value < 0) return "unpriced";
  if (value === 0) return "free";
  if (value >= 0.01) return `$${value >= 100 ? trimmed(value.toFixed(2)) : padded(value)}`;
  return `$${trimmed(value.toPrecision(3))}`;
}

/** At least two decimals, at most four. */
function padded(value: number): string {
  const text = trimmed(value.toFixed(4));
  const decimals = text.split(".")[1]?.length ?? 0;
  return decimals < 2 ? value.toFixed(2) : text;
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
}

/** A count in full: 12 345. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString("en-US");
}

/** A number of calls, in words. */
export const calls = (value: number): string => (value === 1 ? "1 call" : `${count(value)} calls`);

/** A count where room is short: 12.3k. */
export function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const steps: [number, string][] = [[1e9, "B"], [1e6, "M"], [1e3, "k"]];
  for (const [step, letter] of steps) {
    if (Math.abs(value) >= step) {
      const scaled = value / step;
      return `${trimmed(scaled.toFixed(Math.abs(scaled) >= 100 ? 0 : 1))}${letter}`;
    }
  }
  return String(Math.round(value));
}

/** A window of context, in tokens: 128K, 1M. */
export function context(tokens: number | null | undefined): string {
  if (!tokens) return "–";
  if (tokens >= 1e6) return `${trimmed((tokens / 1e6).toFixed(2))}M`;
  return tokens >= 1000 ? `${Math.round(tokens / 1000)}K` : String(tokens);
}

/** Milliseconds. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return `${trimmed(ms.toFixed(2))}${thin}ms`;
  if (ms < 1000) return `${Math.round(ms)}${thin}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)}${thin}s`;
  // Rounded before it is taken apart: there are no sixty seconds beside a minute.
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${thin}min ${seconds % 60}${thin}s`;
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)}${thin}h ${minutes % 60}${thin}min`;
}

/** Tokens per second. */
export function speed(tokensPerSecond: number | null | undefined): string {
  if (tokensPerSecond === null || tokensPerSecond === undefined) return "–";
  const text = tokensPerSecond >= 100 ? tokensPerSecond.toFixed(0) : tokensPerSecond.toFixed(1);
  return `${text}${thin}tok/s`;
}

/** A share of one, in percent. */
export function percent(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined) return "–";
  return `${trimmed((share * 100).toFixed(digits))}${thin}%`;
}

/** How long ago, or how soon. */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const size = Math.abs(seconds);
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });
  if (size < 45) return seconds <= 0 ? "just now" : "in a moment";
  if (size < 3600) return words.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return words.format(Math.round(seconds / 3600), "hour");
  if (size < 86_400 * 45) return words.format(Math.round(seconds / 86_400), "day");
  return words.format(Math.round(seconds / (86_400 * 30.4)), "month");
}

/** A point in time in full, in the zone of the reader. */
export function moment(iso: string): string {
  return new Date(iso).toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
}

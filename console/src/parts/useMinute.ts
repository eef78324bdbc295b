// The time, as it goes on by the minute.
import { useInterval } from "@mantine/hooks";
import { useState } from "react";

/** Unix milliseconds, of the last whole minute. */
export function useMinute(): number {
  const minute = () => Math.floor(Date.now() / 60_000) * 60_000;
  const [now, setNow] = useState(minute);
  useInterval(() => setNow(minute()), 5_000, { autoInvoke: true });
  return now;
}

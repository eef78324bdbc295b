// Which rows of a long list are in view. All are of one height, so that it can be reckoned; a library
// that measures rows would be a tenth of a first visit.
import { type RefObject, useCallback, useSyncExternalStore } from "react";

/** So many rows beyond the view are drawn, above and below. */
const BEYOND = 12;

/** What is drawn until the list has been measured. */
const FIRST = 40;

type Rows = { from: number; until: number };

/** The rows that are to be drawn, from and until before; they change as the list is scrolled. */
export function useRows(list: RefObject<HTMLElement | null>, count: number, height: number): Rows {
  const subscribe = useCallback((tell: () => void) => {
    const element = list.current;
    if (!element) return () => {};
    const resized = new ResizeObserver(tell);
    resized.observe(element);
    element.addEventListener("scroll", tell, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", tell);
    };
  }, [list]);
  // One number stands for the view, so that nothing is drawn anew before a row comes or goes.
  const view = useSyncExternalStore(subscribe, () => {
    const element = list.current;
    if (!element) return packed(0, FIRST);
    return packed(Math.floor(element.scrollTop / height), Math.ceil(element.clientHeight / height));
  });
  const { first, shown } = unpacked(view);
  // A list that has become shorter may still be scrolled too far.
  const from = Math.max(0, Math.min(first, count - shown) - BEYOND);
  return { from, until: Math.min(count, first + shown + BEYOND) };
}

const SHOWN_MAX = 4096;
const packed = (first: number, shown: number) => Math.max(0, first) * SHOWN_MAX + Math.min(shown, SHOWN_MAX - 1);
const unpacked = (view: number) => ({ first: Math.floor(view / SHOWN_MAX), shown: view % SHOWN_MAX });

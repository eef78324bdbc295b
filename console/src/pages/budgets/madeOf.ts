// Where the calls stand that a budget counts in its present window.
import type { Schemas } from "~/api/client";
import { callsOf, statementOf, type Way } from "~/parts/Made";

const MIDNIGHT = "T00:00:00";

/** The narrowest list of them that there is; the title says so where it holds others too. */
export function madeOf({ subject, subject_id: id, workspace_id, counted_from }: Schemas["Budget"]): Way {
  const within = { from: counted_from ?? undefined, workspace: workspace_id ?? undefined };
  switch (subject) {
    case "key": {
      // Whole days of UTC are in the books, exact to the nano-dollar.
      const isOfDays = counted_from === null || counted_from.includes(MIDNIGHT);
      return isOfDays ? statementOf({ key: id, from: counted_from?.slice(0, 10) }) : callsOf({ ...within, key: id });
    }
    case "workspace": return callsOf({ ...within, workspace: id });
    case "member": return callsOf({ ...within, member: id });
    case "app": return callsOf({ ...within, origin: id });
    case "end_user": return callsOf({ ...within, user: id });
    case "metadata": return callsOf(within, "All calls of its time: the list cannot tell by their metadata which of them it counts");
    default: return callsOf(within);
  }
}

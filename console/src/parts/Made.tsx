// A number that was computed from calls, and the way to what it is made of. Every such number goes
// through here; tests/made.test.mjs finds those that do not.
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { ActivitySearch, LedgerSearch } from "~/router";

export type Way = Pick<LinkProps, "to" | "params" | "search" | "hash"> & {
  /** What stands there, for whoever points at the number. */
  title: string;
};

/** The calls that these filters find. */
export const callsOf = (search: ActivitySearch, title = "The calls that this is made of"): Way => ({ to: "/activity", search, title });

/** Where attempts at an endpoint are found, those too after which another one was asked: seconds back from now. */
export const attemptsOf = (model: string | undefined, span: number) =>
  callsOf({ model, span }, "All calls of the model in this time: their waybills hold the attempts at each endpoint");

/** What was spent, by day and model. */
export const statementOf = (search: LedgerSearch): Way => ({ to: "/ledger", search, title: "The statement that this is the sum of" });

/** The record of one call. */
export const callOf = (id: string): Way => ({ to: "/activity/$id", params: { id }, title: "The waybill of this call" });

type Props = {
  /** Nothing where it is made of nothing else: a figure of one call, a price, what somebody has set. */
  of: Way | null;
  children: ReactNode;
  /** Whether another link of the same row leads there as well, so that keys need not stop here. */
  again?: boolean;
  /** What it is called where its text alone says too little. */
  label?: string;
};

export function Made({ of, children, again, label }: Props) {
  if (children === "–") return children;
  if (of === null) return <span data-bottom>{children}</span>;
  return <Link {...of} className="made" aria-label={label} tabIndex={again ? -1 : undefined}>{children}</Link>;
}

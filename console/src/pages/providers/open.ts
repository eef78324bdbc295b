// Which form is open on the page of the providers.

export type Open = { kind: "credential"; provider?: string } | { kind: "own" };
export type Opener = { onOpen: (open: Open) => void };

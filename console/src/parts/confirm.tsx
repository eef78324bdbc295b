// Asks before something is done that cannot be undone. The dialog is loaded when somebody asks.
import { lazy, type ReactNode, Suspense, useState } from "react";

const Question = lazy(() => import("./Question"));

export type Asked = {
  title: string;
  /** What will happen, in a sentence. */
  children: ReactNode;
  /** The verb on the button. */
  verb: string;
  act: () => Promise<unknown>;
};

type Props = Asked & { trigger: (open: () => void) => ReactNode };

export function Confirm({ trigger, ...asked }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <>
      {trigger(() => setOpened(true))}
      {opened && <Suspense><Question {...asked} onClose={() => setOpened(false)} /></Suspense>}
    </>
  );
}

// Parts that most visits never see, such as forms, are loaded when they are first shown.
import { type ComponentType, lazy, Suspense, useState } from "react";

/** Such a part. Nothing stands in its place until it is there. */
export function lazily<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  const Part = lazy(async () => ({ default: await load() })) as unknown as ComponentType<Props>;
  return function Lazily(props: Props) {
    return <Suspense><Part {...props} /></Suspense>;
  };
}

/** Whether it was ever wanted: what has been opened once stays, so that it can close with grace. */
export function useOnce(isWanted: boolean): boolean {
  const [wasWanted, setWanted] = useState(isWanted);
  if (isWanted && !wasWanted) setWanted(true);
  return isWanted || wasWanted;
}

// Short notices at the edge of the window: what was done, and how to undo it. Loaded with the first one.
import { Button, Group, Text } from "@mantine/core";
import { lazy, Suspense, useSyncExternalStore } from "react";

const Board = lazy(() => import("./NoticeBoard"));

let isWanted = false;
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function Notices() {
  const wanted = useSyncExternalStore(subscribe, () => isWanted);
  return wanted ? <Suspense><Board /></Suspense> : null;
}

type Notice = { title: string; undo?: () => Promise<unknown> };

/** Says what was done. With `undo`, offers to take it back for a while. */
export async function notify({ title, undo }: Notice) {
  const { notifications } = await import("@mantine/notifications");
  isWanted = true;
  listeners.forEach((listener) => listener());
  const id = crypto.randomUUID?.() ?? String(Math.random());
  const back = async () => {
    notifications.hide(id);
    await undo?.();
  };
  notifications.show({
    id, autoClose: undo ? 12_000 : 5000, withBorder: true,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{title}</Text>
        {undo && <Button size="compact-sm" variant="default" onClick={() => void back()}>Undo</Button>}
      </Group>
    ),
  });
}

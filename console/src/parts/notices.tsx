// Short notices at the edge of the window: what was done, and how to undo it. Loaded with the first one.
import { Button, Group, Loader, Text } from "@mantine/core";
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

async function board() {
  const { notifications } = await import("@mantine/notifications");
  isWanted = true;
  listeners.forEach((listener) => listener());
  return notifications;
}

const newId = () => crypto.randomUUID?.() ?? String(Math.random());

/** Says what was done. With `undo`, offers to take it back for a while. */
export async function notify({ title, undo }: Notice) {
  const notifications = await board();
  const id = newId();
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

/** How long work may take before its progress is shown, milliseconds. */
const SHORT_MS = 600;

/** Shows that something long is under way, how far it is, and how to stop it. */
export function showProgress(title: string, stop: () => void) {
  const id = newId();
  let [bytes, isShown, hasEnded] = [0, false, false];
  const notice = () => ({
    id, autoClose: false as const, withBorder: true, withCloseButton: false,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Group gap="xs" wrap="nowrap"><Loader size={14} color="gray" aria-hidden="true" /><Text size="sm">{title}: {(bytes / 1e6).toFixed(1)} MB</Text></Group>
        <Button size="compact-sm" variant="default" onClick={stop}>Stop</Button>
      </Group>
    ),
  });
  const wait = setTimeout(() => void board().then((notifications) => {
    if (hasEnded) return;
    isShown = true;
    notifications.show(notice());
  }), SHORT_MS);
  let told = 0;
  return {
    tell: (now: number) => {
      bytes = now;
      if (!isShown || performance.now() - told < 200) return;
      told = performance.now();
      void board().then((notifications) => { if (!hasEnded) notifications.update(notice()); });
    },
    end: () => {
      hasEnded = true;
      clearTimeout(wait);
      if (isShown) void board().then((notifications) => notifications.hide(id));
    },
  };
}

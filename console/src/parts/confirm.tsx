// Asks before something is done that cannot be undone.
import { Button, Group, Modal, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Failure } from "./States";

type Props = {
  title: string;
  /** What will happen, in a sentence. */
  children: ReactNode;
  /** The verb on the button. */
  verb: string;
  act: () => Promise<unknown>;
  trigger: (open: () => void) => ReactNode;
};

export function Confirm({ title, children, verb, act, trigger }: Props) {
  const [opened, setOpened] = useState(false);
  const done = useMutation({ mutationFn: act, onSuccess: () => setOpened(false) });
  return (
    <>
      {trigger(() => { done.reset(); setOpened(true); })}
      <Modal opened={opened} onClose={() => setOpened(false)} title={title}>
        <Text>{children}</Text>
        {done.isError && <Failure error={done.error} />}
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button variant="default" onClick={() => setOpened(false)} data-autofocus>Keep it</Button>
          <Button color="stamp" loading={done.isPending} onClick={() => done.mutate()}>{verb}</Button>
        </Group>
      </Modal>
    </>
  );
}

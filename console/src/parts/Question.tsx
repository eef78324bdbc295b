// The dialog that asks whether something is really to be done.
import { Button, Group, Modal, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { Asked } from "./confirm";
import { Failure } from "./States";

export default function Question({ title, children, verb, act, onClose }: Asked & { onClose: () => void }) {
  const done = useMutation({ mutationFn: act, onSuccess: onClose });
  return (
    <Modal opened onClose={onClose} title={title}>
      <Text>{children}</Text>
      {done.isError && <Failure error={done.error} />}
      <Group justify="flex-end" mt="lg" gap="xs">
        <Button variant="default" onClick={onClose} data-autofocus>Keep it</Button>
        <Button color="stamp" loading={done.isPending} onClick={() => done.mutate()}>{verb}</Button>
      </Group>
    </Modal>
  );
}

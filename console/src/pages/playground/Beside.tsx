// What opens beside the conversations: the options of the next prompt, and the code of the last.
import { Drawer, Modal } from "@mantine/core";
import { Code } from "./Code";
import type { Body, Options as Values } from "./conversation";
import { Options } from "./Options";

type Props = {
  shown: "options" | "code" | undefined;
  onClose: () => void;
  options: Values;
  onOptions: (values: Values) => void;
  /** The request that the code makes. */
  body: () => Body;
};

export function Beside({ shown, onClose, options, onOptions, body }: Props) {
  return (
    <>
      <Drawer opened={shown === "options"} onClose={onClose} title="Options" position="right" size="md">
        <Options values={options} onChange={onOptions} />
      </Drawer>
      <Modal opened={shown === "code"} onClose={onClose} title="Use the code" size="xl">
        {shown === "code" && <Code body={body()} />}
      </Modal>
    </>
  );
}

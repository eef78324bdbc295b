// Where a prompt is written and files are attached.
import { ActionIcon, Box, Button, CloseButton, FileButton, Group, Paper, Text, Textarea } from "@mantine/core";
import { IconArrowUp, IconPaperclip, IconPlayerStop } from "@tabler/icons-react";
import { useState } from "react";
import type { Model } from "~/api/queries";
import { type Attachment, untaken } from "./conversation";

/** The server takes bodies up to a limit; base64 adds a third. */
const BYTES_MAX = 15 * 1024 * 1024;
const ACCEPTED = "image/*,application/pdf,audio/wav,audio/mpeg";

type Props = {
  /** Who will be asked; those that are not known here take everything. */
  models: Model[];
  disabled?: boolean;
  isBusy: boolean;
  onSend: (text: string, attachments: Attachment[]) => void;
  onStop: () => void;
};

export function Composer({ models, disabled, isBusy, onSend, onStop }: Props) {
  const [text, setText] = useState("");
  const [attachments, setAttachments] = useState<Attachment[]>([]);
  const [complaint, setComplaint] = useState<string>();
  const add = async (files: File[]) => {
    setComplaint(undefined);
    for (const file of files) {
      if (file.size > BYTES_MAX) {
        setComplaint(`${file.name} is larger than 15 MB`);
        continue;
      }
      const read = await readFile(file);
      setAttachments((before) => [...before, read]);
    }
  };
  const refusals = models.flatMap(({ name, architecture }) => {
    const missing = untaken(attachments, architecture.input_modalities);
    return missing.length > 0 ? [`${name} does not take ${missing.join(", ")}`] : [];
  });
  const canSend = !disabled && !isBusy && (text.trim() !== "" || attachments.length > 0);
  const send = () => {
    if (!canSend) return;
    onSend(text, attachments);
    setText("");
    setAttachments([]);
  };
  return (
    <Paper
      className="sheet" p="sm"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => { event.preventDefault(); void add([...event.dataTransfer.files]); }}
    >
      {attachments.length > 0 && (
        <Group gap="xs" mb="xs">
          {attachments.map((attachment, index) => (
            <Group key={index} gap={6} px={8} py={4} style={{ border: "1px solid var(--rule)", borderRadius: 6 }}>
              {attachment.type.startsWith("image/") && <img src={attachment.dataUrl} alt="" width={28} height={28} style={{ objectFit: "cover", borderRadius: 3 }} />}
              <Text size="sm">{attachment.name}</Text>
              <Text size="xs" c="dimmed">{Math.ceil(attachment.size / 1024).toLocaleString("en-US")} kB</Text>
              <CloseButton size="xs" aria-label={`Remove ${attachment.name}`} onClick={() => setAttachments(attachments.filter((other) => other !== attachment))} />
            </Group>
          ))}
        </Group>
      )}
      {refusals.length > 0 && <Text size="sm" c="var(--warn)" role="status" mb={4}>{refusals.join("; ")}</Text>}
      {complaint && <Text size="sm" c="var(--bad)" role="alert" mb={4}>{complaint}</Text>}
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <FileButton onChange={(files) => void add(files)} accept={ACCEPTED} multiple>
          {(props) => <ActionIcon size={34} title="Attach an image, a PDF or a sound" aria-label="Attach files" {...props}><IconPaperclip size={18} /></ActionIcon>}
        </FileButton>
        <Box flex={1}>
          <Textarea
            aria-label="Prompt" placeholder="Ask all chosen models at once" autosize minRows={1} maxRows={12} variant="unstyled" size="md"
            value={text} onChange={(event) => setText(event.currentTarget.value)}
            onPaste={(event) => event.clipboardData.files.length > 0 && void add([...event.clipboardData.files])}
            onKeyDown={(event) => {
              if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
                event.preventDefault();
                send();
              }
            }}
          />
        </Box>
        {isBusy
          ? <Button size="sm" variant="default" leftSection={<IconPlayerStop size={16} />} onClick={onStop}>Stop</Button>
          : <Button size="sm" leftSection={<IconArrowUp size={16} />} onClick={send} disabled={!canSend}>Send</Button>}
      </Group>
    </Paper>
  );
}

function readFile(file: File): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error);
    reader.onload = () => resolve({ name: file.name, type: file.type, size: file.size, dataUrl: String(reader.result) });
    reader.readAsDataURL(file);
  });
}

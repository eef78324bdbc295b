// What a model takes and can do, as small signs with names.
import { Group } from "@mantine/core";
import { IconBraces, IconBrain, IconFile, IconMicrophone, IconPhoto, IconTool, IconVideo, type TablerIcon } from "@tabler/icons-react";
import type { Model } from "~/api/queries";

type Sign = { name: string; icon: TablerIcon; has: (model: Model) => boolean };

const takes = (modality: string) => (model: Model) =>
  (model.architecture.input_modalities as readonly string[]).includes(modality);
const can = (parameter: string) => (model: Model) =>
  (model.supported_parameters as readonly string[]).includes(parameter);

const signs: Sign[] = [
  { name: "Takes images", icon: IconPhoto, has: takes("image") },
  { name: "Takes files", icon: IconFile, has: takes("file") },
  { name: "Takes audio", icon: IconMicrophone, has: takes("audio") },
  { name: "Takes video", icon: IconVideo, has: takes("video") },
  { name: "Calls tools", icon: IconTool, has: can("tools") },
  { name: "Structured output", icon: IconBraces, has: can("structured_outputs") },
  { name: "Reasons", icon: IconBrain, has: can("reasoning") },
];

export function Abilities({ model }: { model: Model }) {
  return (
    <Group gap={7} wrap="nowrap" c="dimmed">
      {signs.filter((sign) => sign.has(model)).map(({ name, icon: Icon }) => (
        <span key={name} role="img" aria-label={name} title={name} style={{ display: "inline-flex" }}><Icon size={16} stroke={1.6} /></span>
      ))}
    </Group>
  );
}

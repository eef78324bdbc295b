// The calls that the filters find, as a file.
import { Button, Menu } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { exportFormats } from "~/api/formats";
import { download } from "~/parts/download";
import type { ActivitySearch } from "~/router";
import { queryOf } from "./filters";

const names: Record<string, string> = { csv: "CSV", jsonl: "JSON lines", parquet: "Parquet" };

export function Export({ search }: { search: ActivitySearch }) {
  const save = (format: string) => {
    const query = Object.entries(queryOf(search)).map(([key, value]) => [key, value === undefined ? undefined : String(value)]);
    void download("/generations", { ...Object.fromEntries(query), format }, `calls.${format}`);
  };
  return (
    <Menu shadow="md" position="bottom-end">
      <Menu.Target><Button variant="default" leftSection={<IconDownload size={16} />}>Export</Button></Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>What these filters find</Menu.Label>
        {exportFormats.map((format) => <Menu.Item key={format} onClick={() => save(format)}>As {names[format] ?? format}</Menu.Item>)}
      </Menu.Dropdown>
    </Menu>
  );
}

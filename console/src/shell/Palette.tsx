// The palette (Ctrl K): every page, and every model by name.
import "@mantine/spotlight/styles.css";
import { Spotlight, spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { IconBox, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { models } from "~/api/queries";
import { places } from "./navigation";

const SHOWN = 8;

/** Mounted when it is first asked for, and opens then. */
export default function Palette() {
  useEffect(() => spotlight.open(), []);
  const navigate = useNavigate();
  const [query, setQuery] = useState("");
  const found = useQuery({ ...models("usable"), enabled: query.length > 1 });
  const actions = useMemo<SpotlightActionGroupData[]>(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text: string) => words.every((word) => text.toLowerCase().includes(word));
    const pages = places.filter((place) => fits(`${place.title} ${place.about}`)).map((place) => ({
      id: place.to, label: place.title, description: place.about,
      leftSection: <place.icon size={18} stroke={1.6} />,
      onClick: () => void navigate({ to: place.to }),
    }));
    const known = words.length === 0 ? [] : (found.data ?? [])
      .filter((model) => fits(`${model.id} ${model.name}`)).slice(0, SHOWN)
      .map((model) => ({
        id: model.id, label: model.name, description: model.id,
        leftSection: <IconBox size={18} stroke={1.6} />,
        onClick: () => {
          const [author = "", slug = ""] = model.id.split("/");
          void navigate({ to: "/models/$author/$slug", params: { author, slug } });
        },
      }));
    return [{ group: "Pages", actions: pages }, { group: "Models", actions: known }]
      .filter((group) => group.actions.length > 0);
  }, [query, found.data, navigate]);
  return (
    <Spotlight
      actions={actions} query={query} onQueryChange={setQuery} filter={(_, all) => all}
      shortcut={null} nothingFound="Nothing has this name" scrollable maxHeight={420}
      searchProps={{ placeholder: "Go to a page or a model", leftSection: <IconSearch size={18} />, "aria-label": "Go to a page or a model" }}
    />
  );
}

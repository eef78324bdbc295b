// Every page that has a place in the navigation: a row here and a route in router.tsx.
import {
  IconBox, type TablerIcon,
} from "@tabler/icons-react";

export type Place = {
  to: string;
  title: string;
  about: string;
  icon: TablerIcon;
  group: "Use" | "Watch" | "Govern" | "House";
};

export const places: Place[] = [
  { to: "/models", title: "Models", about: "The catalog, endpoints and live plans", icon: IconBox, group: "Use" },
];

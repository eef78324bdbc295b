// Every page that has a place in the navigation: a row here and a route in router.tsx.
import {
  IconActivity, IconBinaryTree2, IconBox, IconBroadcast, IconChartBar, IconGauge, IconHeartbeat, IconKey, IconLayoutDashboard, IconMessages, IconPlugConnected, IconReceipt2, IconRoute, IconSettings, IconStack2, type TablerIcon,
} from "@tabler/icons-react";

export type Place = {
  to: string;
  title: string;
  about: string;
  icon: TablerIcon;
  group: "Use" | "Watch" | "Govern" | "House";
};

export const places: Place[] = [
  { to: "/", title: "Overview", about: "Spend, calls, tokens, and what needs attention", icon: IconLayoutDashboard, group: "Watch" },
  { to: "/start", title: "First call", about: "From nothing to a first answer", icon: IconRoute, group: "Use" },
  { to: "/playground", title: "Playground", about: "Try models side by side", icon: IconMessages, group: "Use" },
  { to: "/models", title: "Models", about: "The catalog, endpoints and live plans", icon: IconBox, group: "Use" },
  { to: "/activity", title: "Activity", about: "Every call and its waybill", icon: IconActivity, group: "Watch" },
  { to: "/sessions", title: "Sessions", about: "Runs of agents: what each cost", icon: IconBinaryTree2, group: "Watch" },
  { to: "/caches", title: "Cache health", about: "What prompt caches save, and why one broke", icon: IconStack2, group: "Watch" },
  { to: "/rankings", title: "Rankings", about: "Models, apps and sessions by tokens and cost", icon: IconChartBar, group: "Watch" },
  { to: "/status", title: "Status", about: "How many calls come to their end", icon: IconHeartbeat, group: "Watch" },
  { to: "/keys", title: "Keys", about: "Who may call, and for how much", icon: IconKey, group: "Govern" },
  { to: "/budgets", title: "Budgets", about: "Limits of any kind", icon: IconGauge, group: "Govern" },
  { to: "/ledger", title: "Ledger", about: "Statement and entries, to export", icon: IconReceipt2, group: "Govern" },
  { to: "/providers", title: "Providers", about: "Who serves, and how healthy", icon: IconPlugConnected, group: "House" },
  { to: "/destinations", title: "Destinations", about: "Where calls are told: traces, events, buckets", icon: IconBroadcast, group: "House" },
  { to: "/settings", title: "Settings", about: "Password, sessions, this server", icon: IconSettings, group: "House" },
];

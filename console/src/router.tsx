// Every route. Pages are loaded when they are gone to; what is in their address is typed here.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { standing } from "./api/session";
import { Broken } from "./pages/Broken";
import { Lost } from "./pages/Lost";
import { Shell } from "./shell/Shell";

const root = createRootRouteWithContext<{ client: QueryClient }>()({ component: Outlet, notFoundComponent: Lost, errorComponent: Broken });

// What an address may hold, read with care.
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } =>
    typeof search.to === "string" ? { to: search.to } : {},
  component: lazyRouteComponent(() => import("./pages/sign-in/SignIn")),
});

export type StatusSearch = { by?: "providers" | "endpoints"; days?: boolean };

// Before the door: it may be public. The page itself finds out who looks.
const status = createRoute({
  getParentRoute: () => root,
  path: "/status",
  validateSearch: (search: Record<string, unknown>): StatusSearch => ({
    by: search.by === "providers" || search.by === "endpoints" ? search.by : undefined,
    days: search.days === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/status/Status")),
});

/** Everything behind the door. */
const house = createRoute({
  getParentRoute: () => root,
  id: "house",
  component: Shell,
  beforeLoad: async ({ context, location }) => {
    const found = await context.client.ensureQueryData(standing);
    if (!found.signed_in) throw redirect({ to: "/sign-in", search: { to: location.href } });
  },
});

const overview = createRoute({
  getParentRoute: () => house,
  path: "/",
  validateSearch: (search: Record<string, unknown>): { days?: number } => ({ days: number(search.days) }),
  component: lazyRouteComponent(() => import("./pages/overview/Overview")),
});

export type ModelsSearch = { q?: string; scope?: "all"; can?: string; takes?: string; price?: number; context?: number; by?: string; up?: boolean; compare?: string };

const models = createRoute({
  getParentRoute: () => house,
  path: "/models",
  validateSearch: (search: Record<string, unknown>): ModelsSearch => ({
    q: text(search.q), can: text(search.can), takes: text(search.takes), by: text(search.by),
    compare: text(search.compare), price: number(search.price), context: number(search.context),
    scope: search.scope === "all" ? "all" : undefined, up: search.up === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/models/Models")),
});

const model = createRoute({
  getParentRoute: () => house,
  path: "/models/$author/$slug",
  component: lazyRouteComponent(() => import("./pages/models/ModelPage")),
});

const playground = createRoute({
  getParentRoute: () => house,
  path: "/playground",
  validateSearch: (search: Record<string, unknown>): { models?: string } => ({ models: text(search.models) }),
  component: lazyRouteComponent(() => import("./pages/playground/Playground")),
});

const start = createRoute({
  getParentRoute: () => house,
  path: "/start",
  component: lazyRouteComponent(() => import("./pages/start/Start")),
});

const keys = createRoute({
  getParentRoute: () => house,
  path: "/keys",
  component: lazyRouteComponent(() => import("./pages/keys/Keys")),
});

const budgets = createRoute({
  getParentRoute: () => house,
  path: "/budgets",
  component: lazyRouteComponent(() => import("./pages/budgets/Budgets")),
});

export type LedgerSearch = { from?: string; to?: string; key?: string; view?: "entries" };

const ledger = createRoute({
  getParentRoute: () => house,
  path: "/ledger",
  validateSearch: (search: Record<string, unknown>): LedgerSearch => ({
    from: text(search.from), to: text(search.to), key: text(search.key),
    view: search.view === "entries" ? "entries" : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/ledger/Ledger")),
});

export type ProvidersSearch = { view?: "health" | "all" };

const providers = createRoute({
  getParentRoute: () => house,
  path: "/providers",
  validateSearch: (search: Record<string, unknown>): ProvidersSearch => ({
    view: search.view === "health" || search.view === "all" ? search.view : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/providers/Providers")),
});

const settings = createRoute({
  getParentRoute: () => house,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings/Settings")),
});

const destinations = createRoute({
  getParentRoute: () => house,
  path: "/destinations",
  validateSearch: (search: Record<string, unknown>): { workspace?: string } => ({ workspace: text(search.workspace) }),
  component: lazyRouteComponent(() => import("./pages/destinations/Destinations")),
});

export type ActivitySearch = {
  q?: string; outcome?: string; key?: string; model?: string; provider?: string; endpoint?: string; session?: string; app?: string;
  /** Ids of a workspace and of a member, the URL of an app, and whom a call was made for. */
  workspace?: string; member?: string; origin?: string; user?: string;
  /** Status codes, separated by commas. */
  status?: string;
  /** Seconds back from now; or from one moment until before another, ISO 8601. */
  span?: number; from?: string; to?: string;
  /** At least so much: USD, milliseconds. */
  cost?: number; latency?: number;
  /** The call that is open in the drawer. */
  call?: string;
};

const activity = createRoute({
  getParentRoute: () => house,
  path: "/activity",
  validateSearch: (search: Record<string, unknown>): ActivitySearch => ({
    q: text(search.q), outcome: text(search.outcome), key: text(search.key), model: text(search.model),
    provider: text(search.provider), endpoint: text(search.endpoint), session: text(search.session), app: text(search.app),
    workspace: text(search.workspace), member: text(search.member), origin: text(search.origin), user: text(search.user),
    status: text(typeof search.status === "number" ? String(search.status) : search.status), call: text(search.call),
    span: number(search.span), from: text(search.from), to: text(search.to),
    cost: number(search.cost), latency: number(search.latency),
  }),
  component: lazyRouteComponent(() => import("./pages/activity/Activity")),
});

export type CachesSearch = { days?: number; model?: string; endpoint?: string };

const caches = createRoute({
  getParentRoute: () => house,
  path: "/caches",
  validateSearch: (search: Record<string, unknown>): CachesSearch => ({
    days: number(search.days), model: text(search.model), endpoint: text(search.endpoint),
  }),
  component: lazyRouteComponent(() => import("./pages/caches/Caches")),
});

export type RankingsSearch = { days?: number; per?: "week" | "month"; of?: string; apps?: "trending" };

const rankings = createRoute({
  getParentRoute: () => house,
  path: "/rankings",
  validateSearch: (search: Record<string, unknown>): RankingsSearch => ({
    days: number(search.days), of: text(search.of),
    per: search.per === "week" || search.per === "month" ? search.per : undefined,
    apps: search.apps === "trending" ? "trending" : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/rankings/Rankings")),
});

export type SessionsSearch = { by?: "cost"; days?: number };

const sessions = createRoute({
  getParentRoute: () => house,
  path: "/sessions",
  validateSearch: (search: Record<string, unknown>): SessionsSearch => ({ by: search.by === "cost" ? "cost" : undefined, days: number(search.days) }),
  component: lazyRouteComponent(() => import("./pages/sessions/Sessions")),
});

const session = createRoute({
  getParentRoute: () => house,
  path: "/sessions/$id",
  component: lazyRouteComponent(() => import("./pages/activity/SessionPage")),
});

const call = createRoute({
  getParentRoute: () => house,
  path: "/activity/$id",
  component: lazyRouteComponent(() => import("./pages/activity/CallPage")),
});

const tree = root.addChildren([signIn, status, house.addChildren([overview, start, playground, models, model, activity, caches, rankings, sessions, session, call, keys, budgets, ledger, providers, destinations, settings])]);

export const makeRouter = (client: QueryClient) =>
  createRouter({ routeTree: tree, context: { client }, defaultPreload: "intent", scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register { router: ReturnType<typeof makeRouter> }
}

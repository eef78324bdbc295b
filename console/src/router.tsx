// Every route. Pages are loaded when they are gone to; what is in their address is typed here.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { standing } from "./api/session";
import { Lost } from "./pages/Lost";
import { Shell } from "./shell/Shell";

const root = createRootRouteWithContext<{ client: QueryClient }>()({ component: Outlet, notFoundComponent: Lost });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } =>
    typeof search.to === "string" ? { to: search.to } : {},
  component: lazyRouteComponent(() => import("./pages/sign-in/SignIn")),
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

const index = createRoute({
  getParentRoute: () => house,
  path: "/",
  beforeLoad: () => { throw redirect({ to: "/models" }); },
});

export type ModelsSearch = { q?: string; scope?: "all"; can?: string; takes?: string; price?: number; context?: number; by?: string; up?: boolean; compare?: string };

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);

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

const tree = root.addChildren([signIn, house.addChildren([index, models, model])]);

export const makeRouter = (client: QueryClient) =>
  createRouter({ routeTree: tree, context: { client }, defaultPreload: "intent", scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register { router: ReturnType<typeof makeRouter> }
}

// The console starts here.
import "virtual:mantine.css";
import "./styles.css";
import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client";
import { standing } from "./api/session";
import { Notices } from "./parts/notices";
import { makeRouter } from "./router";
import { theme, variables } from "./theme";

// Styles that are made while the console runs carry the nonce that the server's policy names.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
setNonce(nonce);

/** A session that has ended leads back to the door. */
function onError(error: Error) {
  if (!(error instanceof ApiError) || !error.isSignedOut) return;
  if (router.state.location.pathname === "/sign-in") return;
  client.removeQueries({ queryKey: standing.queryKey });
  void router.navigate({ to: "/sign-in", search: { to: router.state.location.href } });
}

const client = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (times, error) => times < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
    },
  },
});
const router = makeRouter(client);

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
        <Notices />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);

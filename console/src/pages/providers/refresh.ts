// What is asked anew when a provider was added or taken away.
import { useQueryClient } from "@tanstack/react-query";

/** What changes with a credential: who can be called, and which models. */
export function useRefresh() {
  const client = useQueryClient();
  return () => Promise.all(["credentials", "byok", "own-providers", "providers", "models", "endpoints"].map((name) => client.invalidateQueries({ queryKey: [name] })));
}

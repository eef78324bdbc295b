// The door: by one-time link, by password, or by management key.
import { Alert, Anchor, Box, Button, Center, Group, Paper, PasswordInput, Stack, Text, Title } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { Schemas } from "~/api/client";
import { signIn, standing } from "~/api/session";
import { Mark } from "~/shell/Mark";

const route = getRouteApi("/sign-in");

/** The token of a one-time link; it stands behind `#`, which is sent to nobody. */
function linkToken(): string | undefined {
  return new URLSearchParams(window.location.hash.slice(1)).get("link") ?? undefined;
}

export default function SignIn() {
  useDocumentTitle("Sign in · Waybill");
  const { to } = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  const known = useQuery(standing);
  const [byKey, setByKey] = useState<boolean>();
  const [secret, setSecret] = useState("");
  const enter = useMutation({
    mutationFn: (body: Schemas["SignIn"]) => signIn(body),
    onSuccess: (found, body) => {
      client.setQueryData(standing.queryKey, found);
      // Who came by the link of a first start is shown the way to a first answer.
      const next = body.link ? "/start" : to?.startsWith("/") && !to.startsWith("//") ? to : "/";
      router.history.push(next);
    },
  });
  const token = useRef(linkToken());
  useEffect(() => {
    if (!token.current) return;
    window.history.replaceState(null, "", "/sign-in");
    enter.mutate({ link: token.current });
    token.current = undefined;
  }, []);
  const withKey = byKey ?? !known.data?.has_password;
  return (
    <Center mih="100dvh" p="md" component="main">
      <Box w={400} maw="100%">
        <Group gap={10} mb="lg" justify="center">
          <Mark size={34} />
          <Text fz={24} fw={600} style={{ letterSpacing: "-0.015em" }}>Waybill</Text>
        </Group>
        <Paper p="xl" className="sheet">
          <form
            onSubmit={(event) => {
              event.preventDefault();
              enter.mutate(withKey ? { key: secret.trim() } : { password: secret });
            }}
          >
            <Stack gap="md">
              <Title order={1} fz="lg">Sign in</Title>
              {enter.isError && <Alert color="red" role="alert"><Text c="var(--mantine-color-text)">{enter.error.message}</Text></Alert>}
              <PasswordInput
                key={withKey ? "key" : "password"}
                label={withKey ? "Management key" : "Password"}
                description={withKey ? "The first start of the server printed one." : undefined}
                placeholder={withKey ? "sk-wb-v1-…" : undefined}
                autoComplete={withKey ? "off" : "current-password"} autoFocus required
                value={secret} onChange={(event) => setSecret(event.currentTarget.value)}
              />
              <Button type="submit" loading={enter.isPending} fullWidth>Sign in</Button>
              {known.data?.has_password && (
                <Anchor component="button" type="button" size="sm" ta="center" onClick={() => { setByKey(!withKey); setSecret(""); enter.reset(); }}>
                  {withKey ? "Use the password" : "Use a management key"}
                </Anchor>
              )}
            </Stack>
          </form>
        </Paper>
        <Text size="sm" c="dimmed" mt="md" ta="center">
          No key at hand? <code className="mono">waybill console link</code> on the server prints a link that signs in once.
        </Text>
      </Box>
    </Center>
  );
}

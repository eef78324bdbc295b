// What stands around every page: navigation, search, theme, and the way out.
import { ActionIcon, Burger, Button, Group, Kbd, Text, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconLogout, IconMoon, IconSearch, IconSun } from "@tabler/icons-react";
import { useIsFetching, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { signOut } from "~/api/session";
import { Mark } from "./Mark";
import { places } from "./navigation";
import classes from "./Shell.module.css";

const Palette = lazy(() => import("./Palette"));

const groups = ["Watch", "Use", "Govern", "House"] as const;

/** Around the page that the router has found, or around another one. */
export function Shell({ children }: { children?: ReactNode }) {
  const [opened, menu] = useDisclosure(false);
  const { pathname } = useLocation();
  useEffect(menu.close, [pathname]);
  const [hasPalette, setPalette] = useState(false);
  const search = () => {
    if (hasPalette) void import("@mantine/spotlight").then(({ spotlight }) => spotlight.toggle());
    setPalette(true);
  };
  useHotkeys([["mod+K", search]], []);
  return (
    <div className={classes.shell}>
      <header className={classes.header}>
        <a href="#content" className={classes.skip}>Skip to content</a>
        <Group gap="sm" wrap="nowrap">
          <Burger opened={opened} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" aria-expanded={opened} aria-controls="pages" />
          <UnstyledButton component={Link} to="/" className={classes.brand}>
            <Mark />
            <Text fw={600} fz="lg" className={classes.name}>Waybill</Text>
          </UnstyledButton>
        </Group>
        <Group gap={6} wrap="nowrap">
          <Button
            variant="default" size="xs" leftSection={<IconSearch size={14} />} className={classes.search}
            rightSection={<Kbd size="xs" className={classes.keys}>Ctrl K</Kbd>} onClick={search} visibleFrom="sm"
          >
            Go to…
          </Button>
          <ActionIcon hiddenFrom="sm" onClick={search} aria-label="Go to…"><IconSearch size={18} /></ActionIcon>
          <ThemeSwitch />
          <SignOut />
        </Group>
        <Loading />
      </header>
      <nav id="pages" aria-label="Pages" className={classes.navbar} data-opened={opened || undefined}>
        {groups.map((group) => (
          <div key={group} className={classes.group} role="group" aria-label={group}>
            <Text className="label" px={10} pb={4}>{group}</Text>
            {places.filter((place) => place.group === group).map((place) => (
              <Link key={place.to} to={place.to} activeOptions={{ exact: place.to === "/", includeSearch: false }} className={classes.link}>
                <place.icon size={17} stroke={1.7} aria-hidden="true" />
                {place.title}
              </Link>
            ))}
          </div>
        ))}
      </nav>
      <main className={classes.main}>{children ?? <Outlet />}</main>
      {hasPalette && <Suspense><Palette /></Suspense>}
    </div>
  );
}

/** That something is asked for the first time, also where the page goes on to show what it had before. */
function Loading() {
  const asked = useIsFetching({ predicate: (query) => query.state.status === "pending" });
  return asked > 0 && <div role="progressbar" aria-label="Loading" className={classes.loading} />;
}

export function ThemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme("light") === "dark";
  const label = isDark ? "Light theme" : "Dark theme";
  return (
    <ActionIcon size="md" title={label} aria-label={label} onClick={() => setColorScheme(isDark ? "light" : "dark")}>
      {isDark ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  );
}

function SignOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = async () => {
    await signOut();
    client.clear();
    await navigate({ to: "/sign-in" });
  };
  return (
    <ActionIcon size="md" title="Sign out" aria-label="Sign out" onClick={leave}><IconLogout size={18} /></ActionIcon>
  );
}

// An address that leads nowhere.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Page } from "~/parts/Page";
import { Empty } from "~/parts/States";

export function Lost() {
  return (
    <Page title="Nothing here">
      <Empty title="This address leads nowhere" action={<Button component={Link} to="/">To the overview</Button>}>
        The page was moved, or the address was mistyped.
      </Empty>
    </Page>
  );
}

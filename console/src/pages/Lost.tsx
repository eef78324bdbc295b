// An address that leads nowhere.
import { LinkButton } from "~/parts/links";
import { Page } from "~/parts/Page";
import { Empty } from "~/parts/States";

export function Lost() {
  return (
    <Page title="Nothing here">
      <Empty title="This address leads nowhere" action={<LinkButton to="/">To the overview</LinkButton>}>
        The page was moved, or the address was mistyped.
      </Empty>
    </Page>
  );
}

// The waybill of a call beside the list.
import { Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { generation } from "~/api/generation";
import { LinkText } from "~/parts/links";
import { Failure, Waiting } from "~/parts/States";
import { Waybill } from "./Waybill";

export function CallDrawer({ id, onClose }: { id: string | undefined; onClose: () => void }) {
  return (
    <Drawer opened={id !== undefined} onClose={onClose} position="right" size={640} title="Call" padding="md">
      {id && <One id={id} />}
    </Drawer>
  );
}

function One({ id }: { id: string }) {
  const found = useQuery(generation(id));
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />;
  return (
    <>
      <Waybill call={found.data} />
      <LinkText to="/activity/$id" params={{ id }} size="sm" mt="sm" display="inline-block">On a page of its own</LinkText>
    </>
  );
}

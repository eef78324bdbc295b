// What a provider does with prompts, as far as the catalog knows, in badges.
import { Badge, Group } from "@mantine/core";
import type { Provider } from "~/api/queries";

type Policy = NonNullable<Provider["data_policy"]>;

/** Words, what they mean, and whether they are good news. */
function words(policy: Policy): [string, string, string][] {
  const days = policy.retention_days;
  return [
    ...(policy.zdr ? [["keeps nothing", "Zero data retention: what provider.zdr asks for", "leaf"] as [string, string, string]] : []),
    policy.training === false
      ? ["no training", "It states that it does not train on prompts", "leaf"]
      : policy.training ? ["may train", "It may train on prompts", "stamp"] : ["training unknown", "Nobody has stated whether it trains on prompts; routing counts that as yes", "amber"],
    ...(!policy.zdr && days !== null ? [[`kept ${days} days`, "For how long it keeps prompts", "gray"] as [string, string, string]] : []),
    ...(policy.region ? [[policy.region, "Where data stays", "gray"] as [string, string, string]] : []),
  ];
}

type Props = { policy: Policy | undefined; isOneLine?: boolean };

export function DataPolicy({ policy, isOneLine }: Props) {
  if (!policy) return <span className="quiet">–</span>;
  return (
    <Group gap={5} wrap={isOneLine ? "nowrap" : "wrap"}>
      {words(policy).map(([text, meaning, color]) => <Badge key={text} size="sm" color={color} title={meaning}>{text}</Badge>)}
    </Group>
  );
}

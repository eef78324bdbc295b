// One model: what it is, every endpoint that serves it, and where a call would go right now.
import { Anchor, Badge, Box, Group, Paper, Stack, Tabs, Text } from "@mantine/core";
import { IconArrowLeft, IconMessages } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { endpoints, type Model, models } from "~/api/queries";
import { CopyIcon } from "~/parts/Copy";
import { Facts } from "~/parts/Figures";
import { context, perMillion } from "~/parts/format";
import { lazily } from "~/parts/lazily";
import { LinkButton } from "~/parts/links";
import { Page } from "~/parts/Page";
import { Failure, Waiting } from "~/parts/States";
import { Endpoints } from "./Endpoints";
import { History } from "./History";
import { Prices } from "./Prices";

const LivePlan = lazily(async () => (await import("./LivePlan")).LivePlan);

const route = getRouteApi("/house/models/$author/$slug");

export default function ModelPage() {
  const { author, slug } = route.useParams();
  const id = `${author}/${slug}`;
  const served = useQuery(endpoints(author, slug));
  const all = useQuery(models("all"));
  const model = all.data?.find((model) => model.id === id);
  return (
    <Page
      title={served.data?.name ?? model?.name ?? id} about={model?.description ?? served.data?.description}
      actions={<LinkButton leftSection={<IconMessages size={16} />} to="/playground" search={{ models: id }}>Try it</LinkButton>}
      above={
        <Anchor component={Link} to="/models" size="sm" mb={6} display="inline-flex" style={{ alignItems: "center", gap: 4 }}>
          <IconArrowLeft size={14} /> Models
        </Anchor>
      }
    >
      <Group gap="xs" mb="md">
        <Text className="mono">{id}</Text>
        <CopyIcon value={id} label="Copy the slug" />
        {model && <Tags model={model} />}
      </Group>
      {served.isError && <Failure error={served.error} retry={() => void served.refetch()} />}
      {served.isPending && <Paper className="sheet"><Waiting /></Paper>}
      {served.data && (
        <Tabs defaultValue="endpoints" keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="endpoints">Endpoints ({served.data.endpoints.length})</Tabs.Tab>
            <Tabs.Tab value="plan">Why would my call go there?</Tabs.Tab>
            <Tabs.Tab value="facts">Facts</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="endpoints">
            <Endpoints all={served.data.endpoints} />
            <History model={id} />
          </Tabs.Panel>
          <Tabs.Panel value="plan"><LivePlan model={id} /></Tabs.Panel>
          <Tabs.Panel value="facts">{model && <ModelFacts model={model} />}</Tabs.Panel>
        </Tabs>
      )}
    </Page>
  );
}

function Tags({ model }: { model: Model }) {
  return (
    <>
      <Badge color="gray" data-bottom>{context(model.context_length)} tokens of context</Badge>
      <Badge color="gray" data-bottom>{perMillion(model.pricing.prompt)} in / {perMillion(model.pricing.completion)} out per M tokens</Badge>
      {model.architecture.input_modalities.filter((modality) => modality !== "text").map((modality) => (
        <Badge key={modality} color="carbon">{modality}</Badge>
      ))}
    </>
  );
}

function ModelFacts({ model }: { model: Model }) {
  return (
    <Stack data-bottom>
      <Paper className="sheet" p="lg">
        <Facts
          rows={[
            ["Slug", <span className="mono">{model.id}</span>],
            ["Released", model.created ? new Date(model.created * 1000).toLocaleDateString("en-GB") : "–"],
            ["Knowledge until", model.knowledge_cutoff ?? "–"],
            ["Context", `${(model.context_length ?? 0).toLocaleString("en-US")} tokens`],
            ["Longest answer", model.top_provider?.max_completion_tokens ? `${model.top_provider.max_completion_tokens.toLocaleString("en-US")} tokens` : "–"],
            ["Takes", model.architecture.input_modalities.join(", ")],
            ["Gives", model.architecture.output_modalities.join(", ")],
            ["Tokenizer", model.architecture.tokenizer],
            ["Parameters", model.supported_parameters.join(", ")],
          ]}
        />
      </Paper>
      <Paper className="sheet" p="lg"><Box><Prices pricing={model.pricing} /></Box></Paper>
    </Stack>
  );
}

// An answer of a model as it was meant to be read. Its own HTML stays text.
import { Anchor, Code } from "@mantine/core";
import Markdown from "markdown-to-jsx";
import { CodeBlock } from "~/parts/Copy";
import { Table } from "~/parts/Table";
import classes from "./Prose.module.css";

const text = (children: unknown): string =>
  typeof children === "string" ? children : Array.isArray(children) ? children.map(text).join("") : "";

type PreProps = { children?: { props?: { children?: unknown } } };

const overrides = {
  a: { component: Anchor, props: { target: "_blank", rel: "noopener noreferrer" } },
  code: { component: Code },
  pre: { component: ({ children }: PreProps) => <CodeBlock code={text(children?.props?.children).replace(/\n$/, "")} /> },
  table: { component: Table },
  // Pictures from elsewhere would tell somebody that they were looked at.
  img: { component: ({ alt, src }: { alt?: string; src?: string }) => <Anchor href={src}>{alt || src}</Anchor> },
};

export default function Prose({ children }: { children: string }) {
  return (
    <Markdown className={classes.prose} options={{ forceBlock: true, disableParsingRawHTML: true, overrides }}>
      {children}
    </Markdown>
  );
}

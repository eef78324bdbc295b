// Tables of pages. Mantine's would bring its scrolling, and with it all positioning, to every page.
import { Box, type BoxProps } from "@mantine/core";
import type { ComponentProps, JSX } from "react";
import classes from "./Table.module.css";

type Part<Tag extends keyof JSX.IntrinsicElements> = BoxProps & Omit<ComponentProps<Tag>, keyof BoxProps | "ref">;

type WholeProps = Part<"table"> & {
  /** Marks the row under the pointer. */
  highlightOnHover?: boolean;
  /** The head stays while the rows scroll under it. */
  stickyHeader?: boolean;
  /** Columns as wide as they say, whatever is in them. */
  isFixed?: boolean;
  /** Without lines and with little room, for a few figures. */
  isCompact?: boolean;
};

function Whole({ highlightOnHover, stickyHeader, isFixed, isCompact, className, ...rest }: WholeProps) {
  const mod = { hover: highlightOnHover, sticky: stickyHeader, fixed: isFixed, compact: isCompact };
  return <Box component="table" className={[classes.table, className].filter(Boolean).join(" ")} mod={mod} {...rest} />;
}

/** A table that is wider than its place is scrolled sideways in it. */
export function Scroll({ minWidth, className, style, children, ...rest }: Part<"div"> & { minWidth?: number }) {
  return (
    <Box className={[classes.scroll, className].filter(Boolean).join(" ")} style={style} {...rest}>
      {minWidth === undefined ? children : <Box miw={minWidth}>{children}</Box>}
    </Box>
  );
}

export const Table = Object.assign(Whole, {
  Thead: (props: Part<"thead">) => <Box component="thead" {...props} />,
  Tbody: (props: Part<"tbody">) => <Box component="tbody" {...props} />,
  Tfoot: (props: Part<"tfoot">) => <Box component="tfoot" {...props} />,
  Tr: (props: Part<"tr">) => <Box component="tr" {...props} />,
  Th: (props: Part<"th">) => <Box component="th" {...props} />,
  Td: (props: Part<"td">) => <Box component="td" {...props} />,
  Caption: (props: Part<"caption">) => <Box component="caption" {...props} />,
});

// A table for lists that may be long: rows beyond the view are not drawn, columns can be sorted,
// and a screen reader is told of rows and columns all the same.
import { Box, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef } from "react";
import classes from "./Sheet.module.css";
import { useRows } from "./useRows";

export type Column<Row> = {
  key: string;
  title: ReactNode;
  /** A track of CSS grid, such as `minmax(220px, 2fr)` or `96px`. */
  width: string;
  align?: "right";
  cell: (row: Row) => ReactNode;
  /** Whether the list can be sorted by it. */
  sorts?: boolean;
};

export type Sorting = { key: string; descending: boolean };

type Props<Row> = {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  rowHeight?: number;
  /** The most height that the list takes before it scrolls; CSS. */
  height?: string;
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
  onOpen?: (row: Row) => void;
  isChosen?: (row: Row) => boolean;
  /** Called when the end comes into view. */
  onEnd?: () => void;
};

export function Sheet<Row>(props: Props<Row>) {
  const { label, columns, rows, rowKey, rowHeight = 44, height = "calc(100dvh - 260px)" } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { from, until } = useRows(scroller, rows.length, rowHeight);
  const tracks = columns.map((column) => column.width).join(" ");
  const least = columns.reduce((sum, column) => sum + Number(/\d+/.exec(column.width)?.[0] ?? 0), 16);
  const isAtEnd = until >= rows.length - 20;
  const { onEnd } = props;
  // Whoever has nothing more to bring does nothing.
  useEffect(() => { if (isAtEnd) onEnd?.(); });
  return (
    <Box
      ref={scroller} className={classes.scroller} style={{ maxHeight: height }}
      role="table" aria-label={label} aria-rowcount={rows.length + 1} tabIndex={0}
    >
      <div style={{ minWidth: least }}>
        <div role="rowgroup" className={classes.head}>
          <div role="row" aria-rowindex={1} className={classes.row} style={{ gridTemplateColumns: tracks }}>
            {columns.map((column) => (
              <Head key={column.key} column={column} sorting={props.sorting} onSort={props.onSort} />
            ))}
          </div>
        </div>
        <div role="rowgroup" className={classes.body} style={{ height: rows.length * rowHeight }}>
          {rows.slice(from, until).map((row, offset) => {
            const index = from + offset;
            return (
              <div
                key={rowKey(row)} role="row" aria-rowindex={index + 2}
                className={classes.row} data-chosen={props.isChosen?.(row) || undefined}
                data-opens={props.onOpen ? true : undefined}
                style={{ gridTemplateColumns: tracks, height: rowHeight, transform: `translateY(${index * rowHeight}px)` }}
                onClick={props.onOpen && ((event) => {
                  // Links and buttons within a row keep their own meaning.
                  if (!(event.target as Element).closest("a, button, input, label")) props.onOpen?.(row);
                })}
              >
                {columns.map((column) => (
                  <div key={column.key} role="cell" className={classes.cell} data-align={column.align}>
                    {column.cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </Box>
  );
}

type HeadProps<Row> = { column: Column<Row>; sorting?: Sorting; onSort?: (sorting: Sorting) => void };

function Head<Row>({ column, sorting, onSort }: HeadProps<Row>) {
  const isBy = sorting?.key === column.key;
  const order = isBy ? (sorting.descending ? "descending" : "ascending") : undefined;
  const title = <span className={classes.title}>{column.title}</span>;
  return (
    <div role="columnheader" className={classes.cell} data-align={column.align} aria-sort={order}>
      {column.sorts && onSort ? (
        <UnstyledButton
          className={classes.sorter} data-active={isBy || undefined}
          onClick={() => onSort({ key: column.key, descending: isBy ? !sorting.descending : column.align === "right" })}
        >
          {title}
          {isBy && (sorting.descending ? <IconArrowDown size={12} /> : <IconArrowUp size={12} />)}
        </UnstyledButton>
      ) : title}
    </div>
  );
}

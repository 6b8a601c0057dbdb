// A table of one page of a list: a caption, columns, perhaps rows to select; and the way to the next page, by the list's
// own cursor.

import type { ComponentChildren } from 'preact';
import type { Live } from '../live/use-live.ts';
import { useQuery } from '../shell/router.ts';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';
import { Empty, Failed, Loading, problemText } from './states.tsx';

export interface Column<Row> {
  /** Its name in addresses and among the columns to choose. */
  id: string;
  title: string;
  cell(row: Row): ComponentChildren;
  numeric?: boolean;
}

export interface Selection {
  ids: ReadonlySet<string>;
  set(ids: ReadonlySet<string>): void;
}

export interface TableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  /** Undefined: not there yet. */
  rows: readonly Row[] | undefined;
  id(row: Row): string;
  selection?: Selection | undefined;
  /** What is said of a row to those who can't see it: its name in the label of its box. */
  label?(row: Row): string;
  /** Whether filters are set: then nothing there means that nothing matches. */
  filtered?: boolean;
}

export function Table<Row>(props: TableProps<Row>) {
  const { caption, columns, rows, id, selection, label, filtered = false } = props;
  const words = useWords(general);
  if (!rows) return <Loading />;
  if (rows.length === 0) {
    return (
      <Empty title={filtered ? words.nothingMatches : words.nothing}>
        <p class="muted">{caption}</p>
      </Empty>
    );
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {selection && (
              <th scope="col" class="select">
                <SelectAll ids={rows.map(id)} selection={selection} />
              </th>
            )}
            {columns.map((column) => (
              <th key={column.id} scope="col" class={column.numeric ? 'numeric' : ''}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {selection && (
                <td class="select">
                  <SelectOne id={id(row)} label={label?.(row) ?? id(row)} selection={selection} />
                </td>
              )}
              {columns.map((column) => (
                <td key={column.id} class={column.numeric ? 'numeric' : ''}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function SelectAll({ ids, selection }: { ids: readonly string[]; selection: Selection }) {
  const words = useWords(general);
  const chosen = ids.filter((id) => selection.ids.has(id)).length;
  return (
    <input
      type="checkbox"
      aria-label={words.selectAll}
      checked={chosen === ids.length}
      indeterminate={chosen > 0 && chosen < ids.length}
      onChange={() => selection.set(new Set(chosen === ids.length ? [] : ids))}
    />
  );
}

function SelectOne({ id, label, selection }: { id: string; label: string; selection: Selection }) {
  const words = useWords(general);
  return (
    <input
      type="checkbox"
      aria-label={`${words.select} ${label}`}
      checked={selection.ids.has(id)}
      onChange={({ currentTarget }) => {
        const ids = new Set(selection.ids);
        if (currentTarget.checked) ids.add(id);
        else ids.delete(id);
        selection.set(ids);
      }}
    />
  );
}

/** A table of what a live list answers, its failure in the table's place while there is nothing older to show. */
export function LiveTable<Row>({
  live,
  next,
  ...table
}: TableProps<Row> & { live: Live<unknown>; next: string | null | undefined }) {
  const words = useWords(general);
  if (!table.rows && live.problem) return <Failed text={problemText(live.problem, words)} again={live.refresh} />;
  return (
    <>
      <Table {...table} />
      <Pager next={next} />
    </>
  );
}

/** `next`: the list's nextCursor. The page is in the address, as `cursor`. */
export function Pager({ next }: { next: string | null | undefined }) {
  const words = useWords(general);
  const [query, change] = useQuery();
  if (!next && !query.cursor) return null;
  return (
    <div class="pager">
      <button type="button" disabled={!query.cursor} onClick={() => change({})}>
        {words.first}
      </button>
      <button type="button" disabled={!next} onClick={() => change({ cursor: next ?? undefined })}>
        {words.next}
      </button>
    </div>
  );
}

// A run, and its rehearsal: the first rows at once, and nothing sent.

import { useState } from 'preact/hooks';
import {
  CodeField,
  type Column,
  Confirm,
  call,
  Empty,
  Table,
  TextField,
  toast,
  useWords,
} from '../../../../console/index.ts';
import { type Report, reportPath } from './report.ts';
import { words } from './words.ts';

interface DryRun {
  columns: { name: string; type: string }[];
  rows: (string | null)[][];
  sql: string;
}

interface Row {
  cells: (string | null)[];
  index: number;
}

/** The body as text: parameters go as they were typed. */
function bodyOf(fields: FormData, members: readonly string[]): string {
  const parameters = String(fields.get('parameters') ?? '').trim();
  const all = parameters === '' ? members : [...members, `"parameters":${parameters}`];
  return `{${all.join(',')}}`;
}

export function DryRunDialog({ id, close }: { id: string; close(): void }) {
  const texts = useWords(words);
  const [found, setFound] = useState<DryRun>();
  return (
    <Confirm
      title={texts.dryRunTitle}
      verb={texts.dryRunVerb}
      wide
      keepOpen
      close={close}
      run={async (fields) => {
        setFound(undefined);
        setFound(await call<DryRun>('POST', reportPath(id, 'run'), { text: bodyOf(fields, ['"dryRun":true']) }));
      }}
    >
      <CodeField label={texts.parameters} name="parameters" hint={texts.parametersHint} rows={3} />
      {found?.rows.length === 0 && <Empty title={texts.noRows} />}
      {found && found.rows.length > 0 && (
        <Table
          caption={texts.rows(found.rows.length)}
          rows={found.rows.map((cells, index) => ({ cells, index }))}
          id={({ index }) => String(index)}
          columns={columnsOf(found)}
        />
      )}
    </Confirm>
  );
}

function columnsOf({ columns }: DryRun): Column<Row>[] {
  return columns.map(({ name }, index) => ({
    id: String(index),
    title: name,
    cell: ({ cells }) => cells[index] ?? <span class="muted">null</span>,
  }));
}

export function RunDialog({ report, close, done }: { report: Report; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.runTitle}
      verb={texts.runVerb}
      close={close}
      asksReason={false}
      run={async (fields) => {
        const others = String(fields.get('recipients'))
          .split(',')
          .map((each) => each.trim())
          .filter((each) => each !== '');
        const members = others.length > 0 ? [`"recipients":${JSON.stringify(others)}`] : [];
        await call('POST', reportPath(report.id, 'run'), { text: bodyOf(fields, members) });
        toast(texts.ran);
        done();
      }}
    >
      <p>{texts.runText(report.recipients.length)}</p>
      <TextField label={texts.others} name="recipients" hint={texts.othersHint} />
      <CodeField label={texts.parameters} name="parameters" hint={texts.parametersHint} rows={3} />
    </Confirm>
  );
}

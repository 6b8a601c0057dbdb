// SAP HANA through SAP's own client, which isn't part of TEM: it is loaded when a hana:// source is named. This file never
// ran against a HANA.

import { refuseWrites } from './refusal.ts';
import { type Row, type Rows, rowsOf } from './rows.ts';
import { type Column, type Kind, QueryFailed, type Source } from './source.ts';

const PACKAGE = '@sap/hana-client';
const BATCH_ROWS = 1_000;
const NUMBERS = /INT|DECIMAL|REAL|DOUBLE|FLOAT/i;

// What is used of the client, after SAP's reference of it.
interface HanaResult {
  getColumnInfo(): { columnName: string; nativeTypeName: string }[];
  next(done: (error: Error | null, there: boolean) => void): void;
  getString(column: number): string | null;
  close(done?: () => void): void;
}
interface HanaStatement {
  executeQuery(values: unknown[], done: (error: Error | null, result: HanaResult) => void): void;
  drop(): void;
}
interface HanaConnection {
  connect(options: Record<string, unknown>, done: (error: Error | null) => void): void;
  exec(sql: string, done: (error: Error | null) => void): void;
  prepare(sql: string, done: (error: Error | null, statement: HanaStatement) => void): void;
  abort(): void;
  disconnect(): void;
}

export function hanaSource(url: string | undefined): Source {
  return {
    async read(reading, use) {
      refuseWrites(reading.text);
      const connection = await connect(new URL(url ?? ''));
      const abort = () => connection.abort();
      const timer = setTimeout(abort, reading.withinMs);
      reading.signal?.addEventListener('abort', abort, { once: true });
      try {
        await asked<void>((done) => connection.exec('SET TRANSACTION READ ONLY', done));
        const statement = await asked<HanaStatement>((done) => connection.prepare(reading.text, done));
        const result = await asked<HanaResult>((done) => statement.executeQuery(reading.values, done));
        const columns = result.getColumnInfo().map(
          ({ columnName, nativeTypeName }): Column => ({
            name: columnName,
            type: nativeTypeName,
            kind: kindOf(nativeTypeName),
          }),
        );
        return await use(columns, batches(result, columns.length));
      } finally {
        clearTimeout(timer);
        reading.signal?.removeEventListener('abort', abort);
        connection.disconnect();
      }
    },
  };
}

async function connect(url: URL): Promise<HanaConnection> {
  const client = await import(PACKAGE).catch(() => {
    throw new QueryFailed(`a hana:// source needs SAP's client: npm install ${PACKAGE}`, false);
  });
  const connection = (client.default ?? client).createConnection() as HanaConnection;
  await asked<void>((done) =>
    connection.connect(
      {
        serverNode: url.host,
        uid: decodeURIComponent(url.username),
        pwd: decodeURIComponent(url.password),
        ...Object.fromEntries(url.searchParams),
      },
      done,
    ),
  );
  return connection;
}

async function* batches(result: HanaResult, columns: number): AsyncGenerator<Rows> {
  let rows: Row[] = [];
  while (await asked<boolean>((done) => result.next(done))) {
    rows.push(Array.from({ length: columns }, (_, n) => result.getString(n)));
    if (rows.length < BATCH_ROWS) continue;
    yield rowsOf(rows);
    rows = [];
  }
  if (rows.length > 0) yield rowsOf(rows);
}

function kindOf(type: string): Kind {
  if (NUMBERS.test(type)) return 'number';
  if (/^BOOLEAN$/i.test(type)) return 'boolean';
  if (/^DATE|DAYDATE$/i.test(type)) return 'date';
  if (/TIMESTAMP|SECONDDATE|LONGDATE/i.test(type)) return 'timestamp';
  return 'text';
}

function asked<Answer>(ask: (done: (error: Error | null, answer: Answer) => void) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    ask((error, answer) =>
      error ? reject(new QueryFailed(`the source says: ${error.message}`, true)) : resolve(answer),
    );
  });
}

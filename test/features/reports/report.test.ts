// Reports from their definitions to files and mails, through the real API, a real worker and a real mail server.

import { extract } from 'letterparser';
import rfc2047 from 'rfc2047';
import { beforeAll, expect, test } from 'vitest';
import { type Json, refusal, startMailServer, startSystem } from './system.ts';

let tem: Awaited<ReturnType<typeof startSystem>>;
let mail: Awaited<ReturnType<typeof startMailServer>>;
const READER = `report_reader_${process.pid}`;
const busy = new Map<string, number>();

beforeAll(async () => {
  mail = await startMailServer((address) => {
    if (address.startsWith('gone')) throw refusal(550, 'no such user');
    const left = busy.get(address) ?? 0;
    busy.set(address, left - 1);
    if (left > 0) throw refusal(451, 'greylisted, come again');
  });
  tem = await startSystem({
    reader: READER,
    settings: {
      TEM_SMTP_URL: mail.url,
      TEM_MAIL_FROM: 'Reports <reports@example.com>',
      TEM_MAIL_FILE_MAX: '20000',
      TEM_REPORT_URL: 'http://tem.example.com',
    },
  });
});

test('a report is put, tried without sending, run, and its file is there', async () => {
  await tem.put('orders', {
    title: 'Günlük Rapor',
    sql: `select n as id, 'satır ' || n as id, :wanted as wanted, ':no' as text from generate_series(1, :count) n`,
    parameters: { count: { type: 'integer', default: 30 }, wanted: { type: 'text', default: "it's" } },
  });
  const tried = await tem.ok('POST', '/v1/reports/orders/run', { dryRun: true, parameters: { wanted: 'a;b' } });
  expect(tried.columns.map(({ name }: Json) => name)).toEqual(['id', 'id', 'wanted', 'text']);
  expect(tried.rows).toHaveLength(20);
  expect(tried.rows[0]).toEqual(['1', 'satır 1', 'a;b', ':no']);
  expect(await tem.deliveries('orders')).toEqual([]);
  const { event, delivery } = await tem.run('orders', { parameters: { count: 2 } });
  expect(event).toMatchObject({ state: 'PROCESSED', result: { rows: 2 } });
  expect(delivery).toMatchObject({ state: 'kept', rows: 2, more: false });
  const file = await tem.file(delivery.id);
  expect(file.toString()).toBe("id,id,wanted,text\r\n1,satır 1,it's,:no\r\n2,satır 2,it's,:no\r\n");
  expect(delivery).toMatchObject({ bytes: file.length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await tem.fetched('GET', `/v1/report-deliveries/${delivery.id}/file`, undefined, '')).status).toBe(401);
});

test('whatever writes or reaches beyond the query is refused in words, and the source is untouched', async () => {
  await tem.database.pool.query('create table public.stock (n int); insert into public.stock values (1)');
  const refused: [string, RegExp][] = [
    ['delete from public.stock', /reads/],
    ['drop table public.stock', /reads/],
    [`copy public.stock to program 'true'`, /reads/],
    ['commit', /reads/],
    ['set role postgres', /reads/],
    ['select 1; delete from public.stock', /one query/],
    ['with gone as (delete from public.stock returning *) select * from gone', /./],
    ['select * into public.copy from public.stock', /./],
    ['select * from public.stock for update', /./],
    [`select lo_import('/etc/passwd')`, /files/],
    [`select pg_advisory_lock(1)`, /advisory/],
    [`select * from dblink('dbname=x', 'select 1') as t(n int)`, /TEM_SOURCE/],
    [`select set_config('role', 'none', true)`, /settings/],
    [`select tem.enqueue('notification', '{}')`, /./],
    ['select * from tem.report_secret', /may not/],
    ['select secret_hashes from tem.ledger', /may not/],
    ['select rolpassword from pg_authid', /may not/],
    [`select query_to_xml('delete from public.stock', true, true, '')`, /./],
    ['select nope from public.stock', /does not exist/],
  ];
  for (const [sql, words] of refused) {
    await tem.put('writes', { sql });
    const answer = await tem.call('POST', '/v1/reports/writes/run', { dryRun: true });
    expect([sql, answer.status, answer.body.code]).toEqual([sql, 400, 'report_query_failed']);
    expect([sql, answer.body.detail]).toEqual([sql, expect.stringMatching(words)]);
  }
  await tem.put('sleeps', { sql: 'select pg_sleep(600)', timeLimitSeconds: 1 });
  expect((await tem.call('POST', '/v1/reports/sleeps/run', { dryRun: true })).body).toMatchObject({
    code: 'report_query_failed',
    detail: expect.stringContaining('time limit'),
  });
  await tem.put('stock', { sql: 'select * from public.stock' });
  expect((await tem.run('stock')).delivery).toMatchObject({ state: 'kept', rows: 1 });
  await tem.put('broken', { sql: 'select nope from public.stock' });
  expect(await tem.run('broken')).toMatchObject({ event: { state: 'EXTINCT' }, delivery: { state: 'failed' } });
});

test('one message reaches everybody once: a 4xx is tried again alone, a 5xx is not', async () => {
  busy.set('b@example.com', 1);
  await tem.put('mailed', {
    sql: `select 1 as n, 'ığüşöç' as letters`,
    recipients: ['a@example.com', '"Kaya, B" <b@example.com>', 'c@example.com', 'gone@example.com', 'A@example.com'],
  });
  const { event, delivery } = await tem.run('mailed');
  expect(event).toMatchObject({ state: 'PROCESSED', result: { sent: 3, refused: 1 } });
  const received = mail.mails.filter(({ raw }) => raw.includes(delivery.id));
  expect(received.map(({ to }) => to)).toEqual([['a@example.com', 'c@example.com'], ['b@example.com']]);
  expect(new Set(received.map(({ raw }) => /^Message-ID: (.*)$/m.exec(raw)?.[1])).size).toBe(1);
  expect(received[0]?.raw).toBe(received[1]?.raw);
  expect(delivery).toMatchObject({ state: 'partial', note: expect.stringContaining('1 of 4') });
  expect(delivery.recipients.map(({ address, state, tries, code }: Json) => [address, state, tries, code])).toEqual([
    ['a@example.com', 'sent', 1, 250],
    ['b@example.com', 'sent', 2, 250],
    ['c@example.com', 'sent', 1, 250],
    ['gone@example.com', 'refused', 1, 550],
  ]);
});

test('a worker killed before the answer to a mail: it arrives, twice at most, with one Message-ID', async () => {
  let killed: Promise<void> | undefined;
  // The server has the mail, and whoever sent it will never know.
  mail.beforeAnswer(async ({ to }) => {
    if (to.includes('killed@example.com')) await (killed ??= tem.replaceWorker());
  });
  await tem.put('killed', { sql: 'select 1 as n', recipients: ['killed@example.com', 'gone-too@example.com'] });
  const { event, delivery } = await tem.run('killed');
  expect(event.state).toBe('PROCESSED');
  expect(delivery.recipients.map(({ state }: Json) => state)).toEqual(['sent', 'refused']);
  const received = mail.mails.filter(({ to }) => to.includes('killed@example.com'));
  expect(received).toHaveLength(2);
  expect(received[0]?.raw).toBe(received[1]?.raw);
}, 120_000);

test('what is over a limit is said: rows in file and mail, a large file as a link that is signed', async () => {
  await tem.put('many', {
    sql: `select n, repeat('x', 100) as text from generate_series(1, 18761) n`,
    rowLimit: 2_000,
    recipients: ['many@example.com'],
  });
  const { delivery } = await tem.run('many');
  expect(delivery).toMatchObject({ state: 'sent', rows: 2_000, more: true });
  const text = (await tem.file(delivery.id)).toString();
  expect(text).toMatch(/\r\n"?2,000 of more[^\r\n]*\r\n$/);
  expect(text.split('\r\n')).toHaveLength(2_003);
  const raw = (mail.mails.find(({ to }) => to[0] === 'many@example.com')?.raw ?? '')
    .replace(/=\r\n/g, '')
    .replace(/=3D/g, '=');
  expect(raw).toContain('2,000 of more');
  expect(raw).not.toContain('Content-Disposition: attachment');
  const path =
    /http:\/\/tem\.example\.com(\/v1\/report-deliveries\/[^\s"<]+)/.exec(raw)?.[1]?.replaceAll('&amp;', '&') ?? '';
  expect((await (await tem.fetched('GET', path, undefined, '')).text()).length).toBe(text.length);
  expect((await tem.fetched('GET', `${path}x`, undefined, '')).status).toBe(403);
});

test('the mail carries title, subject and file name with every letter', async () => {
  await tem.put('letters', {
    title: 'Günlük Rapor: İstanbul/Üsküdar şubesi',
    subject: '{{title}} – {{rows}} sipariş (ek: özet) 😀 {{place}}',
    sql: 'select :place as "Şehir", 1.50 as tutar',
    parameters: { place: { type: 'text', default: 'Ağrı' } },
    format: 'xlsx',
    recipients: ['"Şule, \\"Ş\\"" <letters@example.com>'],
  });
  const { delivery } = await tem.run('letters');
  const raw = mail.mails.find(({ to }) => to[0] === 'letters@example.com')?.raw ?? '';
  const header = /^Subject: ((?:.|\r?\n[ \t])*)/m.exec(raw)?.[1]?.replace(/\r?\n[ \t]/g, ' ') ?? '';
  const subject = 'Günlük Rapor: İstanbul/Üsküdar şubesi – 1 sipariş (ek: özet) 😀 Ağrı';
  expect(rfc2047.decode(header)).toBe(subject);
  expect(extract(raw)).toMatchObject({ subject, html: expect.stringContaining('Şehir') });
  expect(delivery.fileName).toMatch(/^Günlük Rapor İstanbul Üsküdar şubesi \d{4}-\d\d-\d\d\.xlsx$/);
  const encoded = [...raw.matchAll(/filename\*\d*\*?=(?:utf-8'')?([^\s;]+)/gi)].map(([, part]) => part).join('');
  expect(decodeURIComponent(encoded)).toBe(delivery.fileName);
});

test('another Postgres is read by the role that the docs make, which can not write', async () => {
  const { pool } = tem.database;
  await pool.query(`create table public.shop (n int); insert into public.shop values (7);
    grant usage on schema public to ${READER}; grant select on all tables in schema public to ${READER}`);
  await tem.put('shop', { source: 'shop', sql: 'select n, current_user as reader from public.shop' });
  const tried = await tem.ok('POST', '/v1/reports/shop/run', { dryRun: true });
  expect(tried.rows).toEqual([['7', READER]]);
  await tem.put('shop', { source: 'shop', sql: 'select id from tem.event' });
  expect((await tem.call('POST', '/v1/reports/shop/run', { dryRun: true })).body.detail).toMatch(/may not/);
});

test('an empty report is sent or skipped as its definition says', async () => {
  const empty = { sql: 'select 1 as n where false', recipients: ['empty@example.com'] };
  await tem.put('empty', { ...empty, whenEmpty: 'skip' });
  expect((await tem.run('empty')).delivery).toMatchObject({ state: 'skipped', rows: 0 });
  await tem.put('empty', { ...empty, whenEmpty: 'send', format: 'xlsx' });
  expect((await tem.run('empty')).delivery).toMatchObject({ state: 'sent', rows: 0 });
  expect(mail.mails.filter(({ to }) => to[0] === 'empty@example.com')).toHaveLength(1);
});

test('what a definition or a run gets wrong is said with its path', async () => {
  const good = { title: 'x', source: 'ledger', sql: 'select 1', format: 'csv', recipients: [] };
  const put = async (more: object) => (await tem.call('PUT', '/v1/reports/wrong', { ...good, ...more })).body;
  expect(await put({ sql: 'select :no' })).toMatchObject({ status: 400, path: '/sql' });
  expect(await put({ source: 'nowhere' })).toMatchObject({ status: 400, path: '/source' });
  const injected = ['ok@example.com', 'a@example.com\r\nBcc: b@example.com'];
  expect(await put({ recipients: injected })).toMatchObject({ status: 400, path: '/recipients/1' });
  const tooMany = Array.from({ length: 501 }, (_, n) => `a${n}@example.com`);
  expect(await put({ recipients: tooMany })).toMatchObject({ status: 400, path: '/recipients' });
  expect(await put({ subject: '{{nothing}}' })).toMatchObject({ status: 400, path: '/subject' });
  expect(await put({ timeZone: 'Mars' })).toMatchObject({ status: 400, path: '/timeZone' });
  await tem.put('right', { sql: 'select :n', parameters: { n: { type: 'integer' } } });
  const run = async (body: object) => (await tem.call('POST', '/v1/reports/right/run', body)).body;
  expect(await run({})).toMatchObject({ status: 400, path: '/parameters/n' });
  expect(await run({ parameters: { n: 'x' } })).toMatchObject({ status: 400, path: '/parameters/n' });
  expect(await run({ parameters: { n: 1, m: 2 } })).toMatchObject({ status: 400, path: '/parameters/m' });
  expect((await tem.call('POST', '/v1/reports/none/run', {})).status).toBe(404);
});

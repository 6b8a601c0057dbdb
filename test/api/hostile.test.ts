// Hostile input: always a problem with a code and a path, never a 5xx, and never a row.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Answer, type ApiUnderTest, setup } from './setup.ts';

// One API for the whole file: nothing here leaves a row that another test would see.
const under = await setup();
const { call } = under;
const rows = async ({ database }: ApiUnderTest) =>
  (await database.pool.query('select count(*)::int as n from tem.event')).rows[0].n;
function expectProblem(answer: Answer, status: number): void {
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  expect(answer.headers['content-type']).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    status,
    title: expect.any(String),
    detail: expect.any(String),
    code: expect.stringMatching(/^[a-z0-9_]+$/),
  });
}
const anything = (payload: string, rest = '') => `{"type":"anything","payload":${payload}${rest}}`;

const BODIES: [what: string, body: string | Buffer, code: string, path: string][] = [
  ['nothing', '', 'invalid_field', ''],
  ['no JSON', 'hello', 'invalid_json', ''],
  ['half an object', '{"type":"anything"', 'invalid_json', ''],
  ['a trailing comma', '{"type":"anything","payload":1,}', 'invalid_json', ''],
  ['a byte order mark', '\ufeff{"type":"anything","payload":1}', 'invalid_json', ''],
  ['a raw NUL', '{"type":"anything","payload":"\0"}', 'invalid_json', ''],
  [
    'broken UTF-8',
    Buffer.from([...Buffer.from('{"type":"anything","payload":"'), 0xff, 0x22, 0x7d]),
    'invalid_utf8',
    '',
  ],
  ['UTF-16', Buffer.from(anything('1'), 'utf16le'), 'invalid_json', ''],
  ['null', 'null', 'invalid_field', ''],
  ['an array', '[]', 'invalid_field', ''],
  ['a text', '"x"', 'invalid_field', ''],
  ['deep nesting', anything(`${'['.repeat(64)}${']'.repeat(64)}`), 'too_deep', `/payload${'/0'.repeat(63)}`],
  ['a hundred thousand brackets', '['.repeat(100_000), 'too_deep', ''],
  ['NUL', anything('{"a":["x\\u0000y"]}'), 'nul_character', '/payload/a/0'],
  ['NUL in a name', anything('{"a\\u0000":1}'), 'nul_character', '/payload/a\0'],
  ['NUL in the key', anything('1', ',"key":"\\u0000"'), 'nul_character', '/key'],
  ['a lone high surrogate', anything('"\\ud800"'), 'lone_surrogate', '/payload'],
  ['a lone low surrogate', anything('"\\uDC00 x"'), 'lone_surrogate', '/payload'],
  ['a lone surrogate in the key', anything('1', ',"key":"\\ud834"'), 'lone_surrogate', '/key'],
  ['a lone surrogate in a name', anything('{"\\udfff":1}'), 'lone_surrogate', '/payload/\ufffd'],
  ['a huge number', anything('1e400'), 'number_not_exact', '/payload'],
  ['a long number', anything('{"id":12345678901234567890}'), 'number_not_exact', '/payload/id'],
  ['a long fraction', anything('[0.1234567890123456789012]'), 'number_not_exact', '/payload/0'],
  ['a number of a million digits', anything('9'.repeat(1_000_000)), 'number_not_exact', '/payload'],
  ['__proto__', '{"type":"anything","payload":1,"__proto__":{"admin":true}}', 'prototype_key', '/__proto__'],
  ['a hidden __proto__', anything('{"__pr\\u006fto__":{}}'), 'prototype_key', '/payload/__proto__'],
  [
    'constructor.prototype',
    anything('{"constructor":{"prototype":{}}}'),
    'prototype_key',
    '/payload/constructor/prototype',
  ],
  ['a key of 5,000 characters', anything('1', `,"key":"${'x'.repeat(5_000)}"`), 'invalid_field', '/key'],
  ['a key of 513 bytes', anything('1', `,"key":"${'ü'.repeat(256)}x"`), 'invalid_field', '/key'],
  ['an empty key', anything('1', ',"key":""'), 'invalid_field', '/key'],
  ['a key with a line feed', anything('1', ',"key":"a\\nb"'), 'invalid_field', '/key'],
  ['a key with a C1 control character', anything('1', ',"key":"a\\u0085b"'), 'invalid_field', '/key'],
  ['a key that is a number', anything('1', ',"key":1'), 'invalid_field', '/key'],
  ['a key that is null', anything('1', ',"key":null'), 'invalid_field', '/key'],
  ['an unknown field', anything('1', ',"colour":"red"'), 'unknown_field', '/colour'],
  ['an unknown field with a slash', anything('1', ',"a/b~":1'), 'unknown_field', '/a~1b~0'],
  ['no type', '{"payload":1}', 'missing_field', '/type'],
  ['no payload', '{"type":"anything"}', 'missing_field', '/payload'],
  ['an unknown type', '{"type":"nowhere","payload":1}', 'unknown_type', '/type'],
  ['a type called constructor', '{"type":"constructor","payload":1}', 'unknown_type', '/type'],
  ['a type with a space', '{"type":"a b","payload":1}', 'invalid_field', '/type'],
  ['a type of 129 characters', `{"type":"${'a'.repeat(129)}","payload":1}`, 'invalid_field', '/type'],
  ['a priority as text', anything('1', ',"priority":"1"'), 'invalid_field', '/priority'],
  ['priority 0', anything('1', ',"priority":0'), 'invalid_field', '/priority'],
  ['priority 6', anything('1', ',"priority":6'), 'invalid_field', '/priority'],
  ['priority 1.5', anything('1', ',"priority":1.5'), 'invalid_field', '/priority'],
  ['an empty group', anything('1', ',"group":""'), 'invalid_field', '/group'],
  ['a group of 513 bytes', anything('1', `,"group":"${'ü'.repeat(256)}x"`), 'invalid_field', '/group'],
  ['a time that is none', anything('1', ',"runAt":"tomorrow"'), 'invalid_field', '/runAt'],
  ['a time without a zone', anything('1', ',"runAt":"2030-01-01T00:00:00"'), 'invalid_field', '/runAt'],
  ['the 30th of February', anything('1', ',"runAt":"2030-02-30T00:00:00Z"'), 'invalid_field', '/runAt'],
  ['the year 0', anything('1', ',"runAt":"0000-01-01T00:00:00Z"'), 'invalid_field', '/runAt'],
  [
    'a time that is the year 10000 in UTC',
    anything('1', ',"runAt":"9999-12-31T23:59:59-12:00"'),
    'invalid_field',
    '/runAt',
  ],
  ['a leap second', anything('1', ',"runAt":"2016-12-31T23:59:60Z"'), 'invalid_field', '/runAt'],
  ['a payload that the schema refuses', '{"type":"note","payload":{"user":7}}', 'invalid_payload', '/payload/user'],
  ['a payload that lacks a field', '{"type":"note","payload":{}}', 'invalid_payload', '/payload/user'],
  ['a payload with an unknown field', '{"type":"note","payload":{"user":"u","x":1}}', 'invalid_payload', '/payload/x'],
  [
    'a payload that the type refuses',
    '{"type":"note","payload":{"user":"nobody"}}',
    'invalid_payload',
    '/payload/user',
  ],
];

describe('a hostile body', () => {
  it.each(BODIES)('is refused: %s', async (_what, body, code, path) => {
    const before = await rows(under);
    const answer = await under.send('/v1/events', body);
    expectProblem(answer, 400);
    expect([answer.body.code, answer.body.path]).toEqual([code, path]);
    expect(await rows(under)).toBe(before);
  });

  it('is refused by its size and by its content type', async () => {
    const oversized = await under.send('/v1/events', anything(`"${'x'.repeat(1024 * 1024)}"`));
    expectProblem(oversized, 413);
    expect(oversized.body.code).toBe('payload_too_large');
    expectProblem(
      await under.send('/v1/events/batch', `{"events":[${anything(`"${'x'.repeat(16 * 1024 * 1024)}"`)}]}`),
      413,
    );
    for (const type of [
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'nonsense',
    ]) {
      expectProblem(await under.send('/v1/events', anything('1'), { 'content-type': type }), 415);
    }
    expect(
      (await under.send('/v1/events', anything('1'), { 'content-type': 'application/json; charset=utf-8' })).status,
    ).toBe(202);
    expect((await under.send('/v1/events', anything(`"${'x'.repeat(1024 * 1024 - 100)}"`))).status).toBe(202);
  });

  it('is refused as a batch when it is none', async () => {
    const bodies = [
      ['{}', '/events'],
      ['{"events":1}', '/events'],
      ['{"events":[],"x":1}', ''],
      ['[]', ''],
      ['{"events":null}', '/events'],
      ['{"events":[{"type":"anything","payload":1}],"x":1}', '/x'],
      ['{"events":[{"type":"anything","payload":1}],"x":1e400}', '/x'],
      ['{"events":1e400}', '/events'],
    ] as const;
    const before = await rows(under);
    for (const [body, path] of bodies) {
      const answer = await under.send('/v1/events/batch', body);
      expectProblem(answer, 400);
      if (path !== '') expect(answer.body.path).toBe(path);
    }
    expect(await rows(under)).toBe(before);
  });
});

describe('a hostile address', () => {
  it.each([
    ['/v1/events?limit=0', 'invalid_query', '/limit'],
    ['/v1/events?limit=1001', 'invalid_query', '/limit'],
    ['/v1/events?limit=ten', 'invalid_query', '/limit'],
    ['/v1/events?limit=', 'invalid_query', '/limit'],
    ['/v1/events?limit=1.5', 'invalid_query', '/limit'],
    ['/v1/events?limit=5&limit=6', 'invalid_query', '/limit'],
    ['/v1/events?state=DONE', 'invalid_query', '/state'],
    ['/v1/events?state=', 'invalid_query', '/state'],
    ['/v1/events?page=2', 'invalid_query', '/page'],
    ['/v1/events?__proto__=1', 'invalid_query', '/__proto__'],
    ['/v1/events?from=yesterday', 'invalid_query', '/from'],
    ['/v1/events?to=0000-01-01T00:00:00Z', 'invalid_query', '/to'],
    ['/v1/events?q=%00', 'invalid_query', '/q'],
    ['/v1/events?q=', 'invalid_query', '/q'],
    ['/v1/events?key=a%00b', 'invalid_query', '/key'],
    [`/v1/events?q=${'x'.repeat(513)}`, 'invalid_query', '/q'],
    ['/v1/events?cursor=', 'invalid_cursor', '/cursor'],
    ['/v1/events?cursor=abc', 'invalid_cursor', '/cursor'],
    ['/v1/events?cursor=AAAAAAAAAAAAAAAAAAAAAAAA', 'invalid_cursor', '/cursor'],
    [`/v1/events?cursor=${'A'.repeat(101)}`, 'invalid_query', '/cursor'],
    ['/v1/events/01900000-0000-7000-8000-000000000000?x=1', 'invalid_query', '/x'],
    ['/v1/stats?x=1', 'invalid_query', '/x'],
    ['/v1/event-types?x=1', 'invalid_query', '/x'],
  ])('is refused: %s', async (url, code, path) => {
    const answer = await call('GET', url);
    expectProblem(answer, 400);
    expect([answer.body.code, answer.body.path]).toEqual([code, path]);
  });

  it('is not found: other routes, methods and ids', async () => {
    for (const [method, url] of [
      ['GET', '/'],
      ['GET', '/v1'],
      ['GET', '/v2/events'],
      ['PUT', '/v1/events'],
      ['DELETE', '/v1/events'],
      ['POST', '/v1/stats'],
      ['GET', '/v1/events/none'],
      ['GET', '/v1/events/01900000-0000-7000-8000-000000000000'],
      ['GET', '/v1/events/none/history'],
      ['POST', '/v1/events/none/retry'],
      ['POST', '/v1/events/01900000-0000-7000-8000-000000000000/cancel'],
      ['GET', `/v1/events/${'x'.repeat(2_000)}`],
      ['GET', '/v1/events/%00'],
    ] as const) {
      expectProblem(await call(method, url), 404);
    }
    expectProblem(await call('GET', '/v1/events/%zz'), 400);
    expectProblem(await call('GET', `/v1/events/${'x'.repeat(3_000)}`), 400);
    expectProblem(await call('POST', '/v1/events/01900000-0000-7000-8000-000000000000/cancel', { force: true }), 400);
  });
});

describe('anything at all', () => {
  it('as a body is a 4xx problem or is kept as it was sent', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json({ stringUnit: 'binary' }).map((text) => anything(text)),
          fc.string({ unit: 'binary' }),
          fc.json(),
        ),
        async (body) => {
          const answer = await under.send('/v1/events', body);
          if (answer.status !== 202) return expectProblem(answer, 400);
          expect(answer.body.payload).toEqual(JSON.parse(body).payload);
          expect((await under.call('GET', `/v1/events/${answer.body.id}`)).body.payload).toEqual(
            normalized(JSON.parse(body).payload),
          );
        },
      ),
    );
  });

  it('as a query is never a 5xx', async () => {
    const name = fc.constantFrom('state', 'type', 'group', 'key', 'q', 'from', 'to', 'limit', 'cursor', 'other');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, fc.string({ unit: 'grapheme' })), { maxLength: 3 }), async (pairs) => {
        const { status } = await call('GET', `/v1/events?${new URLSearchParams(pairs)}`);
        expect([200, 400]).toContain(status);
      }),
    );
  });
});

/** What jsonb makes of a value: -0 is 0. */
function normalized(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

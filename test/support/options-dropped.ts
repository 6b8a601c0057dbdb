// A PgBouncer in session mode, as far as settings go: with `ignore_startup_parameters = options` it forgets what a client
// asks for when it connects, and passes everything else on.

import { startProxy } from './proxy.ts';

const PROTOCOL_3 = 196_608;
/** Its type and its length. */
const KEY_DATA = Buffer.from([0x4b, 0, 0, 0, 12]);

/** The database, through such a pooler; it is closed when the test has ended. `ownNumbers`: it names its sessions itself. */
export async function poolerWithoutOptions(databaseUrl: string, { ownNumbers = false } = {}): Promise<string> {
  const url = new URL(databaseUrl);
  const { port } = await startProxy(url.host, {
    fromClient: withoutOptions,
    ...(ownNumbers && { fromServer: renumbered }),
  });
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return url.href;
}

/** Changes the process number in BackendKeyData, which comes in one piece with the end of the login. */
function renumbered(): (chunk: Buffer) => Buffer {
  return (chunk) => {
    const at = chunk.indexOf(KEY_DATA);
    if (at >= 0) chunk.writeInt32BE(1, at + KEY_DATA.length);
    return chunk;
  };
}

/** Takes `options` out of a connection's first message. */
function withoutOptions(): (chunk: Buffer) => Buffer {
  let seen: Buffer | undefined = Buffer.alloc(0);
  return (chunk) => {
    if (seen === undefined) return chunk;
    seen = Buffer.concat([seen, chunk]);
    if (seen.length < 8 || seen.length < seen.readUInt32BE(0)) return Buffer.alloc(0);
    const length = seen.readUInt32BE(0);
    const [first, rest] = [seen.subarray(0, length), seen.subarray(length)];
    seen = undefined;
    return first.readUInt32BE(4) === PROTOCOL_3
      ? Buffer.concat([rewritten(first), rest])
      : Buffer.concat([first, rest]);
  };
}

function rewritten(startup: Buffer): Buffer {
  const texts = startup.subarray(8).toString('latin1').split('\0');
  const kept: string[] = [];
  for (let index = 0; texts[index]; index += 2) {
    if (texts[index] !== 'options') kept.push(texts[index] as string, texts[index + 1] as string);
  }
  const body = Buffer.from(`${kept.join('\0')}\0\0`, 'latin1');
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.writeUInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, body]);
}

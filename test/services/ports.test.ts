// Ports of the embedded default: the preferred one when it is free, else the next.

import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort, isPortFree, PortTaken, portProblem, startOnFreePorts } from '../../src/services/ports.ts';

function take(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    onTestFinished(() => new Promise((closed) => void server.close(() => closed())));
  });
}

test('a free port is taken as preferred', async () => {
  const port = await freePort(0);
  expect(await isPortFree(port)).toBe(true);
  expect(await freePort(port)).toBe(port);
});

test('a later port is taken when the preferred one is in use or excepted', async () => {
  const taken = await take(0);
  expect(await isPortFree(taken)).toBe(false);
  const next = await freePort(taken);
  expect(next).toBeGreaterThan(taken);
  expect(await freePort(taken, [next])).toBeGreaterThan(next);
});

test('what keeps a port from being used is told apart', async () => {
  const taken = await take(0);
  // Reserved for documentation: no machine has it.
  const elsewhere = '192.0.2.1';
  expect(await portProblem(await freePort(0))).toBeUndefined();
  expect(await portProblem(taken)).toBe('is taken by another program');
  expect(await portProblem(taken, elsewhere)).toContain("not one of this machine's (EADDRNOTAVAIL)");
  await expect(freePort(0, [], elsewhere)).rejects.toThrow('EADDRNOTAVAIL');
  await expect(freePort(taken, [], elsewhere)).rejects.toThrow('EADDRNOTAVAIL');
});

test('a start that loses its port in the last moment has another one, unless its ports are fixed', async () => {
  const port = await freePort(0);
  const chosen: number[][] = [];
  const start = async (ports: number[]): Promise<string> => {
    chosen.push(ports);
    if (chosen.length < 3) throw new PortTaken('taken');
    return 'started';
  };
  expect(await startOnFreePorts({ ports: [port, 0] }, start)).toBe('started');
  expect(chosen).toHaveLength(3);
  expect(chosen[0]?.[0]).toBe(port);
  expect(new Set(chosen.flat()).size).toBe(6);

  await expect(startOnFreePorts({ ports: [port], areFixed: true }, () => take(port))).resolves.toBe(port);
  const lost = async (): Promise<never> => {
    throw new PortTaken('taken');
  };
  await expect(startOnFreePorts({ ports: [port], areFixed: true }, lost)).rejects.toThrow(PortTaken);
  await expect(startOnFreePorts({ ports: [port] }, lost)).rejects.toThrow(PortTaken);
  const failing = async (): Promise<never> => {
    throw new Error('something else');
  };
  await expect(startOnFreePorts({ ports: [0] }, failing)).rejects.toThrow('something else');
});

// Where a server that listens on an address is reached from its own machine.

/** Such as http://127.0.0.1:3000; an IPv6 address stands in brackets, and "every interface" is the loopback one. */
export function hostUrl(host: string, port: number): string {
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

// Which addresses data may make TEM call: only what is public on the internet, plus what TEM_OUTBOUND_ALLOW names.
// The rule judges parsed addresses and never text, so that no way of spelling an address gets around it.

import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** One entry of TEM_OUTBOUND_ALLOW: an address with the length of the prefix that must match, on every port or on one. */
export type AllowedRange = readonly [address: Address, prefixBits: number, port?: number];

// Reachable from inside a cloud only, although it lies between public addresses (Azure's host agent).
const METADATA_PUBLIC = ipaddr.parseCIDR('168.63.129.16/32');
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
// Where DNS64 puts the public IPv4 internet for networks that have IPv6 only; its last 32 bits say where a call ends.
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');

const PORT_MAX = 65_535;
const WITH_PORT = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<v4>[0-9.]+)):(?<port>[1-9]\d{0,4})$/i;

/** Parses `10.1.2.3`, `10.0.0.0/8`, `fd00::/8`, `10.1.2.3:8080`, `[fd00::1]:8080`. Throws a RangeError that says what is accepted. */
export function parseAllowedRange(entry: string): AllowedRange {
  const { v4, v6, port } = WITH_PORT.exec(entry)?.groups ?? {};
  const address = v4 ?? v6;
  if (address !== undefined && isIP(address) === (v4 === undefined ? 6 : 4) && Number(port) <= PORT_MAX)
    return [...parseRange(address, entry), Number(port)];
  return parseRange(entry, entry);
}

function parseRange(range: string, entry: string): readonly [address: Address, prefixBits: number] {
  const [text = '', prefix, ...rest] = range.split('/');
  const version = text.includes('%') ? 0 : isIP(text);
  const bits = version === 4 ? 32 : 128;
  const prefixBits = prefix === undefined ? bits : Number(prefix);
  if (version === 0 || rest.length > 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) || prefixBits > bits) {
    throw new RangeError(
      `'${entry}' is not an address or CIDR: write it as 10.1.2.3, 10.1.2.3:8080, 10.0.0.0/8 or fd00::/8`,
    );
  }
  return [parse(text), prefixBits];
}

/** What holds for calls to this port. */
export function allowedAt(port: number, allowed: readonly AllowedRange[]): AllowedRange[] {
  return allowed.filter(([, , only]) => only === undefined || only === port);
}

/** Whether an address, in any spelling that the system resolver or WHATWG URLs give, may be called. */
export function isPermitted(text: string, allowed: readonly AllowedRange[]): boolean {
  // Whatever Node doesn't take for an address is a name, and names are resolved before they are judged.
  if (isIP(text) === 0) return false;
  const spelt = parse(text);
  const address = reached(spelt);
  return matchesAny(spelt, allowed) || matchesAny(address, allowed) || isPublic(address);
}

function parse(text: string): Address {
  // ipaddr.js takes ::1.2.3.4 for ::ffff:1.2.3.4, which is another address; URLs write the last 32 bits in hexadecimal.
  const isMixed = text.includes(':') && text.includes('.');
  return ipaddr.parse(isMixed ? new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1) : text);
}

/** The address at which a connection ends: an IPv4 address inside IPv6 stands for itself. */
function reached(address: Address): Address {
  if (address.kind() === 'ipv4') return address;
  const wide = address as ipaddr.IPv6;
  if (wide.isIPv4MappedAddress()) return wide.toIPv4Address();
  if (wide.match(NAT64 as [ipaddr.IPv6, number])) return new ipaddr.IPv4(wide.toByteArray().slice(12));
  return address;
}

function isPublic(address: Address): boolean {
  // 'unicast' is the rest after every special range: a range that is not known to be public is refused.
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' ? !matchesAny(address, [METADATA_PUBLIC]) : matchesAny(address, [GLOBAL_UNICAST]);
}

function matchesAny(address: Address, ranges: readonly AllowedRange[]): boolean {
  return ranges.some(
    ([network, prefixBits]) =>
      network.kind() === address.kind() && (address as ipaddr.IPv6).match(network as ipaddr.IPv6, prefixBits),
  );
}

// Which requests leave HTTP. Clients may offer another protocol on any call (h2c: Java's HttpClient by default,
// `curl --http2`), and a server is free to answer in HTTP/1.1 as if they hadn't. Node hands every offer to whoever
// listens for `upgrade`, with the body unread; here only a WebSocket is one.

import { IncomingMessage } from 'node:http';

/** The class of the server's requests: Node asks `upgrade` once the headers are there. */
export class HttpRequest extends IncomingMessage {
  // Not a private field: Node's own constructor already assigns it.
  declare upgradeOffered: boolean | null;

  get upgrade(): boolean | null {
    const isTaken = this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket';
    return this.upgradeOffered && isTaken;
  }

  set upgrade(offered: boolean | null) {
    this.upgradeOffered = offered;
  }
}

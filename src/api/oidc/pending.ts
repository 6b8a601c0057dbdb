// A sign-in under way, kept by the browser itself: a cookie that only this API's processes can read or make, so that
// whoever begins a sign-in leaves nothing in the ledger. It also ties the provider's answer to the browser that asked.

import { hkdfSync } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';

export interface PendingSignIn {
  state: string;
  nonce: string;
  verifier: string;
  /** Path of the console that the person came from, from /console on. */
  returnTo: string;
}

export interface Seal {
  close(pending: PendingSignIn, forSeconds: number): Promise<string>;
  /** Undefined when it isn't one of ours, was changed, or is too old. */
  open(sealed: string): Promise<PendingSignIn | undefined>;
}

const [MANAGEMENT, ENCRYPTION] = ['dir', 'A256GCM'];
const KEY_BYTES = 32;

/** `secret`: the client's secret, which every API process has. */
export function createSeal(secret: string): Seal {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'tem console sign-in', KEY_BYTES));
  return {
    close: ({ state, nonce, verifier, returnTo }, forSeconds) =>
      new EncryptJWT({ state, nonce, verifier, returnTo })
        .setProtectedHeader({ alg: MANAGEMENT, enc: ENCRYPTION })
        .setExpirationTime(Math.floor(Date.now() / 1_000) + forSeconds)
        .encrypt(key),
    async open(sealed) {
      try {
        const { payload } = await jwtDecrypt<PendingSignIn>(sealed, key, {
          keyManagementAlgorithms: [MANAGEMENT],
          contentEncryptionAlgorithms: [ENCRYPTION],
          requiredClaims: ['exp', 'state', 'nonce', 'verifier', 'returnTo'],
        });
        return payload;
      } catch {
        return undefined;
      }
    },
  };
}

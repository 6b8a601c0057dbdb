// One try to send a message to those who have none: what the server said of each, as values. A 4xx may pass and leaves its
// recipient waiting; a 5xx is that recipient's end and nobody else's.

import nodemailer, { type SendMailOptions } from 'nodemailer';
import type { RecipientOutcome } from '../store/deliveries.ts';

const CONNECT_WITHIN_MS = 10_000;
const SILENT_FOR_MS = 60_000;
const DETAIL_MAX = 300;

interface SmtpError extends Error {
  responseCode?: number;
  response?: string;
  recipient?: string;
  command?: string;
  rejectedErrors?: SmtpError[];
}

/** Never rejects for what the server said, or for one that is away. */
export async function sendMessage(
  url: string,
  {
    message,
    from,
    recipients,
    signal,
  }: {
    message: SendMailOptions;
    from: string;
    recipients: readonly string[];
    signal: AbortSignal;
  },
): Promise<RecipientOutcome[]> {
  const transport = nodemailer.createTransport({
    url,
    connectionTimeout: CONNECT_WITHIN_MS,
    greetingTimeout: CONNECT_WITHIN_MS,
    socketTimeout: SILENT_FOR_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof nodemailer.createTransport>[0]);
  const close = () => transport.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    const sender = /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from;
    const info = (await transport.sendMail({
      ...message,
      envelope: { from: sender, to: [...recipients] },
    })) as unknown as {
      accepted: string[];
      rejectedErrors?: SmtpError[];
      response: string;
    };
    return recipients.map((address) => {
      const error = info.rejectedErrors?.find(({ recipient }) => recipient === address);
      return error ? outcomeOf(address, error) : said(address, 'sent', info.response);
    });
  } catch (error) {
    const failed = error as SmtpError;
    return recipients.map((address) =>
      outcomeOf(address, failed.rejectedErrors?.find(({ recipient }) => recipient === address) ?? failed),
    );
  } finally {
    signal.removeEventListener('abort', close);
    transport.close();
  }
}

function outcomeOf(address: string, error: SmtpError): RecipientOutcome {
  const { responseCode, response, message, command } = error;
  // Of the login or of the connection: it says nothing about a recipient, and an operator may mend it.
  const isOfRecipient = command === 'RCPT TO' || command === 'DATA' || command === 'MAIL FROM';
  const isFinal = isOfRecipient && responseCode !== undefined && responseCode >= 500;
  return {
    address,
    state: isFinal ? 'refused' : 'waiting',
    code: responseCode ?? null,
    detail: (response ?? message).slice(0, DETAIL_MAX),
  };
}

function said(address: string, state: RecipientOutcome['state'], response: string): RecipientOutcome {
  const code = /^(\d{3})/.exec(response)?.[1];
  return { address, state, code: code === undefined ? null : Number(code), detail: response.slice(0, DETAIL_MAX) };
}

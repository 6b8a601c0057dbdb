// Settings of price checks: how TEM names itself to shops, adapters of one's own, and where deals are told.

import type { FeatureSettings } from '../../core/feature.ts';
import { httpUrl } from '../../settings.ts';

export interface PriceSettings {
  userAgent: string;
  adapterModules: string[];
  /** Undefined: Telegram chats are told nothing, and subscriptions of chats are refused. */
  telegram: { url: string; token: string } | undefined;
}

const USER_AGENT = 'TEM-PriceChecks/1';
const TELEGRAM_URL = 'https://api.telegram.org';

export const settings: FeatureSettings<PriceSettings> = {
  help: {
    TEM_PRICE_USER_AGENT: `what price checks call themselves (${USER_AGENT})`,
    TEM_PRICE_ADAPTERS: 'modules with price adapters of your own, separated by commas',
    TEM_TELEGRAM_URL: `the Bot API that deals are sent to (${TELEGRAM_URL})`,
    TEM_TELEGRAM_TOKEN: "the bot's token; without it no chat is told of deals",
  },
  read: ({ text, list, parsed }) => {
    const token = text('TEM_TELEGRAM_TOKEN');
    const url = parsed('TEM_TELEGRAM_URL', TELEGRAM_URL, httpUrl);
    return {
      userAgent: parsed('TEM_PRICE_USER_AGENT', USER_AGENT, headerText),
      adapterModules: list('TEM_PRICE_ADAPTERS', /\s*,\s*/),
      telegram: token === undefined ? undefined : { url, token },
    };
  },
};

function headerText(text: string): string {
  if (!/^[\x20-\x7e]{1,200}$/.test(text)) throw new RangeError('must be at most 200 characters of ASCII');
  return text;
}

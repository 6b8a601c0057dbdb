// What a person reads whom nobody could sign in: plain words and the way back, in the language of his browser.

import { ICON, PAGE_HEADERS } from '../console/page.ts';
import type { SignInRefused } from './provider.ts';

export type Refusal = SignInRefused['reason'] | 'off';

const STATUS: Record<Refusal, number> = {
  unreachable: 503,
  denied: 403,
  unconfirmed: 400,
  'no-role': 403,
  ended: 400,
  off: 404,
};
const WORDS: Record<'en' | 'tr', Record<Refusal | 'title' | 'back', string>> = {
  en: {
    title: 'Nobody was signed in',
    back: 'Back to sign-in',
    unreachable: 'The identity provider does not answer. Try again in a while; an API key works meanwhile.',
    denied: 'The identity provider refused the sign-in.',
    unconfirmed: 'The sign-in could not be confirmed. Begin again.',
    'no-role': 'Your account is in none of the groups that may use TEM. Ask those who run TEM to add you to one.',
    ended: 'This sign-in has ended, or was begun in another browser. Begin again.',
    off: 'Sign-in by OIDC is not set up here. Use an API key.',
  },
  tr: {
    title: 'Oturum açılmadı',
    back: 'Oturum açmaya dön',
    unreachable: 'Kimlik sağlayıcı yanıt vermiyor. Biraz sonra yeniden deneyin; bu arada API anahtarı çalışır.',
    denied: 'Kimlik sağlayıcı oturumu reddetti.',
    unconfirmed: 'Oturum doğrulanamadı. Yeniden başlayın.',
    'no-role': "Hesabınız TEM'i kullanabilen gruplardan birinde değil. TEM'i yürütenlerden sizi eklemelerini isteyin.",
    ended: 'Bu oturum açma süresi doldu ya da başka bir tarayıcıda başladı. Yeniden başlayın.',
    off: 'Burada OIDC ile oturum açma ayarlı değil. Bir API anahtarı kullanın.',
  },
};

export interface Page {
  status: number;
  headers: Readonly<Record<string, string>>;
  html: string;
}

/** `back`: where the console is. */
export function refusalPage(refusal: Refusal, acceptLanguage: string | undefined, back: string): Page {
  const language = /^\s*tr\b/i.test(acceptLanguage ?? '') ? 'tr' : 'en';
  const words = WORDS[language];
  return {
    status: STATUS[refusal],
    headers: { ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8', vary: 'accept-language' },
    html: `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${words.title} · TEM</title>
<link rel="icon" href="${ICON}">
</head>
<body>
<main>
<h1>${words.title}</h1>
<p>${words[refusal]}</p>
<p><a href="${back.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)}">${words.back}</a></p>
</main>
</body>
</html>
`,
  };
}

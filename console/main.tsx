// Starts the console in the browser.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { surround } from './http/client.ts';
import { useStore } from './live/store.ts';
import { asProblem } from './live/use-live.ts';
import { pages } from './pages.ts';
import { Failed, Loading } from './parts/states.tsx';
import { App } from './shell/app.tsx';
import { databaseTook } from './shell/database-time.tsx';
import { listenForShortcuts } from './shell/keyboard.ts';
import { followLinks } from './shell/router.ts';
import { begin, session } from './shell/session.ts';
import { useSettings } from './shell/settings.ts';
import { SignIn } from './shell/sign-in.tsx';
import { applyTheme } from './shell/theme.ts';
import { Toasts } from './shell/toasts.tsx';
import { general } from './words/general.ts';
import { language, useWords } from './words/words.ts';

function Console() {
  const words = useWords(general);
  const spoken = useStore(language);
  const known = useStore(session);
  const settings = useSettings();
  const [problem, setProblem] = useState<string>();
  document.documentElement.lang = spoken;
  const start = (): void => {
    setProblem(undefined);
    begin().catch((error: unknown) => {
      const { status, detail } = asProblem(error);
      setProblem(status === 0 ? words.unreachable : detail);
    });
  };
  useEffect(start, []);
  if (problem !== undefined) return <Failed text={problem} again={start} />;
  if (known === undefined || settings === undefined) return <Loading />;
  return known === null ? <SignIn oidc={settings.oidc} /> : <App pages={pages} />;
}

surround({ csrf: () => session.get()?.csrf, signedOut: () => session.set(null), databaseTook });
applyTheme();
followLinks();
listenForShortcuts();
render(
  <>
    <Console />
    <Toasts />
  </>,
  document.getElementById('console') as HTMLElement,
);

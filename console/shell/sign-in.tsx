// The page for those whom the API doesn't know yet.

import { useState } from 'preact/hooks';
import { apiUrl, CONSOLE } from '../http/place.ts';
import { asProblem } from '../live/use-live.ts';
import { general } from '../words/general.ts';
import { defineWords, useWords } from '../words/words.ts';
import { signIn } from './session.ts';

const words = defineWords(
  {
    title: 'Sign in',
    key: 'API key',
    hint: 'The key stays with the server: this browser keeps a session that ends by itself.',
    submit: 'Sign in',
    wrong: 'This key is not valid.',
    oidc: 'Sign in with your organisation',
    or: 'or',
  },
  {
    title: 'Oturum aç',
    key: 'API anahtarı',
    hint: 'Anahtar sunucuda kalır: bu tarayıcı kendiliğinden sona eren bir oturum tutar.',
    submit: 'Oturum aç',
    wrong: 'Bu anahtar geçerli değil.',
    oidc: 'Kuruluşunuzla oturum açın',
    or: 'ya da',
  },
);

/** Where signing in with an account begins, and then comes back to this page. */
function oidcAddress(): string {
  const { pathname, search } = location;
  const url = apiUrl('console/sign-in/oidc', {
    return: `/console/${pathname.slice(CONSOLE.pathname.length)}${search}`,
  });
  return `${url.pathname}${url.search}`;
}

export function SignIn({ oidc }: { oidc: boolean }) {
  const { title, key, hint, submit, wrong, oidc: withOidc, or } = useWords(words);
  const { unreachable } = useWords(general);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  document.title = `${title} · TEM`;
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setBusy(true);
    try {
      await signIn(String(new FormData(form).get('key')).trim());
    } catch (error) {
      const { status, detail } = asProblem(error);
      setProblem(status === 401 ? wrong : status === 0 ? unreachable : detail);
      form.querySelector('input')?.focus();
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <h1>{title}</h1>
      {oidc && (
        <>
          <a class="button primary" href={oidcAddress()} target="_self">
            {withOidc}
          </a>
          <p class="muted">{or}</p>
        </>
      )}
      <form onSubmit={send}>
        <label>
          {key}
          <input
            name="key"
            type="password"
            required
            autocomplete="current-password"
            autofocus
            aria-invalid={problem !== undefined}
            aria-describedby="sign-in-hint sign-in-problem"
          />
        </label>
        <p id="sign-in-hint" class="muted">
          {hint}
        </p>
        <p id="sign-in-problem" role="alert" class="problem-text">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={busy}>
          {submit}
        </button>
      </form>
    </main>
  );
}

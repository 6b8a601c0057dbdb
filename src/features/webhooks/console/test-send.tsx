// A test is a webhook event as any other; its page says how it went.

import { below, CodeField, Confirm, call, href, navigate, TextField, useWords } from '../../../../console/index.ts';
import { words } from './words.ts';

export function TestSend({ url, close }: { url: string | undefined; close(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.testTitle}
      verb={texts.testVerb}
      close={close}
      asksReason={false}
      run={async (fields) => {
        const target = { url: String(fields.get('url')).trim() };
        const secretName = String(fields.get('secretName')).trim();
        const known = JSON.stringify(secretName === '' ? target : { ...target, secretName });
        const payload = `${known.slice(0, -1)},"body":${String(fields.get('body'))}}`;
        const event = await call<{ id: string }>('POST', '/v1/events', {
          text: `{"type":"webhook","payload":${payload}}`,
        });
        navigate(href(below('/events', event.id)));
      }}
    >
      <p>{texts.testText}</p>
      <TextField label={texts.url} name="url" required value={url} />
      <CodeField label={texts.body} name="body" value={'{"test": true}'} rows={4} />
      <TextField label={texts.secretName} name="secretName" hint={texts.secretHint} />
    </Confirm>
  );
}

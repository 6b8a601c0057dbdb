// A notification sent by hand is an event as any other; its page says how it went.

import { below, Confirm, call, href, navigate, TextField, useWords } from '../../../../console/index.ts';
import { words } from './words.ts';

export function Send({ user, close }: { user: string | undefined; close(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.sendTitle}
      verb={texts.sendVerb}
      close={close}
      asksReason={false}
      run={async (fields) => {
        const [to, title, body] = ['user', 'title', 'body'].map((name) => String(fields.get(name)));
        const event = await call<{ id: string }>('POST', '/v1/events', {
          body: { type: 'notification', payload: { user: to, title, body } },
        });
        navigate(href(below('/events', event.id)));
      }}
    >
      <TextField label={texts.user} name="user" required value={user} />
      <TextField label={texts.what} name="title" required />
      <TextField label={texts.body} name="body" />
    </Confirm>
  );
}

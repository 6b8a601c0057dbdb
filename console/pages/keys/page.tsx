// API keys, for admins: who has which, made, rotated and revoked. A key is shown once, when it is made.

import { useState } from 'preact/hooks';
import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Heading } from '../../parts/heading.tsx';
import { TextView } from '../../parts/json-view.tsx';
import { type Column, LiveTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useQuery } from '../../shell/router.ts';
import { useMay } from '../../shell/session.ts';
import { general } from '../../words/general.ts';
import { useWords } from '../../words/words.ts';
import { KeyDialog } from './dialogs.tsx';
import type { Asked, Key } from './key.ts';
import { words } from './words.ts';

interface KeyPage {
  keys: Key[];
  nextCursor: string | null;
}

const EVERY_MS = 10_000;

export function Page() {
  const texts = useWords(words);
  const [{ cursor }] = useQuery();
  const live = useLive(cursor ?? '', (signal) => call<KeyPage>('GET', '/v1/keys', { query: { cursor }, signal }), {
    everyMs: EVERY_MS,
  });
  const [asked, setAsked] = useState<Asked>();
  const [shown, setShown] = useState<string>();
  const mayAct = useMay('admin');
  return (
    <>
      <Heading title={texts.title} live={live}>
        {mayAct && (
          <button type="button" class="primary" onClick={() => setAsked({ action: 'make' })}>
            {texts.make}
          </button>
        )}
      </Heading>
      <LiveTable
        live={live}
        caption={texts.caption}
        columns={useColumns(setAsked)}
        rows={live.value?.keys}
        id={({ id }) => id}
        next={live.value?.nextCursor}
      />
      {asked && <KeyDialog asked={asked} close={() => setAsked(undefined)} show={setShown} done={live.refresh} />}
      {shown !== undefined && (
        <Dialog title={texts.shown} close={() => setShown(undefined)}>
          <p>{texts.shownHint}</p>
          <TextView text={shown} label={texts.shown} />
        </Dialog>
      )}
    </>
  );
}

function useColumns(ask: (asked: Asked) => void): Column<Key>[] {
  const texts = useWords(words);
  const { yes, no, actions } = useWords(general);
  const scopes = ({ scopes: given }: Key): string =>
    given ? [...(given.types ?? []), ...(given.groups ?? [])].join(', ') : texts.everything;
  return [
    { id: 'name', title: texts.name, cell: ({ name }) => name },
    { id: 'role', title: texts.role, cell: ({ role }) => role },
    { id: 'scopes', title: texts.scopes, cell: (key) => <span class="brief">{scopes(key)}</span> },
    { id: 'payloads', title: texts.payloads, cell: ({ payloads }) => (payloads ? yes : no) },
    { id: 'created', title: texts.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { id: 'by', title: texts.by, cell: ({ createdBy }) => createdBy },
    {
      id: 'used',
      title: texts.lastUsed,
      cell: ({ lastUsedAt }) => (lastUsedAt ? <Time at={lastUsedAt} /> : texts.never),
    },
    {
      id: 'expires',
      title: texts.expires,
      cell: ({ expiresAt }) => (expiresAt ? <Time at={expiresAt} ahead /> : texts.never),
    },
    {
      id: 'actions',
      title: actions,
      cell: (key) => (
        <div class="bar">
          <button type="button" onClick={() => ask({ action: 'rotate', key })}>
            {texts.rotate}
          </button>
          <button type="button" onClick={() => ask({ action: 'revoke', key })}>
            {texts.revoke}
          </button>
        </div>
      ),
    },
  ];
}

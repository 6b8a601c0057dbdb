// Who got what and when: everybody's newest notifications, or the inbox of the user that the address names.

import { useState } from 'preact/hooks';
import { Empty, Filters, Heading, useMay, useQuery, useSession, useWords } from '../../../../console/index.ts';
import { Inbox, useInbox } from './inbox.tsx';
import { Recent, useRecent } from './recent.tsx';
import { Send } from './send.tsx';
import { words } from './words.ts';

export function Page() {
  const [{ user }] = useQuery();
  const { payloads } = useSession();
  if (user) return <InboxPage user={user} />;
  return payloads ? <RecentPage /> : <HiddenPage />;
}

function InboxPage({ user }: { user: string }) {
  const live = useInbox(user);
  return (
    <>
      <Top user={user} live={live} />
      <Inbox live={live} />
    </>
  );
}

function RecentPage() {
  const live = useRecent();
  return (
    <>
      <Top live={live} />
      <Recent live={live} />
    </>
  );
}

/** Who may not see what notifications say can still ask how an inbox stands. */
function HiddenPage() {
  return (
    <>
      <Top />
      <Empty title={useWords(words).hidden} />
    </>
  );
}

function Top({ user, live }: { user?: string; live?: ReturnType<typeof useInbox> | ReturnType<typeof useRecent> }) {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const [isSending, setSending] = useState(false);
  return (
    <>
      <Heading title={user === undefined ? texts.title : texts.inboxOf(user)} {...(live && { live })}>
        {mayAct && (
          <button type="button" onClick={() => setSending(true)}>
            {texts.send}
          </button>
        )}
      </Heading>
      <Filters
        filters={[
          { name: 'user', label: texts.user, placeholder: texts.userHint, search: true },
          ...(user === undefined
            ? []
            : [{ name: 'unread', label: texts.which, choices: [{ value: 'true', label: texts.unreadOnly }] }]),
        ]}
      />
      {isSending && <Send user={user} close={() => setSending(false)} />}
    </>
  );
}

// One event: where it is and why, everything that happened to it, what it holds, and what can be done with it.

import { call } from '../../http/client.ts';
import { useLive } from '../../live/use-live.ts';
import type { PageProps } from '../../page.ts';
import { StateBadge } from '../../parts/badge.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Heading } from '../../parts/heading.tsx';
import { JsonView, TextView } from '../../parts/json-view.tsx';
import { Failed, Loading, problemText } from '../../parts/states.tsx';
import { Moment, Time } from '../../parts/time.tsx';
import { below, href } from '../../shell/router.ts';
import { useSession } from '../../shell/session.ts';
import { useSettings } from '../../shell/settings.ts';
import { general } from '../../words/general.ts';
import { useWords } from '../../words/words.ts';
import type { EventJson } from '../events/event.ts';
import { Actions } from './actions.tsx';
import { eventLinks } from './event-links.tsx';
import { Source } from './source.tsx';
import { type Emitted, Timeline, type Transition } from './timeline.tsx';
import { words } from './words.ts';

interface Shown {
  event: EventJson;
  transitions: readonly Transition[];
  emitted: Emitted;
}

const EVERY_MS = 3_000;

export function Page({ params: { id = '' }, pages }: PageProps) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const session = useSession();
  const live = useLive<Shown>(id, (signal) => load(id, signal), { everyMs: EVERY_MS });
  if (!live.value) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  const { event, transitions, emitted } = live.value;
  return (
    <>
      <Heading title={`${event.type} ${event.key ?? event.id}`} live={live}>
        <Actions event={event} done={live.refresh} />
      </Heading>
      <Facts facts={[...useFacts(event), [texts.seeAlso, eventLinks(pages, event, session)]]} />
      {event.lastError && <Text title={texts.lastError} text={event.lastError} />}
      {event.compensationError && <Text title={texts.compensationError} text={event.compensationError} />}
      <section class="part">
        <h2>{texts.timeline}</h2>
        <Timeline event={event} transitions={transitions} emitted={emitted} />
      </section>
      <Holdings event={event} />
    </>
  );
}

async function load(id: string, signal: AbortSignal): Promise<Shown> {
  const path = below('/v1/events', id);
  // One after the other: a page that stays open has one request under way.
  const event = await call<EventJson>('GET', path, { signal });
  const { transitions } = await call<{ transitions: Transition[] }>('GET', `${path}/history`, { signal });
  const emitted = await call<Emitted>('GET', `${path}/emitted`, { signal });
  return { event, transitions, emitted };
}

function Text({ title, text }: { title: string; text: string }) {
  return (
    <section class="part">
      <h2>{title}</h2>
      <TextView text={text} label={title} />
    </section>
  );
}

function Holdings({ event: { payload, result, pruned, previousPayloads = [] } }: { event: EventJson }) {
  const texts = useWords(words);
  const { payloads } = useSession();
  if (!payloads) return <p class="muted">{texts.payloadHidden}</p>;
  return (
    <>
      <section class="part">
        <h2>{texts.payload}</h2>
        {pruned ? <p>{texts.pruned}</p> : <JsonView value={payload} label={texts.payload} />}
      </section>
      {previousPayloads.map((previous) => (
        <section key={previous.replacedAt} class="part">
          <h2>
            {texts.previous} <Moment at={previous.replacedAt} />
          </h2>
          <p class="muted">{previous.actor}</p>
          <JsonView value={previous.payload} label={`${texts.previous} ${previous.replacedAt}`} />
        </section>
      ))}
      {result !== null && (
        <section class="part">
          <h2>{texts.result}</h2>
          <JsonView value={result} label={texts.result} />
        </section>
      )}
    </>
  );
}

function useFacts(event: EventJson) {
  const texts = useWords(words);
  const { waiting, retryCount, maxAttempts, crashCount } = event;
  return [
    [
      texts.state,
      <span key="state">
        <StateBadge state={event.state} /> {event.cancelRequested && texts.cancelRequested}{' '}
        {event.compensating && texts.compensating}
      </span>,
    ],
    [
      texts.waits,
      waiting && (
        <span key="waits">
          {waiting.detail}
          {waiting.until && (
            <>
              {' ('}
              <Time at={waiting.until} ahead />)
            </>
          )}
        </span>
      ),
    ],
    [
      texts.type,
      <a key="type" href={href('/events', { type: event.type })}>
        {event.type}
      </a>,
    ],
    [texts.key, event.key],
    [
      texts.group,
      event.group && (
        <a key="group" href={href('/events', { group: event.group })}>
          {event.group}
        </a>
      ),
    ],
    [texts.priority, String(event.priority)],
    [texts.attempts, retryCount > 0 && texts.of(retryCount, maxAttempts)],
    [texts.crashes, crashCount > 0 && String(crashCount)],
    [texts.source, <Source key="source" text={event.source} />],
    [texts.accepted, <Moment key="accepted" at={event.createdAt} />],
    [texts.due, event.runAt && event.runAt !== event.createdAt && <Moment key="due" at={event.runAt} />],
    [texts.next, event.nextRetryAt && <Moment key="next" at={event.nextRetryAt} />],
    [texts.expires, event.expiresAt && <Moment key="expires" at={event.expiresAt} />],
    [texts.ended, event.processedAt && <Moment key="ended" at={event.processedAt} />],
    [
      texts.id,
      <span key="id" class="code-text">
        {event.id}
      </span>,
    ],
    [
      texts.trace,
      event.traceId && (
        <span key="trace" class="code-text">
          {event.traceId}
        </span>
      ),
    ],
    [texts.workflow, <WorkflowLink key="workflow" id={event.workflowId} />],
  ] as const;
}

function WorkflowLink({ id }: { id: string }) {
  const ui = useSettings()?.temporalUi;
  // An address that is not of the web would be a script.
  if (!ui || !/^https?:/.test(ui.url)) return <span class="code-text">{id}</span>;
  const address = `${ui.url}/namespaces/${encodeURIComponent(ui.namespace)}/workflows/${encodeURIComponent(id)}`;
  return (
    <a class="code-text" href={address} target="_blank" rel="noreferrer">
      {id}
    </a>
  );
}

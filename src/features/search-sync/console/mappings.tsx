// The mapped tables: how far their indices are, when they were last compared, and compare or reindex one.

import { useState } from 'preact/hooks';
import {
  Badge,
  below,
  type Column,
  Confirm,
  call,
  general,
  LiveTable,
  numberText,
  Time,
  toast,
  useAct,
  useLive,
  useMay,
  useWords,
} from '../../../../console/index.ts';
import { words } from './words.ts';

interface Load {
  id: string;
  index: string;
  target: string;
  state: string;
  loaded: number;
  total: number | null;
  error: string | null;
}
interface Mapping {
  table: string;
  index: string;
  target: string[];
  indices: Load[];
  verifiedAt: string | null;
  verification: { missing?: number; stale?: number; extra?: number } | null;
}
interface Compared {
  checked: number;
  missing: number;
  stale: number;
  extra: number;
  repaired: number;
  nextCursor: string | null;
}
/** Less than an answer may take. */
const PART_SECONDS = 10;
type Asked = { table: string; action: 'verify' | 'reindex' };

export function Mappings() {
  const texts = useWords(words);
  const live = useLive('mappings', (signal) =>
    call<{ mappings: Mapping[] }>('GET', '/v1/search-sync/mappings', { signal }),
  );
  const [asked, setAsked] = useState<Asked>();
  return (
    <section class="part">
      <LiveTable
        live={live}
        caption={texts.tables}
        columns={useColumns(setAsked, live.refresh)}
        rows={live.value?.mappings}
        id={({ table }) => table}
        next={null}
      />
      {asked && <Ask asked={asked} close={() => setAsked(undefined)} done={live.refresh} />}
    </section>
  );
}

function useColumns(ask: (asked: Asked) => void, done: () => void): Column<Mapping>[] {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const mayAct = useMay('operator');
  const columns: Column<Mapping>[] = [
    { id: 'table', title: texts.table, cell: ({ table }) => table },
    { id: 'index', title: texts.index, cell: ({ index }) => index },
    {
      id: 'indices',
      title: texts.indices,
      cell: ({ indices }) => indices.map((load) => <LoadLine key={load.id} load={load} done={done} />),
    },
    {
      id: 'verified',
      title: texts.verified,
      cell: ({ verifiedAt, verification }) =>
        verifiedAt === null ? (
          texts.never
        ) : (
          <>
            <Time at={verifiedAt} />
            {verification && (
              <span class="why muted">
                {texts.found(
                  numberText(verification.missing ?? 0),
                  numberText(verification.stale ?? 0),
                  numberText(verification.extra ?? 0),
                )}
              </span>
            )}
          </>
        ),
    },
  ];
  if (!mayAct) return columns;
  return [
    ...columns,
    {
      id: 'actions',
      title: generalTexts.actions,
      cell: ({ table }) => (
        <div class="row-actions">
          <button type="button" onClick={() => ask({ table, action: 'verify' })}>
            {texts.verify}
          </button>
          <button type="button" onClick={() => ask({ table, action: 'reindex' })}>
            {texts.reindex}
          </button>
        </div>
      ),
    },
  ];
}

function LoadLine({ load, done }: { load: Load; done(): void }) {
  const texts = useWords(words);
  const mayAct = useMay('operator');
  const act = useAct();
  const { id, index, state, loaded, total, error } = load;
  const cancel = (): void =>
    void act(async () => {
      await call('POST', `${below('/v1/search-sync/reindex', id)}/cancel`);
      done();
    }, texts.cancelledToast);
  return (
    <div>
      {index} <Badge text={state} tone={state === 'live' ? 'good' : state === 'loading' ? 'busy' : 'neutral'} />
      {state === 'loading' && (
        <>
          <span class="muted"> {texts.progress(numberText(loaded), total === null ? '?' : numberText(total))}</span>
          <progress max={Math.max(total ?? 1, 1)} value={loaded} aria-label={index} />
          {mayAct && (
            <button type="button" onClick={cancel}>
              {texts.cancelLoad}
            </button>
          )}
        </>
      )}
      {error && <span class="why error-text">{error}</span>}
    </div>
  );
}

function Ask({ asked: { table, action }, close, done }: { asked: Asked; close(): void; done(): void }) {
  const texts = useWords(words);
  const verify = async (fields: FormData): Promise<void> => {
    const asked = { table, repair: fields.has('repair'), withinSeconds: PART_SECONDS };
    const verifyFrom = (cursor?: string) =>
      call<Compared>('POST', '/v1/search-sync/verify', { body: { ...asked, ...(cursor && { cursor }) } });
    let found = await verifyFrom();
    // A large table takes several calls; the counts are of all of them.
    while (found.nextCursor !== null) found = await verifyFrom(found.nextCursor);
    const { checked, missing, stale, extra, repaired } = found;
    const figures = [checked, missing, stale, extra, repaired].map((count) => numberText(count));
    toast(texts.verifiedToast(...(figures as [string, string, string, string, string])));
  };
  return (
    <Confirm
      title={texts[`${action}Title`](table)}
      verb={texts[`${action}Verb`]}
      close={close}
      run={async (fields) => {
        if (action === 'verify') await verify(fields);
        else {
          await call('POST', '/v1/search-sync/reindex', { body: { table } });
          toast(texts.reindexed);
        }
        done();
      }}
    >
      <p>{texts[`${action}Text`]}</p>
      {action === 'verify' && (
        <label class="check">
          <input type="checkbox" name="repair" />
          {texts.repair}
        </label>
      )}
    </Confirm>
  );
}

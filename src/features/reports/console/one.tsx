// One report: its definition, its runs with their files; edit, dry run, run, delete.

import { useState } from 'preact/hooks';
import {
  ConfirmCall,
  call,
  Facts,
  Failed,
  general,
  Heading,
  href,
  Loading,
  navigate,
  type PageProps,
  problemText,
  TextView,
  Time,
  useLive,
  useMay,
  useSession,
  useWords,
} from '../../../../console/index.ts';
import { Deliveries } from './deliveries.tsx';
import { EditDialog } from './edit.tsx';
import { type Report, reportPath } from './report.ts';
import { DryRunDialog, RunDialog } from './run.tsx';
import { words } from './words.ts';

type Action = 'edit' | 'dryRun' | 'run' | 'remove';
const ACTIONS: readonly Action[] = ['edit', 'dryRun', 'run', 'remove'];

export function Page({ params: { id = '' } }: PageProps) {
  const texts = useWords(words);
  const generalTexts = useWords(general);
  const { payloads } = useSession();
  const mayAct = useMay('operator');
  const actions = ACTIONS.filter((action) => mayAct && (payloads || action === 'remove'));
  const live = useLive(id, (signal) => call<Report>('GET', reportPath(id), { signal }));
  const [asked, setAsked] = useState<Action>();
  const close = (): void => setAsked(undefined);
  const report = live.value;
  if (!report) {
    return live.problem ? <Failed text={problemText(live.problem, generalTexts)} again={live.refresh} /> : <Loading />;
  }
  return (
    <>
      <Heading title={`${texts.one} ${id}`} live={live}>
        {actions.map((action) => (
          <button key={action} type="button" onClick={() => setAsked(action)}>
            {texts[action]}
          </button>
        ))}
      </Heading>
      <Facts
        facts={[
          [texts.name, report.title],
          [texts.source, report.source],
          [texts.format, report.format],
          [texts.recipients, report.recipients.join(', ')],
          [texts.updated, <Time key="updated" at={report.updatedAt} />],
        ]}
      />
      <section class="part">
        <h2>{texts.sql}</h2>
        <TextView text={report.sql} label={texts.sql} />
      </section>
      {payloads ? <Deliveries id={id} /> : <p class="muted">{generalTexts.payloadsHidden}</p>}
      {asked === 'edit' && <EditDialog report={report} close={close} done={live.refresh} />}
      {asked === 'dryRun' && <DryRunDialog id={id} close={close} />}
      {asked === 'run' && <RunDialog report={report} close={close} done={live.refresh} />}
      {asked === 'remove' && (
        <ConfirmCall
          title={texts.removeTitle}
          verb={texts.removeVerb}
          danger
          text={texts.removeText}
          send={() => call('DELETE', reportPath(id))}
          said={texts.removed}
          close={close}
          done={() => navigate(href('/reports'))}
        />
      )}
    </>
  );
}

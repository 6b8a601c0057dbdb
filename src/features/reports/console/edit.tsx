// The definition as JSON, as it was typed: the API says what is wrong with it, and where.

import { CodeField, Confirm, call, TextField, toast, useWords, writeJson } from '../../../../console/index.ts';
import { definitionOf, NEW_DEFINITION, type Report, reportPath } from './report.ts';
import { words } from './words.ts';

export function EditDialog({ report, close, done }: { report?: Report; close(): void; done(): void }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={report ? texts.editTitle(report.id) : texts.createTitle}
      verb={report ? texts.save : texts.createVerb}
      wide
      close={close}
      run={async (fields) => {
        const id = report?.id ?? String(fields.get('id')).trim();
        await call('PUT', reportPath(id), { text: String(fields.get('definition')) });
        toast(texts.saved);
        done();
      }}
    >
      {!report && <TextField label={texts.id} name="id" required />}
      <CodeField
        label={texts.definition}
        name="definition"
        hint={texts.definitionHint}
        value={writeJson(report ? definitionOf(report) : NEW_DEFINITION, 2)}
        rows={18}
      />
    </Confirm>
  );
}

// Making, rotating and revoking a key.

import { call } from '../../http/client.ts';
import { ConfirmCall } from '../../parts/confirm-call.tsx';
import { Confirm } from '../../parts/dialog.tsx';
import { ChoiceField, TextField } from '../../parts/form.tsx';
import { below } from '../../shell/router.ts';
import { ROLES } from '../../shell/session.ts';
import { general } from '../../words/general.ts';
import { useWords } from '../../words/words.ts';
import type { Asked, Key } from './key.ts';
import { words } from './words.ts';

interface DialogProps {
  close(): void;
  /** Shows a key that was just made. */
  show(key: string): void;
  done(): void;
}

export function KeyDialog({ asked, ...props }: DialogProps & { asked: Asked }) {
  if (asked.action === 'make') return <Make {...props} />;
  return asked.action === 'rotate' ? <Rotate of={asked.key} {...props} /> : <Revoke of={asked.key} {...props} />;
}

function Make({ close, show, done }: DialogProps) {
  const texts = useWords(words);
  const { yes, no } = useWords(general);
  return (
    <Confirm
      title={texts.makeTitle}
      verb={texts.makeVerb}
      close={close}
      run={async (fields) => {
        const { key } = await call<{ key: string }>('POST', '/v1/keys', { body: wanted(fields) });
        show(key);
        done();
      }}
    >
      <TextField label={texts.name} name="name" required />
      <ChoiceField label={texts.role} name="role" choices={ROLES.map((value) => ({ value, label: value }))} />
      <TextField label={texts.types} name="types" hint={texts.scopeHint} />
      <TextField label={texts.groups} name="groups" />
      <TextField label={texts.expiresIn} name="expiresIn" hint={texts.expiresHint} />
      <ChoiceField
        label={texts.seesPayloads}
        name="payloads"
        choices={[
          { value: '', label: texts.asRole },
          { value: 'true', label: yes },
          { value: 'false', label: no },
        ]}
      />
    </Confirm>
  );
}

function wanted(fields: FormData): Record<string, unknown> {
  const text = (name: string): string => String(fields.get(name) ?? '').trim();
  const list = (name: string): string[] =>
    text(name)
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '');
  const [types, groups, expiresIn] = [list('types'), list('groups'), text('expiresIn')];
  const scopes = { ...(types.length > 0 && { types }), ...(groups.length > 0 && { groups }) };
  return {
    name: text('name'),
    role: text('role'),
    ...(Object.keys(scopes).length > 0 && { scopes }),
    ...(text('payloads') !== '' && { payloads: text('payloads') === 'true' }),
    ...(expiresIn !== '' && { expiresIn }),
  };
}

function Rotate({ of, close, show, done }: DialogProps & { of: Key }) {
  const texts = useWords(words);
  return (
    <Confirm
      title={texts.rotateTitle(of.name)}
      verb={texts.rotateVerb}
      close={close}
      run={async (fields) => {
        const body = { grace: String(fields.get('grace')) };
        const { key } = await call<{ key: string }>('POST', `${below('/v1/keys', of.id)}/rotate`, { body });
        show(key);
        done();
      }}
    >
      <TextField label={texts.grace} name="grace" value="1h" hint={texts.graceHint} required />
    </Confirm>
  );
}

function Revoke({ of, close, done }: DialogProps & { of: Key }) {
  const texts = useWords(words);
  return (
    <ConfirmCall
      title={texts.revokeTitle(of.name)}
      verb={texts.revokeVerb}
      danger
      text={texts.revokeText}
      send={() => call('DELETE', below('/v1/keys', of.id))}
      said={texts.revoked}
      close={close}
      done={done}
    />
  );
}

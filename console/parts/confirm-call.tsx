// A question whose answer is one call: whom it is about, what it does, and after it a word that it is done.

import { toast } from '../shell/toasts.tsx';
import { Confirm } from './dialog.tsx';

export function ConfirmCall(props: {
  title: string;
  verb: string;
  danger?: boolean;
  /** Such as a name. */
  about?: string;
  text?: string | undefined;
  send(): Promise<unknown>;
  /** The toast. */
  said: string;
  close(): void;
  done(): void;
}) {
  const { title, verb, danger = false, about, text, send, said, close, done } = props;
  return (
    <Confirm
      title={title}
      verb={verb}
      danger={danger}
      close={close}
      run={async () => {
        await send();
        toast(said);
        done();
      }}
    >
      {about && <p class="breaks">{about}</p>}
      {text && <p>{text}</p>}
    </Confirm>
  );
}

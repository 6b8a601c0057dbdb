// Something that is done at once, without a question: what came of it is said in a toast.

import { asProblem } from '../live/use-live.ts';
import { toast } from '../shell/toasts.tsx';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';
import { problemText } from './states.tsx';

/** `said`: what is said when it went well; undefined: `run` says it itself. */
export function useAct(): (run: () => Promise<unknown>, said?: string) => Promise<void> {
  const words = useWords(general);
  return async (run, said) => {
    try {
      await run();
      if (said !== undefined) toast(said);
    } catch (error) {
      toast(problemText(asProblem(error), words), 'failed');
    }
  };
}

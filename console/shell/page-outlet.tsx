// Shows the page that the address names. A page whose code or whose own fault fails says so and leaves the rest in place.

import { Component, type ComponentChildren, type ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageEntry, PageProps } from '../page.ts';
import { Failed, Loading } from '../parts/states.tsx';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';
import { forgetDatabaseTime } from './database-time.tsx';
import { href, match, navigate, useAddress } from './router.ts';
import { mayOpen, useSession } from './session.ts';

type Loaded = { entry: PageEntry; Page?: ComponentType<PageProps>; error?: Error };

export function PageOutlet({ pages }: { pages: readonly PageEntry[] }) {
  const words = useWords(general);
  const { path } = useAddress();
  const known = useSession();
  const named = pages.find((each) => match(each.path, path));
  const entry = named && mayOpen(named, known) ? named : undefined;
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    forgetDatabaseTime();
    if (!entry) return;
    entry.load().then(
      ({ Page }) => setLoaded({ entry, Page }),
      (error: Error) => setLoaded({ entry, error }),
    );
  }, [entry, path]);
  // Where everybody begins, who may not see that begins with the first page that he may.
  const [first] = pages.filter((each) => each.group !== undefined && mayOpen(each, known));
  useEffect(() => {
    if (named && !entry && path === '/' && first) navigate(href(first.path), { replace: true });
  }, [named, entry, path]);
  if (!entry) return <h1>{named ? words.forbidden : words.notFound}</h1>;
  if (loaded?.entry !== entry) return <Loading />;
  if (!loaded.Page) return <Failed text={loaded.error?.message ?? ''} again={() => window.location.reload()} />;
  // Another event is another page: nothing of the one before may stay.
  return (
    <Boundary key={path}>
      <loaded.Page params={match(entry.path, path) ?? {}} pages={pages} />
    </Boundary>
  );
}

class Boundary extends Component<{ children?: ComponentChildren }, { error?: Error }> {
  static override getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render() {
    const { error } = this.state;
    return error ? <Failed text={error.message} again={() => this.setState({})} /> : this.props.children;
  }
}
